"""The bulletin's tickets by topic, and its hot topics, as people read them."""

from collections.abc import Sequence

from models.i18n import _
from models.queries.bulletin import Bulletin
from models.queries.bulletin_topics import HotTopic, TopicLine, first_levels
from models.rules.topics import UNKNOWN_TOPIC
from scripts.report.columns import redacted_line

_TICKETS_SHOWN = 6


def topics_title() -> str:
    """The title of the tickets by topic."""
    return _("Tickets by topic")


def hot_title() -> str:
    """The title of the hot topics."""
    return _("Hot topics: what grew most against the months before")


def topic_heads(bulletin: Bulletin) -> list[str]:
    """The headings of the tickets by topic: this month, then those before, the latest first."""
    before = [str(month) for month, _lines, _total in bulletin.trend[-2::-1]]
    return [_("topic"), str(bulletin.month), *before]


def topic_rows(bulletin: Bulletin, *, whole: bool) -> list[list[str]]:
    """The tickets by topic: the `whole`, as the tickets have them, or the first levels alone."""
    lines: Sequence[TopicLine] = bulletin.topics if whole else first_levels(bulletin.topics)
    return [[_topic(line), str(line.tickets), *map(str, reversed(line.before))] for line in lines]


def hot_heads() -> list[str]:
    """The headings of the hot topics."""
    return [_("topic"), _("this month"), _("mean before"), _("more"), _("similar tickets")]


def hot_rows(bulletin: Bulletin) -> list[list[str]]:
    """The hot topics with the largest groups of similar tickets behind each."""
    return [
        [
            redacted_line(topic.path),
            str(topic.tickets),
            f"{topic.mean_before:.1f}",
            f"{topic.growth:.1f}",
            _behind(topic),
        ]
        for topic in bulletin.hot
    ]


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
