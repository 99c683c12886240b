"""The hand that writes: how a rule changes a ticket's state and tells of it in events."""

from datetime import datetime
from typing import Any

import msgspec

from models.i18n import LazyText, lazy
from models.rules import levels
from models.rules.messages import Refusal
from models.rules.state import Clock, Event, RuleContext, State
from models.rules.terms import Term, expiry
from models.rules.vocabulary import DISSATISFIED, ClockName, Level

_HOLD_OPEN = (ClockName.CLOSING_CONTACT, ClockName.SURVEY, ClockName.PROOF)
"""Clocks that keep a completed ticket from the archive (Regulation 4)."""


class Decision:
    """A ticket at one moment of its life, and what happens to it there.

    `at` is that moment; `cause` the arrival number of the message that brings it about, None
    where time alone does. `now` is the present, which only tells which alerts are overtaken; it is
    None where a life is played, and every moment is the present when it comes.
    """

    __slots__ = ("at", "cause", "context", "events", "now", "state")

    def __init__(
        self, state: State, context: RuleContext, at: datetime, now: datetime | None
    ) -> None:
        self.state = state
        self.context = context
        self.now = now
        self.at = at
        self.cause: int | None = None
        self.events: list[Event] = []

    def emit(self, name: str, private: dict[str, Any] | None = None, /, **data: Any) -> None:
        """Add an event to the ticket's log; `private` is what citizens wrote, sealed."""
        self.events.append(Event(name, self.at, self.played_at, self.cause, data, private))

    @property
    def played_at(self) -> datetime:
        """When the present moment comes in a life that is played.

        What a message puts into the past comes with that message.
        """
        seen = self.state.seen_at
        return self.at if seen is None else max(self.at, seen)

    @property
    def present(self) -> datetime:
        """The moment by which an alert may be overtaken."""
        return self.now or self.played_at

    def notify(self, kind: str, role: str, **data: Any) -> None:
        """Queue a notice to whoever has this role in the unit in charge, or in the hotline."""
        self.emit("notice.queued", kind=kind, role=role, **data)

    def due(self, base: datetime, term: Term) -> datetime:
        """When a term begun at `base` runs out."""
        return expiry(base, term, self.context.calendar, self.context.policy.office)

    # Clocks

    def clock(self, key: str) -> Clock | None:
        """The clock of this key if it runs."""
        clock = self.state.clocks.get(key)
        return clock if clock is not None and clock.running else None

    def start(
        self,
        name: str,
        base: datetime,
        due: datetime,
        *,
        unit: str | None = None,
        purpose: str | None = None,
        why: LazyText | None = None,
    ) -> None:
        """Start a clock that is not running; `why` where its base is not the present moment."""
        guessed = self._guessed(name, base, due)
        key = clock_key(name, unit or purpose)
        whys = [why] if why else []
        clock = Clock(name, base, due, guessed, unit=unit, purpose=purpose, why=whys)
        self.state.clocks[key] = clock
        extra = {k: v for k, v in (("unit", unit), ("purpose", purpose), ("why", why)) if v}
        self.emit("clock.started", clock=name, base=base, due=due, provisional=guessed, **extra)
        if name == ClockName.HANDLING:
            self._set_ladder(base, due)

    def move(self, name: str, base: datetime, due: datetime, why: LazyText) -> None:
        """Move the expiry of a running clock."""
        clock = self.state.clocks[name]
        whys = [*clock.why, why] if base == clock.base else [why]
        guessed = self._guessed(name, base, due)
        self.change(name, base=base, due=due, why=whys, provisional=guessed)
        self.emit("clock.moved", clock=name, due=due, why=why, provisional=guessed)
        if name == ClockName.HANDLING:
            self._set_ladder(base, due)

    def stop(self, key: str, outcome: str | None = None) -> None:
        """Stop a clock if it runs; without `outcome` it is met, or late, by the present moment."""
        if (clock := self.clock(key)) is None:
            return
        outcome = outcome or ("met" if self.at <= clock.due else "late")
        self.change(key, state=outcome, ended_at=self.at, remind_at=None)
        self.emit("clock.stopped", clock=clock.name, outcome=outcome, **clock_identity(clock))
        if clock.name in _HOLD_OPEN and outcome != "cancelled":
            self.settled(self.at)

    def change(self, key: str, **fields: Any) -> None:
        """Let the clock of this key have these fields instead."""
        clocks = self.state.clocks
        clocks[key] = msgspec.structs.replace(clocks[key], **fields)

    def cancel(self, *names: str) -> None:
        """Stop, as no longer applying, every running clock of these names; all if none is given."""
        for key, clock in self.state.clocks.items():
            if clock.running and (not names or clock.name in names):
                self.stop(key, "cancelled")

    def new_run(self) -> None:
        """Begin a new run of the handling clock: its levels may be raised again."""
        self.state.run += 1
        self.state.raised = []

    def settled(self, at: datetime) -> None:
        """Remember when the last thing that keeps a completed ticket open has ended."""
        before = self.state.settled_at
        self.state.settled_at = at if before is None else max(before, at)

    def reconsider_archiving(self) -> None:
        """Set or clear the moment at which a completed ticket goes to the archive."""
        state = self.state
        state.archive_at = None
        if state.status != "completed" or state.revisit or state.settled_at is None:
            return
        if any(c.running for c in state.clocks.values() if c.name in _HOLD_OPEN):
            return
        state.archive_at = self.due(state.settled_at, self.context.policy.terms.archive)

    def rate(self, rating: str | None) -> None:
        """Let this rating stand, and keep or clear the revisit that it asks for."""
        self.state.rating = rating
        if rating not in DISSATISFIED and self.state.revisit:
            self.state.revisit = False
            self.settled(self.at)

    def _guessed(self, name: str, base: datetime, due: datetime) -> bool:
        context = self.context
        if name == ClockName.HANDLING:
            return levels.provisional(base, due, context.policy, context.calendar)
        return context.calendar.provisional(base.date(), max(base, due).date())

    def _set_ladder(self, base: datetime, due: datetime) -> None:
        context = self.context
        self.state.ladder = levels.moments(base, due, context.policy, context.calendar)


def clock_key(name: str, of: str | None) -> str:
    """What names a clock within a ticket: evidence runs per unit, proof per purpose."""
    return f"{name}:{of}" if of else name


def clock_identity(clock: Clock) -> dict[str, str]:
    """What tells this clock from others of its name."""
    pairs = (("unit", clock.unit), ("purpose", clock.purpose))
    return {k: v for k, v in pairs if v}


def next_level(state: State) -> tuple[str, datetime] | None:
    """The level to be raised next while the handling clock runs, with its moment."""
    clock = state.clocks.get(ClockName.HANDLING)
    if clock is None or not clock.running:
        return None
    done = len(state.raised)
    return state.ladder[done] if done < len(Level) else None


def wrong_status(decision: Decision) -> Refusal:
    """The ticket is not where this message could act on it."""
    return Refusal(lazy("not possible while the ticket is {status}", status=decision.state.status))


def filled(value: object) -> bool:
    """Whether a part of some papers is there and says something."""
    return bool(value.strip()) if isinstance(value, str) else bool(value)
