"""Raise the pre-warning, the yellow and the red card of the handling clock (5.1-5.3).

`models/rules/levels.py` says when each is due.
"""

from collections.abc import Sequence
from datetime import datetime

from models.rules.events import AlertRaised, Event, NoticeQueued
from models.rules.lifecycle.decision import Decision
from models.rules.state import State
from models.rules.vocabulary import RECIPIENTS_OF_A_UNIT, ClockName, ClockState, Level, NoticeKind

# looked up once: a member of an enum costs as much as a call, and every message asks for these
_RUNNING, _HANDLING = ClockState.RUNNING, ClockName.HANDLING


def next_level(state: State) -> tuple[Level, datetime] | None:
    """Return the level to be raised next while the handling clock runs, with its moment."""
    clock = state.clocks.get(_HANDLING)
    if clock is None or clock.state is not _RUNNING:
        return None
    done = len(state.raised)
    return state.ladder[done] if done < len(state.ladder) else None


def raise_level(decision: Decision, level: Level, at: datetime) -> None:
    """Raise a level, with a notice to whom the ladder names unless it is overtaken already."""
    state, clock = decision.state, decision.state.clocks[ClockName.HANDLING]
    state.raised = (*state.raised, level)
    raised = AlertRaised(
        clock=clock.name, level=level, effective_at=at, unit=state.unit, run=state.run
    )
    decision.emit(raised)
    decision.raised.append(raised)
    upcoming = next_level(state)
    # in a played life, what a message puts into the past comes together with that message
    overtaken = decision.now is None and upcoming is not None and upcoming[1] <= decision.present
    pointless = level == Level.PREWARNING and clock.due <= decision.present
    if not overtaken and not pointless:
        role = decision.context.policy.ladder.of(level).to
        about = {"clock": clock.name, "level": level, "effective_at": at, "due": clock.due}
        decision.notify(NoticeKind(level), role, state.unit, **about)
        parent = decision.context.parents.get(state.unit or "")
        if parent and level != Level.PREWARNING and role in RECIPIENTS_OF_A_UNIT:
            # the leaders of a body's parent get copies of its cards (Regulation 1.3)
            decision.notify(NoticeKind(level), role, parent, body=state.unit, **about)


def without_overtaken(log: list[Event], raised: Sequence[AlertRaised]) -> list[Event]:
    """Return the events without notices of levels that a higher one of the same run overtook.

    Of the levels of a run that were due together, only the highest is notified. `raised` are all
    those among the events.
    """
    highest = {data.run: data.level for data in raised}
    if len(highest) == len(raised):
        return log
    kept: list[Event] = []
    overtaken: str | None = None
    for event in log:
        data = event.data
        if isinstance(data, AlertRaised):
            overtaken = data.level if data.level != highest[data.run] else None
        if not isinstance(data, NoticeQueued) or data.kind != overtaken:
            kept.append(event)
    return kept
