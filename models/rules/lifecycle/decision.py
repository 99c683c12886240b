"""The decision on a ticket: rules change its state and emit events through it."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from models.i18n import LazyText, lazy
from models.rules import events, levels
from models.rules.events import Event, EventData
from models.rules.messages import Message, Refusal
from models.rules.state import Clock, RuleContext, State
from models.rules.terms import Term, expiry
from models.rules.vocabulary import (
    DISSATISFIED,
    ClockName,
    ClockState,
    ContactPurpose,
    Rating,
    Status,
)

_KEEP_OPEN = (ClockName.CLOSING_CONTACT, ClockName.SURVEY, ClockName.PROOF)
"""Clocks that keep a completed ticket from the archive (Regulation 4)."""


class Decision:
    """A ticket at one moment of its life, and what happens to it there.

    `at` is that moment; `message` what brings it about, None where time alone does. `now` is the
    present, which only says which alerts are overtaken; it is None where a life is played, and
    every moment is the present when it comes.
    """

    __slots__ = ("at", "context", "events", "message", "now", "state")

    def __init__(
        self, state: State, context: RuleContext, at: datetime, now: datetime | None
    ) -> None:
        self.state = state
        self.context = context
        self.now = now
        self.at = at
        self.message: Message | None = None
        self.events: list[Event] = []

    def emit(self, data: EventData) -> None:
        """Add an event to the ticket's log."""
        cause = self.message.arrival if self.message else None
        self.events.append(Event(data, self.at, self.played_at, cause))

    @property
    def played_at(self) -> datetime:
        """The moment at which an event is recorded in a life that is played.

        What a message puts into the past comes with that message.
        """
        seen = self.state.seen_at
        return self.at if seen is None else max(self.at, seen)

    @property
    def present(self) -> datetime:
        """The moment by which an alert may be overtaken."""
        return self.now or self.played_at

    def due(self, base: datetime, term: Term) -> datetime:
        """Return when a term begun at `base` runs out."""
        return expiry(base, term, self.context.calendar, self.context.policy.office)

    # Clocks

    def running_clock(self, key: str) -> Clock | None:
        """Return the clock of this key if it runs."""
        clock = self.state.clocks.get(key)
        return clock if clock is not None and clock.running else None

    def start_clock(
        self,
        name: ClockName,
        base: datetime,
        due: datetime,
        *,
        unit: str | None = None,
        purpose: ContactPurpose | None = None,
        why: LazyText | None = None,
    ) -> None:
        """Start a clock that is not running; `why` where its base is not the present moment."""
        provisional = self._is_provisional(name, base, due)
        reasons = (why,) if why else ()
        clock = Clock(name, base, due, provisional, unit=unit, purpose=purpose, why=reasons)
        self.state.clocks[clock_key(name, unit or purpose)] = clock
        self.emit(
            events.ClockStarted(
                clock=name,
                base=base,
                due=due,
                provisional=provisional,
                unit=unit or UNSET,
                purpose=purpose or UNSET,
                why=why or UNSET,
            )
        )
        if name == ClockName.HANDLING:
            self._set_ladder(base, due)

    def move_clock(self, name: ClockName, base: datetime, due: datetime, why: LazyText) -> None:
        """Move the expiry of a running clock."""
        clock = self.state.clocks[name]
        reasons = (*clock.why, why) if base == clock.base else (why,)
        provisional = self._is_provisional(name, base, due)
        self.change_clock(name, base=base, due=due, why=reasons, provisional=provisional)
        self.emit(events.ClockMoved(clock=name, due=due, why=why, provisional=provisional))
        if name == ClockName.HANDLING:
            self._set_ladder(base, due)

    def stop_clock(self, key: str, outcome: ClockState | None = None) -> None:
        """Stop a clock if it runs; without `outcome` it is met, or late, by the present moment."""
        if (clock := self.running_clock(key)) is None:
            return
        if outcome is None:
            outcome = ClockState.MET if self.at <= clock.due else ClockState.LATE
        self.change_clock(key, state=outcome, ended_at=self.at, remind_at=None)
        self.emit(
            events.ClockStopped(
                clock=clock.name,
                outcome=outcome,
                unit=clock.unit or UNSET,
                purpose=clock.purpose or UNSET,
            )
        )
        if clock.name in _KEEP_OPEN and outcome != ClockState.CANCELLED:
            self.note_settled(self.at)

    def change_clock(self, key: str, **fields: Any) -> None:
        """Replace the clock of this key by one with these fields."""
        clocks = self.state.clocks
        clocks[key] = msgspec.structs.replace(clocks[key], **fields)

    def cancel_clocks(self, *names: ClockName) -> None:
        """Stop, as no longer applying, every running clock of these names; all if none is given."""
        for key, clock in self.state.clocks.items():
            if clock.running and (not names or clock.name in names):
                self.stop_clock(key, ClockState.CANCELLED)

    def begin_run(self) -> None:
        """Begin a new run of the handling clock: its levels may be raised again."""
        self.state.run += 1
        self.state.raised = ()

    def note_settled(self, at: datetime) -> None:
        """Remember when the last thing that keeps a completed ticket open has ended."""
        before = self.state.settled_at
        self.state.settled_at = at if before is None else max(before, at)

    def schedule_archiving(self) -> None:
        """Set or clear the moment at which a completed ticket goes to the archive."""
        state = self.state
        state.archive_at = None
        if state.status != Status.COMPLETED or state.revisit or state.settled_at is None:
            return
        if any(c.running for c in state.clocks.values() if c.name in _KEEP_OPEN):
            return
        state.archive_at = self.due(state.settled_at, self.context.policy.terms.archive)

    def set_rating(self, rating: Rating) -> None:
        """Let this rating stand; one that is not dissatisfied closes the revisit."""
        self.state.rating = rating
        if rating not in DISSATISFIED and self.state.revisit:
            self.state.revisit = False
            self.note_settled(self.at)

    def _is_provisional(self, name: ClockName, base: datetime, due: datetime) -> bool:
        context = self.context
        if name == ClockName.HANDLING:
            return levels.provisional(base, due, context.policy, context.calendar)
        return context.calendar.provisional(base.date(), max(base, due).date())

    def _set_ladder(self, base: datetime, due: datetime) -> None:
        context = self.context
        self.state.ladder = levels.moments(base, due, context.policy, context.calendar)


def clock_key(name: ClockName, of: str | None) -> str:
    """Return the name of a clock within a ticket: evidence runs per unit, proof per purpose."""
    return f"{name}:{of}" if of else name


def wrong_status(decision: Decision) -> Refusal:
    """Return the refusal of a message that cannot be applied in the ticket's status."""
    return Refusal(lazy("not possible while the ticket is {status}", status=decision.state.status))


def has_content(value: object) -> bool:
    """Return whether a part of a message is there and says something."""
    return bool(value.strip()) if isinstance(value, str) else bool(value)
