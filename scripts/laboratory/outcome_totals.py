"""The counts of many tickets' outcomes: of clocks, of the bulletin's figures, and of hours left."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from models.queries.bulletin import BulletinLine
from models.queries.figures import OF_DUTIES
from models.rules.lifecycle.outcome import TicketOutcome
from models.rules.state import Clock
from models.rules.vocabulary import ClockName, ClockState, ContactPurpose, Level

UNIT, CATEGORY = "unit", "category"
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

    `clocks` counts duties by their name and how they stand. `hours` counts how long before its
    deadline each act came, by holder and clock, in the ranges of `HOURS`.
    """

    def __init__(self) -> None:
        self.clocks = Counter[tuple[str, str]]()
        # by unit, category and figure: the sums are made when they are asked for
        self._figures = Counter[tuple[str, str, str]]()
        self.hours: dict[tuple[str, str], list[int]] = {}
        self.refused = Counter[str]()

    def add(self, outcome: TicketOutcome, times: int = 1) -> None:
        """Count a ticket; -1 times takes it back."""
        category = outcome.category or ""
        figures = self._figures
        denied = set(_unproved(outcome))
        figures[outcome.unit or "", category, "tickets"] += times
        for clock in outcome.clocks:
            state = clock.name, clock.state
            self.clocks[state] += times
            for figure, without_denied in _COUNTED.get(state, ()):
                if not (without_denied and (clock.name, clock.ordinal) in denied):
                    figures[clock.holder, category, figure] += times
            if clock.state is ClockState.EXPIRED:
                figures[clock.holder, category, "expired"] += times
            elif clock.state is ClockState.MET or clock.state is ClockState.LATE:
                self._note_hours(clock, times)
        for level in outcome.levels:
            figures[level.unit or "", category, level.level] += times
            if level.level is not Level.PREWARNING:
                figures[level.unit or "", category, "cards"] += times
        for unit in outcome.deemed:
            figures[unit or "", category, "deemed"] += times
        for kind in outcome.refused.values():
            self.refused[kind] += times

    def merge(self, other: "OutcomeTotals") -> None:
        """Add the counts of other tickets; of what comes to nothing, nothing is left."""
        for mine, theirs in (
            (self.clocks, other.clocks),
            (self.refused, other.refused),
            (self._figures, other._figures),
        ):
            _add_counts(mine, theirs)
        for place, counts in other.hours.items():
            self._add_hours(place, counts)
            if not any(self.hours[place]):
                del self.hours[place]

    def rename_units(self, present: Callable[[str], str]) -> None:
        """Count what units held under former names under their present ones."""
        figures, self._figures = self._figures, Counter()
        for (unit, category, figure), count in figures.items():
            self._figures[present(unit), category, figure] += count
        hours, self.hours = self.hours, {}
        for (holder, clock), counts in hours.items():
            self._add_hours((present(holder), clock), counts)

    def figures(self, dimension: str) -> Figures:
        """Return the figures by unit or by category: the bulletin's, with those beside them.

        Beside them are `tickets`, `deemed` and `expired`.
        """
        sums: Figures = {}
        for (unit, category, figure), count in self._figures.items():
            key = unit if dimension == UNIT else category
            sums.setdefault(key, Counter())[figure] += count
        return sums

    def lines(self, dimension: str) -> dict[str, BulletinLine]:
        """Return the figures of each unit or category, with their rates."""
        return {key: BulletinLine(key, counts) for key, counts in self.figures(dimension).items()}

    @property
    def all(self) -> BulletinLine:
        """The figures of all tickets."""
        sums = Counter[str]()
        for (_unit, _category, figure), count in self._figures.items():
            sums[figure] += count
        return BulletinLine("", sums)

    def _add_hours(self, place: tuple[str, str], counts: list[int]) -> None:
        mine = self.hours.get(place, [0] * (len(HOURS) + 1))
        self.hours[place] = [a + b for a, b in zip(mine, counts, strict=True)]

    def _note_hours(self, clock: Clock, times: int) -> None:
        assert clock.ended_at is not None
        place = (clock.holder, clock.name)
        counts = self.hours.get(place)
        if counts is None:
            counts = self.hours[place] = [0] * (len(HOURS) + 1)
        counts[bisect_right(HOURS, (clock.due - clock.ended_at) / _HOUR)] += times


def _add_counts(mine: Counter[Any], theirs: Counter[Any]) -> None:
    for key, count in theirs.items():
        mine[key] += count
        if not mine[key]:
            del mine[key]


def _unproved(outcome: TicketOutcome) -> Iterator[tuple[str, int]]:
    """Yield the contacts, by clock and ordinal, that were denied and never proved (4.3)."""
    for clock in outcome.clocks:
        if clock.name is ClockName.PROOF and clock.state is ClockState.EXPIRED:
            assert clock.purpose is not None
            yield _CONTACTS[clock.purpose], clock.concerns or 1
