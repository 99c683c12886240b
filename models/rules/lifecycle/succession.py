"""Units that are renamed or merged: their tickets pass on to the successor."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from models.i18n import lazy
from models.rules import events, messages
from models.rules.lifecycle.decision import Decision, clock_key
from models.rules.messages import UNIT_FIELDS, Content, DisputeOpened, Refusal
from models.rules.state import State
from models.rules.vocabulary import ClockName, ClockState, ContactPurpose, NoticeKind

C = TypeVar("C", bound=Content)


def with_successors(state: State, content: C) -> C:
    """Return a message's content with each unit replaced by the one that has taken over from it."""
    changed: dict[str, object] = {}
    for field in UNIT_FIELDS:
        name = getattr(content, field, None)
        if name is not None and (successor := state.successor_of(name)) != name:
            changed[field] = successor
    if isinstance(content, DisputeOpened):
        changed["units"] = tuple(map(state.successor_of, content.units))
    return msgspec.structs.replace(content, **changed) if changed else content


def succeeded(decision: Decision, content: messages.UnitSucceeded) -> Refusal | None:
    """Pass on what a unit owes in this ticket to its successor, which is told of it."""
    state, unit, successor = decision.state, content.unit, content.successor
    if unit == successor:
        return Refusal(lazy("a unit cannot succeed itself: {unit}", unit=unit))
    decision.emit(events.UnitSucceeded(unit=unit, successor=successor))
    # a name that was given up before may come back
    state.successors.pop(successor, None)
    state.successors[unit] = successor

    def renamed(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(successor if name == unit else name for name in names))

    leads = state.unit == unit
    if leads:
        state.unit = successor
    state.co_units = tuple(u for u in renamed(state.co_units) if u != state.unit)
    state.parties = renamed(state.parties)
    state.barred = renamed(state.barred)
    state.on_site = renamed(state.on_site)
    first = state.evidenced.get(ContactPurpose.FIRST, ())
    if not leads and successor in state.receipts:
        # what was shown before the successor's own holding proves nothing of it
        state.evidenced[ContactPurpose.FIRST] = tuple(u for u in first if u != unit)
    state.evidenced = {purpose: renamed(units) for purpose, units in state.evidenced.items()}
    if state.suggested_unit == unit:
        state.suggested_unit, state.suggested_known = successor, True
    for moments in (state.receipts, state.reached):
        if unit in moments and (leads or successor not in moments):
            moments[successor] = moments[unit]
        moments.pop(unit, None)
    owed = [key for key, clock in state.clocks.items() if clock.running and clock.holder == unit]
    for key in owed:
        _pass_on(decision, key, successor)
    if owed or leads:
        decision.notify_unit(NoticeKind.SUCCEEDED, successor)
    return None


def _pass_on(decision: Decision, key: str, successor: str) -> None:
    clocks = decision.state.clocks
    if clocks[key].name != ClockName.EVIDENCE:
        decision.pass_on(key, successor)
        return
    # evidence clocks go by their unit's name; a successor that is a party too owes it once
    successor_key = clock_key(ClockName.EVIDENCE, successor)
    clock = clocks[key]
    decision.stop_clock(key, ClockState.CANCELLED)
    if decision.running_clock(successor_key) is None:
        decision.start_clock(
            ClockName.EVIDENCE, clock.base, clock.due, holder=successor, unit=successor
        )
