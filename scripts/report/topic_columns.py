"""The bulletin's tickets by topic, and its hot topics, as people read them."""

from collections.abc import Sequence
from typing import NamedTuple

from models.i18n import _
from models.queries.bulletin import Bulletin
from models.queries.bulletin_topics import HotTopic, TopicLine, first_levels
from models.rules.topics import UNKNOWN_TOPIC
from scripts.report.columns import redacted_line

_TICKETS_SHOWN = 6


class TopicsTable(NamedTuple):
    """A table of the bulletin."""

    title: str
    heads: list[str]
    rows: list[list[str]]


def topics_table(bulletin: Bulletin, *, whole: bool) -> TopicsTable:
    """The tickets by topic: the `whole`, as the tickets have them, or the first levels alone.

    This month comes first, then those before, the latest first.
    """
    before = [str(month) for month, _lines, _total in bulletin.trend[-2::-1]]
    lines: Sequence[TopicLine] = bulletin.topics if whole else first_levels(bulletin.topics)
    return TopicsTable(
        _("Tickets by topic"),
        [_("topic"), str(bulletin.month), *before],
        [[_topic(line), str(line.tickets), *map(str, reversed(line.before))] for line in lines],
    )


def hot_table(bulletin: Bulletin) -> TopicsTable:
    """The hot topics, with the largest groups of similar tickets behind each."""
    return TopicsTable(
        _("Hot topics: what grew most against the months before"),
        [_("topic"), _("this month"), _("mean before"), _("more"), _("similar tickets")],
        [
            [
                redacted_line(topic.path),
                str(topic.tickets),
                f"{topic.mean_before:.1f}",
                f"{topic.growth:.1f}",
                _behind(topic),
            ]
            for topic in bulletin.hot
        ],
    )


def _topic(line: TopicLine) -> str:
    if line.path:
        return redacted_line(line.path)
    return _("not in the classification") if line.code == UNKNOWN_TOPIC else _("without a topic")


def _behind(topic: HotTopic) -> str:
    groups = []
    for group in topic.groups:
        some = ", ".join(map(redacted_line, group.tickets[:_TICKETS_SHOWN]))
        more = " …" if len(group.tickets) > _TICKETS_SHOWN else ""
        text = _("{title} ({n} claimants): {tickets}")
        groups.append(
            text.format(title=redacted_line(group.title), n=group.claimants, tickets=some + more)
        )
    return "; ".join(groups) or "-"
