"""The month's tickets by topic, and the topics that grew most against the months before (热点诉求).

They are the tickets that the bulletin counts as received, so that the topics add up to its total.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from models.database import Session
from models.queries.figures import Month, month_index, received_tickets
from models.queries.similar import similar_tickets
from models.queries.topics import load_topics
from models.rules.topics import SEPARATOR, UNKNOWN_TOPIC, TopicTree
from models.tables.core import TICKET

NO_TOPIC = ""
"""The code of the line of tickets without a topic."""
_HOT_TOPICS = 5
_HOT_FROM = 3
"""The fewest tickets of a topic that is called hot."""
_GROUPS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class TopicLine:
    """A topic's month: its tickets, and those of each month before, the earliest first.

    Its code is `NO_TOPIC` for tickets without one, `UNKNOWN_TOPIC` for those whose topic the
    classification does not have. `path` is its labels from the first level down.
    """

    code: str
    path: str
    tickets: int
    before: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TopicGroup:
    """Similar tickets of several claimants behind a hot topic; the title is the first one's."""

    title: str
    claimants: int
    tickets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HotTopic:
    """A topic that grew: its tickets, the mean of the months before, and who wrote about what."""

    code: str
    path: str
    tickets: int
    mean_before: float
    groups: tuple[TopicGroup, ...] = ()

    @property
    def growth(self) -> float:
        """The tickets more than the mean of the months before."""
        return self.tickets - self.mean_before


def topic_lines(session: Session, span: Sequence[Month]) -> tuple[TopicLine, ...]:
    """Return the topics of the last month of a span and of those before, as the tickets have them.

    They stand in the order of the classification; none where no ticket has a topic.
    """
    received = received_tickets(span).add_columns(TICKET.c.topic).subquery()
    place = month_index(span, received.c.moment)
    rows = session.execute(
        select(place, received.c.topic, func.count()).group_by(place, received.c.topic)
    )
    counts: dict[str, list[int]] = {}
    for month, code, count in rows:
        counts.setdefault(code or NO_TOPIC, [0] * len(span))[month] += count
    if not counts.keys() - {NO_TOPIC}:
        return ()
    tree = load_topics(session)
    return tuple(_line(tree, code, counts[code]) for code in _in_order(tree, counts))


def _in_order(tree: TopicTree, counts: Mapping[str, object]) -> list[str]:
    order = {code: place for place, code in enumerate([*tree.topics, UNKNOWN_TOPIC, NO_TOPIC])}
    return sorted(counts, key=lambda code: order[code])


def _line(tree: TopicTree, code: str, months: Sequence[int]) -> TopicLine:
    path = "" if code in (UNKNOWN_TOPIC, NO_TOPIC) else tree.path(code)
    return TopicLine(code, path, months[-1], tuple(months[:-1]))


def first_levels(lines: Iterable[TopicLine]) -> list[TopicLine]:
    """Return the sums of topics by their first level; what has no path stays a line of its own."""
    sums: dict[str, TopicLine] = {}
    for line in lines:
        first = line.path.split(SEPARATOR)[0]
        key = first or line.code
        so_far = sums.get(key, TopicLine("" if first else line.code, first, 0, ()))
        before = so_far.before or (0,) * len(line.before)
        sums[key] = TopicLine(
            so_far.code,
            first,
            so_far.tickets + line.tickets,
            tuple(a + b for a, b in zip(before, line.before, strict=True)),
        )
    return list(sums.values())


def hot_topics(session: Session, month: Month, lines: Sequence[TopicLine]) -> tuple[HotTopic, ...]:
    """Return the topics that grew most against the mean of the months before, the most first.

    Months in which no ticket at all was received are no part of the mean; without any earlier
    month nothing is known to have grown. The similar tickets are those of the month.
    """
    totals = [sum(months) for months in zip(*(line.before for line in lines), strict=True)]
    counted = [place for place, total in enumerate(totals) if total]
    if not counted:
        return ()
    grown = []
    for line in lines:
        mean = sum(line.before[place] for place in counted) / len(counted)
        if line.path and line.tickets >= _HOT_FROM and line.tickets > mean:
            grown.append(HotTopic(line.code, line.path, line.tickets, round(mean, 1)))
    grown.sort(key=lambda topic: (-topic.growth, topic.path))
    return tuple(
        HotTopic(t.code, t.path, t.tickets, t.mean_before, _groups(session, month, t.code))
        for t in grown[:_HOT_TOPICS]
    )


def _groups(session: Session, month: Month, code: str) -> tuple[TopicGroup, ...]:
    similar = similar_tickets(
        session, month.begins_at, until=month.plus(1).begins_at, topic=code, closed=True
    )
    return tuple(
        TopicGroup(group.tickets[0].title, group.claimants, tuple(t.ticket for t in group.tickets))
        for group in similar[:_GROUPS_SHOWN]
    )
