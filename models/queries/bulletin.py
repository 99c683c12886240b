"""The bulletin of a month: figures by unit, ranks, trend, and talks that are proposed.

Proposals are the system's, from its own records (Regulation 6.1(3) and (5)); what people have
registered stands beside them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from models.database import Session
from models.i18n import LazyText, lazy
from models.queries.bulletin_topics import HotTopic, TopicLine, hot_topics, topic_lines
from models.queries.figure_cases import (
    Counts,
    FigureCase,
    figure_cases,
    figure_counts,
    figure_tickets,
)
from models.queries.figures import HOTLINE_DUTIES, RATES, Month, months_until
from models.queries.unit_names import UnitNames, load_unit_names
from models.rules.events import ConductRecorded
from models.rules.policy import BulletinRules
from models.rules.vocabulary import HOTLINE_HOLDERS, Ground

TREND = 5
"""The number of earlier months that stand beside a bulletin."""


@dataclass(frozen=True, slots=True)
class BulletinLine:
    """A unit's month, or that of all units; `rank` is None where it has completed nothing."""

    unit: str
    counts: Mapping[str, int]
    rank: int | None = None

    def count(self, figure: str) -> int:
        """A figure that is counted."""
        return self.counts.get(figure, 0)

    def rate(self, name: str) -> float | None:
        """A figure that is a quotient, from 0 to 1; None where there is nothing to divide by."""
        part, whole = RATES[name]
        return self.count(part) / self.count(whole) if self.count(whole) else None


@dataclass(frozen=True, slots=True)
class TalkProposal:
    """A talk (约谈提醒) that the system proposes, or conduct that people registered (6.1)."""

    unit: str
    clause: str
    why: LazyText
    tickets: tuple[str, ...] = ()
    grave: bool = False


@dataclass(frozen=True, slots=True)
class HotlineDuty:
    """A duty of the hotline's own in a month: how often it was met, and how often it expired."""

    holder: str
    duty: str
    met: int
    expired: int


@dataclass(frozen=True, slots=True)
class BodiesLine:
    """The sum of a parent's bodies; the parent has a line of its own beside it (1.3)."""

    parent: str
    bodies: tuple[str, ...]
    line: BulletinLine


@dataclass(frozen=True, slots=True)
class Correction:
    """A figure of a published month that has changed since, with the tickets that made it."""

    month: str
    unit: str
    figure: str
    was: int
    now: int
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def tickets(self) -> tuple[str, ...]:
        """The tickets that count now and did not, and those that did and do not."""
        return tuple(dict.fromkeys((*self.added, *self.removed)))


@dataclass(frozen=True, slots=True)
class Publication:
    """The moment at which a bulletin was published, and by whom."""

    published_at: datetime
    who: str


@dataclass(frozen=True)
class Bulletin:
    """A month's bulletin: a line a unit in the order of rank, and one for all of them.

    `hotline` are the duties of the desk and the city hotline, `bodies` the sums of parents' bodies,
    `topics` the tickets received by their topics, `hot` those that grew most.
    `corrections` are what has changed in earlier editions. A bulletin without a `publication` is a
    preview.
    """

    month: Month
    lines: tuple[BulletinLine, ...]
    total: BulletinLine
    trend: tuple[tuple[Month, Mapping[str, BulletinLine], BulletinLine], ...]
    proposals: tuple[TalkProposal, ...]
    conduct: tuple[TalkProposal, ...]
    hotline: tuple[HotlineDuty, ...] = ()
    bodies: tuple[BodiesLine, ...] = ()
    corrections: tuple[Correction, ...] = ()
    publication: Publication | None = None
    topics: tuple[TopicLine, ...] = ()
    hot: tuple[HotTopic, ...] = ()
    rules: BulletinRules = field(default_factory=BulletinRules)


def bulletin(session: Session, month: Month, rules: BulletinRules) -> Bulletin:
    """Put together the bulletin of a month as the store has it now (Regulation 5.4, 6.1)."""
    names = load_unit_names(session)
    trend = []
    span = months_until(month, TREND)
    for each, counts in zip(span, figure_counts(session, span, names), strict=True):
        lines_of = {u: BulletinLine(u, c) for u, c in counts.items() if u not in HOTLINE_HOLDERS}
        trend.append((each, lines_of, _sum(lines_of.values())))
    _month, present, total = trend[-1]
    lines = _ranked(present.values())
    conduct = tuple(_conduct(figure_cases(session, month, "recorded", names=names)))
    topics = topic_lines(session, span)
    return Bulletin(
        month,
        tuple(lines),
        total,
        tuple(trend),
        tuple(_proposals(session, month, lines, rules, names)),
        conduct,
        tuple(_hotline_duties(counts)),
        tuple(_bodies(present, names)),
        topics=topics,
        hot=hot_topics(session, month, topics),
        rules=rules,
    )


def _hotline_duties(counts: Counts) -> Iterable[HotlineDuty]:
    for holder in HOTLINE_HOLDERS:
        figures = counts.get(holder, {})
        for name in HOTLINE_DUTIES:
            met, expired = figures.get(f"{name}_met", 0), figures.get(f"{name}_expired", 0)
            if met or expired:
                yield HotlineDuty(holder, name, met, expired)


def _bodies(lines: Mapping[str, BulletinLine], names: UnitNames) -> Iterable[BodiesLine]:
    for parent, bodies in names.bodies.items():
        if counted := [lines[body] for body in bodies if body in lines]:
            yield BodiesLine(parent, bodies, BulletinLine(parent, _sum(counted).counts))


def _sum(lines: Iterable[BulletinLine]) -> BulletinLine:
    total: dict[str, int] = {}
    for line in lines:
        for figure, count in line.counts.items():
            total[figure] = total.get(figure, 0) + count
    return BulletinLine("", total)


def _merit(line: BulletinLine) -> tuple[float, float, float]:
    """Return the key of the ranking: on time, satisfaction, cards a ticket; less is better."""
    on_time, satisfaction = line.rate("on_time_rate"), line.rate("satisfaction")
    cards = line.count("cards") / line.count("completed")
    return -(on_time or 0.0), -(1.0 if satisfaction is None else satisfaction), cards


def _ranked(lines: Iterable[BulletinLine]) -> list[BulletinLine]:
    """Rank the lines; equal merit shares a rank, and units that completed nothing come last."""
    everything = sorted(lines, key=lambda line: line.unit)
    with_rank = sorted((line for line in everything if line.count("completed")), key=_merit)
    ranked: list[BulletinLine] = []
    for place, line in enumerate(with_rank, 1):
        same = bool(ranked) and _merit(ranked[-1]) == _merit(line)
        ranked.append(BulletinLine(line.unit, line.counts, ranked[-1].rank if same else place))
    return ranked + [line for line in everything if not line.count("completed")]


def _proposals(
    session: Session,
    month: Month,
    lines: Sequence[BulletinLine],
    rules: BulletinRules,
    names: UnitNames,
) -> Iterable[TalkProposal]:
    last = _last(lines, rules)
    cards = _once(figure_tickets(session, month, "cards", names))
    late = _once(figure_tickets(session, month, "late", names)) if last else {}
    for line in lines:
        red, yellow = line.count("red"), line.count("yellow")
        if _reaches(red, rules.red_from) or _reaches(yellow, rules.yellow_from):
            why = lazy("{yellow} yellow and {red} red cards", yellow=yellow, red=red)
            yield TalkProposal(line.unit, "6.1(3)", why, cards.get(line.unit, ()))
        if line in last:
            ranked = sum(other.rank is not None for other in lines)
            why = lazy("rank {rank} of {n} units", rank=line.rank or 0, n=ranked)
            yield TalkProposal(line.unit, "6.1(3)", why, late.get(line.unit, ()))
    for case in figure_cases(session, month, "recorded", names=names):
        conduct = case.event
        if isinstance(conduct, ConductRecorded) and conduct.ground == Ground.FALSIFIED:
            why = lazy("falsification has been registered")
            yield TalkProposal(case.unit, "6.1(3)", why, (case.ticket,), conduct.grave)
    for case in figure_cases(session, month, "proposed", names=names):
        why = lazy("designated by the district leader, it did not take the ticket")
        yield TalkProposal(case.unit, "6.1(5)", why, (case.ticket,))


def _once(tickets: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    return {unit: tuple(dict.fromkeys(numbers)) for unit, numbers in tickets.items()}


def _reaches(count: int, least: int) -> bool:
    return least > 0 and count >= least


def _last(lines: Sequence[BulletinLine], rules: BulletinRules) -> list[BulletinLine]:
    """Return the last ranks of units with enough tickets, never so many that nobody is ahead."""
    enough = [line for line in lines if line.count("completed") >= rules.ranked_from]
    some = min(rules.last_ranks, len(enough) // 2)
    best = enough[0].rank if enough else None
    return [line for line in enough[len(enough) - some :] if line.rank != best]


_CLAUSES = {ground: f"6.1({item})" for item, ground in enumerate(Ground, 1)}


def _conduct(cases: Iterable[FigureCase]) -> Iterable[TalkProposal]:
    for case in cases:
        conduct = case.event
        if isinstance(conduct, ConductRecorded):
            ground = conduct.ground
            why = lazy("{ground}", ground=ground)
            yield TalkProposal(case.unit, _CLAUSES[ground], why, (case.ticket,), conduct.grave)
