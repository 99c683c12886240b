"""Compare how tickets fare under several sets of rules; the first one is what the others change."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from models.rules.lifecycle.decision import clock_key
from models.rules.lifecycle.outcome import TicketOutcome
from models.rules.state import Clock
from models.rules.vocabulary import Level
from scripts.laboratory.outcome_totals import OutcomeTotals

DutyKey: TypeAlias = tuple[str, int]
"""A clock's key within its ticket, and the ordinal of the duty."""


@dataclass(frozen=True, slots=True)
class DutyChange:
    """A duty that fares differently; None on the side that does not have it."""

    key: DutyKey
    was: Clock | None
    would_be: Clock | None

    @property
    def tips(self) -> bool:
        """Whether it ends otherwise, and not only at another moment."""
        return _state(self.was) != _state(self.would_be)


@dataclass(frozen=True, slots=True)
class CountChange:
    """A number that differs: of a level, of deemed acceptances, or of refused messages."""

    what: str
    was: int
    would_be: int


@dataclass(frozen=True, slots=True)
class TicketDifference:
    """A ticket that fares differently under a variant; `variant` is its place among the sets."""

    variant: int
    ticket: str
    was: TicketOutcome
    would_be: TicketOutcome
    duties: tuple[DutyChange, ...]
    counts: tuple[CountChange, ...]

    @property
    def tips(self) -> bool:
        """Whether something ends otherwise, and not only at another moment; a card is raised."""
        counted = any(change.what != Level.PREWARNING for change in self.counts)
        return counted or any(duty.tips for duty in self.duties)

    @property
    def deciding_duty(self) -> DutyChange | None:
        """The duty that shows best why: the first that tips, or else the first that moves."""
        return next((duty for duty in self.duties if duty.tips), next(iter(self.duties), None))


class Comparison:
    """Tickets counted under several sets of rules, and how many of them differ from the first.

    Until it is complete, the `totals` but the first have only what differs from that.
    """

    def __init__(self, sides: int) -> None:
        self.tickets = 0
        self.totals = [OutcomeTotals() for _side in range(sides)]
        self.differ = [0] * sides
        self.tipped = [0] * sides
        self.differ_anywhere = 0

    def add(self, outcomes: Sequence[TicketOutcome]) -> list[TicketDifference]:
        """Count a ticket, as it fared under each set of rules; return its differences."""
        self.tickets += 1
        today = outcomes[0]
        self.totals[0].add(today)
        differences = []
        for variant, outcome in enumerate(outcomes[1:], 1):
            # most tickets fare the same under most variants, and need not be counted again
            if outcome is today or outcome == today:
                continue
            self.totals[variant].add(today, -1)
            self.totals[variant].add(outcome)
            difference = compare(today, outcome, variant)
            if difference is not None:
                self.differ[variant] += 1
                self.tipped[variant] += difference.tips
                differences.append(difference)
        self.differ_anywhere += bool(differences)
        return differences

    def complete(self) -> None:
        """Add what does not differ to the totals of the other sets, once all tickets are there."""
        for total in self.totals[1:]:
            total.merge(self.totals[0])

    def merge(self, other: "Comparison") -> None:
        """Add other tickets, before this one is complete."""
        self.tickets += other.tickets
        self.differ_anywhere += other.differ_anywhere
        for mine, theirs in zip(self.totals, other.totals, strict=True):
            mine.merge(theirs)
        self.differ = [a + b for a, b in zip(self.differ, other.differ, strict=True)]
        self.tipped = [a + b for a, b in zip(self.tipped, other.tipped, strict=True)]


def compare(was: TicketOutcome, would_be: TicketOutcome, variant: int) -> TicketDifference | None:
    """Return in what a ticket fares differently, None where in nothing."""
    duties = tuple(_duty_changes(was.clocks, would_be.clocks))
    counts = tuple(_count_changes(was, would_be))
    if not duties and not counts:
        return None
    return TicketDifference(variant, would_be.ticket, was, would_be, duties, counts)


def _duty_changes(was: Sequence[Clock], would_be: Sequence[Clock]) -> Iterator[DutyChange]:
    if was == would_be:
        return
    before, after = _by_key(was), _by_key(would_be)
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if _facts(old) != _facts(new):
            yield DutyChange(key, old, new)


def _by_key(clocks: Sequence[Clock]) -> Mapping[DutyKey, Clock]:
    return {(clock_key(c.name, c.unit or c.purpose), c.ordinal): c for c in clocks}


_Facts: TypeAlias = tuple[str, str, datetime, datetime | None]


def _facts(clock: Clock | None) -> _Facts | None:
    return None if clock is None else (clock.holder, clock.state, clock.due, clock.ended_at)


def _state(clock: Clock | None) -> str | None:
    return None if clock is None else clock.state


def _count_changes(was: TicketOutcome, would_be: TicketOutcome) -> Iterator[CountChange]:
    if was.levels != would_be.levels:
        before, after = Counter(x.level for x in was.levels), Counter(
            x.level for x in would_be.levels
        )  # fmt: skip
        for level in Level:
            if before[level] != after[level]:
                yield CountChange(level, before[level], after[level])
    if was.deemed != would_be.deemed:
        yield CountChange("deemed", len(was.deemed), len(would_be.deemed))
    if was.refused != would_be.refused:
        yield CountChange("refused", len(was.refused), len(would_be.refused))
