"""The decision on a ticket: rules change its state and emit events through it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict, replace

from models.i18n import LazyText, lazy
from models.rules import events, levels
from models.rules.events import AlertRaised, Event, EventData, NoticedDuty, NoticeQueued
from models.rules.messages import MISSING, Content, Message, Refusal
from models.rules.papers import lacking_parts
from models.rules.state import Clock, RuleContext, State
from models.rules.terms import Term, expiry
from models.rules.vocabulary import (
    HOTLINE_HOLDERS,
    ClockName,
    ClockState,
    ContactPurpose,
    DutyChange,
    NoticeKind,
    Recipient,
    Status,
)

_KEEP_OPEN = (ClockName.CLOSING_CONTACT, ClockName.SURVEY, ClockName.PROOF)
"""Clocks that keep a completed ticket from the archive (Regulation 4)."""

# looked up once: a member of an enum costs as much as a call, and every event asks for these
_RUNNING, _MET, _CANCELLED = ClockState.RUNNING, ClockState.MET, ClockState.CANCELLED
_STARTED, _DISCHARGED = DutyChange.STARTED, DutyChange.MET
_HANDLING, _COMPLETED, _UNIT_CONTACT = ClockName.HANDLING, Status.COMPLETED, Recipient.UNIT_CONTACT


class Decision:
    """A ticket at one moment of its life, and what happens to it there.

    `at` is that moment; `message` what brings it about, None where time alone does. `now` is the
    present, which only says which alerts are overtaken; it is None where a life is played, and
    every moment is the present when it comes. `past` are the duties that later ones of their key
    have replaced, `raised` the levels among the `events`.

    A message or a moment is one occasion: the notices of it wait until it is concluded, when each
    gets what the occasion did to its recipient's duties.
    """

    __slots__ = (
        "_changes",
        "_notices",
        "at",
        "context",
        "events",
        "message",
        "now",
        "past",
        "raised",
        "state",
    )

    def __init__(
        self, state: State, context: RuleContext, at: datetime, now: datetime | None
    ) -> None:
        self.state = state
        self.context = context
        self.now = now
        self.at = at
        self.message: Message | None = None
        self.events: list[Event] = []
        self.past: list[Clock] = []
        self.raised: list[AlertRaised] = []
        self._notices: list[tuple[str, NoticeQueued]] = []
        self._changes: list[tuple[Clock, DutyChange]] = []

    def emit(self, data: EventData) -> None:
        """Add an event to the ticket's log."""
        # an event of every occasion passes here: no property, no call that can be spared
        at, seen, message = self.at, self.state.seen_at, self.message
        played_at = at if seen is None or seen <= at else seen
        self.events.append(Event(data, at, played_at, None if message is None else message.arrival))

    # Notices

    def notify(
        self, kind: NoticeKind, role: Recipient, unit: str | None = None, **about: Any
    ) -> None:
        """Queue a notice of this occasion to whoever has a role, of a unit where it has one."""
        quiet_before = self.state.quiet_before
        if quiet_before is not None and self.at < quiet_before:
            return
        named = UNSET if unit is None else unit
        holder = (unit or "") if role is _UNIT_CONTACT else role
        self._notices.append((holder, NoticeQueued(kind=kind, role=role, unit=named, **about)))

    def notify_unit(self, kind: NoticeKind, unit: str | None, **about: Any) -> None:
        """Queue a notice of this occasion to a unit's contact; nobody where there is no unit."""
        if unit is not None:
            self.notify(kind, _UNIT_CONTACT, unit, **about)

    def conclude(self, actor: str | None = None) -> None:
        """End an occasion: emit its notices, and tell whose duties it changed by others' acts.

        No duty begins, moves, is passed on or ends by another's act without a notice to its holder
        (decision 32). `actor` has changed its own duties by what it did, as the log says already.
        """
        notices, changes = self._notices, self._changes
        if not notices and not changes:
            return
        self._notices, self._changes = [], []
        quiet_before = self.state.quiet_before
        if quiet_before is not None and self.at < quiet_before:
            return
        if changes and actor not in [holder for holder, _notice in notices]:
            changes = [change for change in changes if change[0].holder != actor]
        duties = _duties_by_holder(changes) if changes else {}
        for holder, notice in notices:
            changed = duties.pop(holder, None)
            self.emit(replace(notice, duties=changed) if changed else notice)
        for holder, changed in duties.items():
            self.emit(duties_changed(holder, changed))

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
        return clock if clock is not None and clock.state is _RUNNING else None

    def start_clock(
        self,
        name: ClockName,
        base: datetime,
        due: datetime,
        *,
        holder: str | None = None,
        unit: str | None = None,
        purpose: ContactPurpose | None = None,
        concerns: int = 0,
        why: LazyText | None = None,
        resumes: bool = False,
    ) -> None:
        """Start a clock that is not running; `why` where its base is not the present moment.

        It is the duty of `holder`, or else of the unit in charge; one that `resumes` is the same
        duty as before.
        """
        provisional = self._plan(name, base, due)
        key = clock_key(name, unit or purpose)
        before = self.state.clocks.get(key)
        clock = Clock(
            name,
            base,
            due,
            provisional,
            holder=holder or str(self.state.unit),
            ordinal=1 if before is None else before.ordinal + (not resumes),
            unit=unit,
            purpose=purpose,
            concerns=concerns,
            why=(why,) if why else (),
        )
        if before is not None and not resumes:
            self.past.append(before)
        self.state.clocks[key] = clock
        self._changes.append((clock, _STARTED))
        self.emit(
            events.ClockStarted(
                clock=name,
                base=base,
                due=due,
                provisional=provisional,
                holder=clock.holder,
                unit=unit or UNSET,
                purpose=purpose or UNSET,
                why=why or UNSET,
            )
        )

    def start_duty(self, name: ClockName, holder: str, base: datetime | None = None) -> None:
        """Start a duty of the hotline, or none where the policy sets no term (decision 33)."""
        term = self.context.policy.terms.of_hotline(name)
        if term is not None:
            self.start_clock(name, self.at, self.due(base or self.at, term), holder=holder)

    def move_clock(self, name: ClockName, base: datetime, due: datetime, why: LazyText) -> None:
        """Move the expiry of a running clock."""
        clock = self.state.clocks[name]
        reasons = (*clock.why, why) if base == clock.base else (why,)
        provisional = self._plan(name, base, due)
        self.change_clock(name, base=base, due=due, why=reasons, provisional=provisional)
        self._changes.append((self.state.clocks[name], DutyChange.MOVED))
        self.emit(events.ClockMoved(clock=name, due=due, why=why, provisional=provisional))

    def stop_clock(self, key: str, outcome: ClockState | None = None) -> None:
        """Stop a clock if it runs; without `outcome` it is met, or late, by the present moment."""
        at, clocks = self.at, self.state.clocks
        clock = clocks.get(key)
        if clock is None or clock.state is not _RUNNING:
            return
        if outcome is None:
            outcome = _MET if at <= clock.due else ClockState.LATE
        clocks[key] = replace(clock, state=outcome, ended_at=at, remind_at=None)
        change = DutyChange.CANCELLED if outcome is _CANCELLED else _DISCHARGED
        self._changes.append((clock, change))
        self.emit(
            events.ClockStopped(
                clock=clock.name,
                outcome=outcome,
                unit=clock.unit or UNSET,
                purpose=clock.purpose or UNSET,
            )
        )
        if clock.name in _KEEP_OPEN:
            self.note_settled(at)

    def pass_on(self, key: str, successor: str) -> None:
        """Let another unit owe a running duty."""
        self.change_clock(key, holder=successor)
        self._changes.append((self.state.clocks[key], DutyChange.PASSED_ON))

    def change_clock(self, key: str, **fields: Any) -> None:
        """Replace the clock of this key by one with these fields."""
        clocks = self.state.clocks
        clocks[key] = replace(clocks[key], **fields)

    def cancel_clocks(self, *names: ClockName) -> None:
        """Stop, as no longer applying, every running clock of these names; all if none is given."""
        for key, clock in self.state.clocks.items():
            if clock.state is _RUNNING and (not names or clock.name in names):
                self.stop_clock(key, _CANCELLED)

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
        if state.status != _COMPLETED or state.revisit or state.settled_at is None:
            return
        for clock in state.clocks.values():
            if clock.state is _RUNNING and clock.name in _KEEP_OPEN:
                return
        state.archive_at = self.due(state.settled_at, self.context.policy.terms.archive)

    def _plan(self, name: ClockName, base: datetime, due: datetime) -> bool:
        """Set the ladder of the handling clock; return whether a day of a clock is a guess."""
        calendar = self.context.calendar
        if name != _HANDLING:
            return calendar.provisional(base, due if due > base else base)
        ladder = levels.moments(base, due, self.context.policy, calendar)
        self.state.ladder = ladder
        return levels.provisional(base, ladder, calendar)


def duties_changed(holder: str, duties: tuple[NoticedDuty, ...]) -> NoticeQueued:
    """Return the notice to a holder of what others' acts did to its duties."""
    of_hotline = holder in HOTLINE_HOLDERS
    return NoticeQueued(
        kind=NoticeKind.DUTIES_CHANGED,
        role=Recipient(holder) if of_hotline else Recipient.UNIT_CONTACT,
        unit=UNSET if of_hotline else holder,
        duties=duties,
    )


def noticed_duty(clock: Clock, change: DutyChange) -> NoticedDuty:
    """Return a clock as the notice of what happened to it has it."""
    purpose = clock.purpose or UNSET
    return NoticedDuty(clock=clock.name, change=change, due=clock.due, purpose=purpose)


def _duties_by_holder(
    changes: Sequence[tuple[Clock, DutyChange]],
) -> dict[str, tuple[NoticedDuty, ...]]:
    """Return by holder what an occasion did to its duties, each once.

    One that began and was moved has begun; one that began and was cancelled never was.
    """
    latest: dict[tuple[str, str | None, int], tuple[Clock, DutyChange]] = {}
    for clock, change in changes:
        place = clock.name, clock.unit or clock.purpose, clock.ordinal
        before = latest.get(place)
        if before is not None and before[1] is _STARTED:
            if change == DutyChange.CANCELLED:
                del latest[place]
                continue
            latest[place] = clock, _STARTED if change == DutyChange.MOVED else change
        else:
            latest[place] = clock, change
    duties: dict[str, tuple[NoticedDuty, ...]] = {}
    for clock, change in latest.values():
        duty = noticed_duty(clock, change)
        duties[clock.holder] = (*duties.get(clock.holder, ()), duty)
    return duties


def clock_key(name: ClockName, of: str | None) -> str:
    """Return the name of a clock within a ticket: evidence runs per unit, proof per purpose."""
    return f"{name}:{of}" if of else name


def wrong_status(decision: Decision) -> Refusal:
    """Return the refusal of a message that cannot be applied in the ticket's status."""
    return Refusal(lazy("not possible while the ticket is {status}", status=decision.state.status))


def lacks(content: Content, text: str = MISSING) -> Refusal | None:
    """Return the refusal of a message whose required parts are not there, or say nothing.

    `text` says so, with `{names}`.
    """
    parts = lacking_parts(content.type, asdict(content))
    return Refusal(LazyText(text, {"names": ", ".join(parts)}), parts) if parts else None
