"""The counts of many tickets' outcomes: of clocks, of the bulletin's figures, and of hours left."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TypeAlias

from models.queries.bulletin import BulletinLine
from models.queries.figures import OF_DUTIES
from models.rules.lifecycle.outcome import TicketOutcome
from models.rules.state import Clock
from models.rules.vocabulary import ClockName, ClockState, ContactPurpose, Level

UNIT, CATEGORY, ALL = "unit", "category", "all"
"""What the figures are counted by."""

Figures: TypeAlias = dict[str, Counter[str]]
"""The figures by unit or category."""

HOURS = (-72, -24, -8, 0, 8, 24, 48, 72, 120)
"""The bounds of the hours that an act came before its deadline; less than none is after it."""

_CONTACTS = {
    ContactPurpose.FIRST: ClockName.FIRST_CONTACT,
    ContactPurpose.CLOSING: ClockName.CLOSING_CONTACT,
}
_COUNTED: Mapping[tuple[str, str], list[tuple[str, bool]]] = defaultdict(list)
for _figure, _duty in OF_DUTIES.items():
    for _state in _duty.states:
        _COUNTED[_duty.name, _state].append((_figure, _duty.denied))
_HOUR = timedelta(hours=1)


class OutcomeTotals:
    """The counts of tickets under one set of rules.

    `clocks` counts duties by their name and how they stand; `figures` are those of the bulletin,
    and `deemed`, `expired` and `tickets` beside them, by unit, by category, and of all. `hours`
    counts how long before its deadline each act came, by holder and clock, in the ranges of
    `HOURS`.
    """

    def __init__(self) -> None:
        self.clocks = Counter[tuple[str, str]]()
        self.figures: dict[str, Figures] = {UNIT: {}, CATEGORY: {}, ALL: {}}
        self.hours: dict[tuple[str, str], list[int]] = {}
        self.refused = Counter[str]()

    def add(self, outcome: TicketOutcome) -> None:
        """Count a ticket."""
        category = outcome.category or ""
        denied = set(_unproved(outcome))
        self._count(outcome.unit, category, "tickets")
        for clock in outcome.clocks:
            self.clocks[clock.name, clock.state] += 1
            for figure, without_denied in _COUNTED.get((clock.name, clock.state), ()):
                if not (without_denied and (clock.name, clock.ordinal) in denied):
                    self._count(clock.holder, category, figure)
            if clock.state is ClockState.EXPIRED:
                self._count(clock.holder, category, "expired")
            elif clock.state in (ClockState.MET, ClockState.LATE):
                self._note_hours(clock)
        for level in outcome.levels:
            self._count(level.unit, category, level.level)
            if level.level is not Level.PREWARNING:
                self._count(level.unit, category, "cards")
        for unit in outcome.deemed:
            self._count(unit, category, "deemed")
        self.refused.update(outcome.refused.values())

    def merge(self, other: "OutcomeTotals") -> None:
        """Add the counts of other tickets."""
        self.clocks.update(other.clocks)
        self.refused.update(other.refused)
        for dimension, figures in other.figures.items():
            for key, counts in figures.items():
                self.figures[dimension].setdefault(key, Counter()).update(counts)
        for place, hours in other.hours.items():
            mine = self.hours.setdefault(place, [0] * (len(HOURS) + 1))
            self.hours[place] = [a + b for a, b in zip(mine, hours, strict=True)]

    def line(self, dimension: str, key: str = "") -> BulletinLine:
        """Return the figures of a unit, a category or of all, with their rates."""
        return BulletinLine(key, self.figures[dimension].get(key, {}))

    def _count(self, unit: str | None, category: str, figure: str) -> None:
        for dimension, key in ((UNIT, unit or ""), (CATEGORY, category), (ALL, "")):
            of = self.figures[dimension]
            counts = of.get(key)
            if counts is None:
                counts = of[key] = Counter()
            counts[figure] += 1

    def _note_hours(self, clock: Clock) -> None:
        assert clock.ended_at is not None
        place = (clock.holder, clock.name)
        counts = self.hours.get(place)
        if counts is None:
            counts = self.hours[place] = [0] * (len(HOURS) + 1)
        counts[bisect_right(HOURS, (clock.due - clock.ended_at) / _HOUR)] += 1


def _unproved(outcome: TicketOutcome) -> Iterator[tuple[str, int]]:
    """Yield the contacts, by clock and ordinal, that were denied and never proved (4.3)."""
    for clock in outcome.clocks:
        if clock.name is ClockName.PROOF and clock.state is ClockState.EXPIRED:
            assert clock.purpose is not None
            yield _CONTACTS[clock.purpose], clock.concerns or 1
