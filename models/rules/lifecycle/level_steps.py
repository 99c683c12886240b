"""Decide on tickets that merely reach a level, once for all that are alike.

At half past eight they come by the ten thousand, and a level changes little of a ticket. So of a
stored state only that is read which decides, the rules are asked once for all tickets for which it
is the same, and everything else stays as it is written.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from models.rules.events import Event
from models.rules.lifecycle.cards import next_level
from models.rules.lifecycle.decide import fold
from models.rules.packing import is_packed
from models.rules.state import EDITION, Clock, RuleContext, State
from models.rules.ticket_columns import LevelColumns, level_columns
from models.rules.vocabulary import ClockName, ClockState, Status


@dataclass(frozen=True, eq=False)
class LevelStep:
    """A step to the next levels, equal for all tickets of a class from `since` to before `until`.

    `state` has of a ticket only what makes its class, as the step leaves it; the level after those
    that were reached is due at `next_at`.
    """

    events: Sequence[Event]
    state: State
    columns: LevelColumns
    next_at: datetime | None
    since: datetime
    until: datetime


class ReachedLevel(NamedTuple):
    """A ticket that has reached a level: the step, its state now as JSON, and when to ring next."""

    step: LevelStep
    state: bytes
    ring_at: datetime | None


class LevelSteps:
    """The steps of tickets that reach a level, each decided once."""

    def __init__(self) -> None:
        self._steps: dict[Hashable, LevelStep] = {}

    def reach(
        self, stored: bytes, policy_id: str, context: RuleContext, now: datetime
    ) -> ReachedLevel | None:
        """Carry a stored state on to the present.

        Returns None where anything but a level comes by then, or nothing at all. `context` is that
        of the policy, and always the same one.
        """
        if is_packed(stored):
            # it is at rest
            return None
        parts = _decode_parts(stored)
        if parts.edition != EDITION or parts.status == _COMPLETED or parts.archive_at:
            return None
        due = following = None
        for key, clock in _decode_clocks(parts.clocks).items():
            if clock.state is not _RUNNING:
                continue
            if key == _HANDLING:
                due = clock.due
            elif following is None or clock.due < following:
                following = clock.due
            if clock.remind_at is not None and (following is None or clock.remind_at < following):
                following = clock.remind_at
        if due is None or (following is not None and following <= now):
            return None
        likeness = (
            policy_id,
            parts.unit,
            due,
            bytes(parts.ladder),
            parts.raised,
            parts.run,
            parts.folds,
            parts.quiet_before,
        )
        step = self._steps.get(likeness)
        if step is None or not step.since <= now < step.until:
            step = _decide(parts, due, context, now)
            if step is None:
                return None
            if len(self._steps) >= _MAX_STEPS:
                self._steps.clear()
            self._steps[likeness] = step
        after = step.state
        parts.raised = after.raised
        if parts.fired_at is None or parts.fired_at < after.fired_at:
            parts.fired_at = after.fired_at
        ring_at = step.next_at
        if ring_at is None or (following is not None and following < ring_at):
            ring_at = following
        return ReachedLevel(step, _encode(parts), ring_at)


def _decide(parts: Any, due: datetime, context: RuleContext, now: datetime) -> LevelStep | None:
    """Ask the rules about a ticket that has nothing but what makes its class."""
    state = State(
        "",
        edition=parts.edition,
        unit=parts.unit,
        quiet_before=parts.quiet_before,
        clocks={ClockName.HANDLING: Clock(ClockName.HANDLING, due, due, provisional=False)},
        ladder=_decode_ladder(parts.ladder),
        run=parts.run,
        raised=parts.raised,
        folds=parts.folds,
    )
    events = fold(state, (), context, now)
    if not events:
        return None
    upcoming = next_level(state)
    next_at = upcoming[1] if upcoming else None
    # the rules compare the present with nothing but these; in its zone they are compared fastest
    moments = [at.astimezone(now.tzinfo) for at in (due, *(at for _level, at in state.ladder))]
    since = max(at for at in moments if at <= now)
    until = min((at for at in moments if at > now), default=_NEVER)
    return LevelStep(events, state, level_columns(state), next_at, since, until)


_MAX_STEPS = 5_000
"""Steps that are kept: a few days of a district."""

_COMPLETED, _RUNNING, _HANDLING = Status.COMPLETED, ClockState.RUNNING, ClockName.HANDLING

_NEVER = datetime.max.replace(tzinfo=UTC)


class _ClockMoments(msgspec.Struct):
    """The moments of a clock: the fields of `Clock` by which time comes to it."""

    due: datetime
    state: ClockState = ClockState.RUNNING
    remind_at: datetime | None = None


_READ = (
    *("edition", "status", "unit", "quiet_before", "run", "raised", "archive_at", "fired_at"),
    "folds",
)
"""The fields of a state that are read; all others stay JSON."""

_EMPTY = {"clocks": msgspec.Raw(b"{}"), "ladder": msgspec.Raw(b"[]")}
"""The JSON of two of the others where the state does not have them."""

_fields = {field.name: field for field in msgspec.structs.fields(State)}
_Parts = msgspec.defstruct(
    "_Parts",
    [
        (name, field.type, field.default)
        if name in _READ
        else (name, msgspec.Raw, _EMPTY.get(name, msgspec.Raw()))
        for name, field in _fields.items()
    ],
    omit_defaults=True,
)
_decode_parts = msgspec.json.Decoder[Any](_Parts).decode
_decode_clocks = msgspec.json.Decoder(dict[str, _ClockMoments]).decode
_decode_ladder = msgspec.json.Decoder(_fields["ladder"].type).decode
_encode = msgspec.json.Encoder().encode
