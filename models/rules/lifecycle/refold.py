"""Fold all messages of a ticket again, with late ones among them or under changed rules."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import date, datetime
from typing import NamedTuple

from msgspec.structs import replace

from models.i18n import LazyText, lazy
from models.rules.calendar import SHANGHAI
from models.rules.events import (
    Event,
    EventData,
    ExtensionGranted,
    MessageRefused,
    NoticedDuty,
    NoticeQueued,
    ReworkOpened,
    TicketAccepted,
)
from models.rules.lifecycle.decide import actor, fold
from models.rules.lifecycle.decision import clock_key, duties_changed, noticed_duty
from models.rules.lifecycle.difference import LoggedEvent, difference
from models.rules.messages import Message, Refusal
from models.rules.state import EDITION, Clock, RuleContext, State
from models.rules.vocabulary import ClockState, DutyChange, NoticeKind

LATE = lazy("a message that came late tells otherwise")
"""The reason of whatever a late message takes back."""

_ANSWERS = (ExtensionGranted, ReworkOpened)
"""Answers that were given to a unit, and stand (decisions 27, 29)."""


class FoldResult(NamedTuple):
    """A ticket folded from its start: its state, what happened, and the duties now replaced."""

    state: State
    events: list[Event]
    past: list[Clock]


class Refolded(NamedTuple):
    """A ticket after a refold: its state, and what its log must add to agree with it.

    `past` are its duties that later ones have replaced. `messages` are all that the ticket is now
    made of, `refused` those of them that the rules refuse, by arrival number. `conflicting` are
    late messages that are left out.
    """

    state: State
    appended: list[Event]
    past: list[Clock]
    messages: Mapping[int, Message]
    refused: dict[int, Refusal]
    conflicting: dict[int, Refusal]


def fold_from_start(
    ticket: str,
    messages: Mapping[int, Message],
    context: RuleContext,
    now: datetime,
    *,
    inclusive: bool = True,
    days_kept: Mapping[str, bool] | None = None,
) -> FoldResult:
    """Fold these messages in the order of `at`, from the beginning."""
    state, past = State(ticket, EDITION, days_kept=dict(days_kept or {})), list[Clock]()
    ordered = sorted(messages.values(), key=lambda m: (m.at, m.arrival))
    events = fold(state, ordered, context, now, inclusive=inclusive, past=past)
    return FoldResult(state, events, past)


def refold_late(
    state: State,
    log: Sequence[LoggedEvent],
    dealt: Mapping[int, Message],
    applied: Set[int],
    late: Mapping[int, Message],
    context: RuleContext,
    now: datetime,
    *,
    inclusive: bool = True,
) -> Refolded:
    """Fold the messages dealt with before and the late ones, by arrival number.

    What people did stands, and so does an answer given to a unit: a late message that would make
    an applied one impossible, or take back such an answer, is left out. It is measured against the
    same result without it. Messages refused before are folded again too, since the late one may
    be what they lacked. `state` and `log` are the ticket as it stands; with `inclusive` false,
    what falls exactly on `now` is left for later.
    """

    def folded(messages: Mapping[int, Message]) -> FoldResult:
        return fold_from_start(
            state.ticket,
            messages,
            context,
            now,
            inclusive=inclusive,
            days_kept=state.days_kept,
        )

    messages, standing = dict(dealt), set(applied)
    without_late = result = folded(messages)
    conflicting: dict[int, Refusal] = {}
    for arrival in sorted(late):
        candidate = folded({**messages, arrival: late[arrival]})
        if undone := _undone(candidate.events, standing, result.events):
            types = ", ".join(messages[i].type for i in undone)
            why = lazy("it came late, and would undo what was done since: {types}", types=types)
            conflicting[arrival] = Refusal(why)
            continue
        messages[arrival] = late[arrival]
        result = candidate
        if arrival not in refusals(candidate.events):
            standing.add(arrival)
    refolded = _compared(state, log, result, without_late, now, LATE)
    kept = [late[arrival] for arrival in late if arrival not in conflicting]
    if kept:
        actors = {actor(state, message) for message in kept}
        happened_at = max(message.at for message in kept)
        refolded.appended.extend(_notices_of_changes(state, refolded, happened_at, now, actors))
    for arrival, refusal in conflicting.items():
        refused = MessageRefused(type=late[arrival].type, why=refusal.why, late=True)
        refolded.appended.append(Event(refused, now, now, arrival))
    refolded.state.folds = state.folds + bool(refolded.appended)
    return refolded._replace(messages=messages, conflicting=conflicting)


def refold_changed(
    state: State,
    log: Sequence[LoggedEvent],
    messages: Mapping[int, Message],
    applied: Set[int],
    context: RuleContext,
    former: RuleContext,
    now: datetime,
    why: LazyText,
    former_days: Mapping[date, bool],
) -> Refolded | None:
    """Fold the same messages under a changed calendar or policy; `former` is the one before.

    What people did stands as it is, and so do answers given, now and in every later telling
    (decision 29): where they would not fit the new days, or an acceptance would come late, this
    ticket keeps `former_days`, by whether they were working, up to the day of what was done last.
    None where even that does not help: then the ticket stays as it is.
    """
    before = fold_from_start(state.ticket, messages, former, now, days_kept=state.days_kept)
    kept = dict(state.days_kept)
    left = {day.isoformat(): working for day, working in former_days.items()}
    while True:
        result = fold_from_start(state.ticket, messages, context, now, days_kept=kept)
        undone = _undone(result.events, applied, before.events, (*_ANSWERS, TicketAccepted))
        if not undone:
            break
        last = max(messages[arrival].at for arrival in undone).astimezone(SHANGHAI).date()
        more = {day: w for day, w in left.items() if day <= last.isoformat()} or left
        if not more:
            return None
        kept |= more
        left = {day: working for day, working in left.items() if day not in more}
    refolded = _compared(state, log, result, before, now, why)
    refolded.appended.extend(_notices_of_changes(state, refolded, now, now))
    refolded.state.folds = state.folds + bool(refolded.appended)
    return refolded._replace(messages=messages)


def refusals(events: Iterable[Event]) -> dict[int, Refusal]:
    """Return the refusals among these events by the arrival number of the message."""
    return {
        event.cause: Refusal(event.data.why, event.data.missing or ())
        for event in events
        if isinstance(event.data, MessageRefused) and event.cause is not None
    }


def _undone(
    events: Sequence[Event],
    applied: Set[int],
    before: Sequence[Event],
    standing: tuple[type[EventData], ...] = _ANSWERS,
) -> list[int]:
    """Return the applied messages that `events` refuse, or answer otherwise than `before`."""
    refused = refusals(events).keys() - refusals(before).keys()
    changed = _answered(before, standing) - _answered(events, standing)
    return sorted(applied & (refused | changed))


def _answered(events: Sequence[Event], standing: tuple[type[EventData], ...]) -> set[int]:
    """Return the messages that had the effect that they were sent for, and had it in time."""
    return {
        event.cause
        for event in events
        if isinstance(event.data, standing)
        and event.cause is not None
        and not getattr(event.data, "late", False)
    }


def _compared(
    state: State,
    log: Sequence[LoggedEvent],
    result: FoldResult,
    without: FoldResult,
    now: datetime,
    why: LazyText,
) -> Refolded:
    """Compare a result with the log, or with the result `without` the change.

    The latter where older rules began the log: nothing is appended that only today's rules say.
    """
    after, events, past = result
    baseline = None
    if state.edition < EDITION:
        baseline = without.events
        after, past = _unchanged_kept(state, result, without.state)
    appended = _with_present_dues(difference(log, events, after.clocks, now, why, baseline), after)
    return Refolded(after, appended, past, {}, refusals(events), {})


def _with_present_dues(appended: Sequence[Event], after: State) -> list[Event]:
    """Return events whose notices name the deadlines that hold now.

    What came late is told late: a deadline that has been moved since would tell what is not so.
    """
    dues = {
        (clock.name, clock.holder, clock.purpose): clock.due
        for clock in after.clocks.values()
        if clock.running and clock.unit is None
    }

    def present(event: Event) -> Event:
        notice = event.data
        if not isinstance(notice, NoticeQueued) or not notice.duties:
            return event
        duties = tuple(
            replace(duty, due=dues.get((duty.clock, notice.holder, duty.purpose or None), duty.due))
            for duty in notice.duties
        )
        return replace(event, data=replace(notice, duties=duties))

    return [present(event) for event in appended]


def _unchanged_kept(state: State, result: FoldResult, without: State) -> tuple[State, list[Clock]]:
    """Return a result with all that the change did not touch as it stands, and its past duties."""
    after = result.state
    values = {
        name: getattr(state if getattr(after, name) == getattr(without, name) else after, name)
        for name in State.__struct_fields__
    }
    touched = {k: c for k, c in after.clocks.items() if without.clocks.get(k) != c}
    untouched = {k: c for k, c in state.clocks.items() if k not in touched}
    values |= {"edition": state.edition, "clocks": untouched | touched}
    past = [c for c in result.past if clock_key(c.name, c.unit or c.purpose) in touched]
    return State(**values), past


def _notices_of_changes(
    state: State,
    refolded: Refolded,
    happened_at: datetime,
    now: datetime,
    actors: Set[str | None] = frozenset(),
) -> list[Event]:
    """Return a notice to each holder of a running duty that the refold changed (decision 32).

    None to `actors`, whose own acts they were, nor to whom another notice of the refold reaches.
    """
    if state.quiet_before is not None and happened_at < state.quiet_before:
        return []
    notices = (e.data for e in refolded.appended if isinstance(e.data, NoticeQueued))
    # a correction says that something no longer holds, but not what does
    notified = {notice.holder for notice in notices if notice.kind != NoticeKind.CORRECTION}
    duties: dict[str, list[NoticedDuty]] = {}
    for holder, duty in _changed_duties(state.clocks, refolded.state.clocks):
        if holder not in notified and holder not in actors:
            duties.setdefault(holder, []).append(duty)
    return [
        Event(duties_changed(holder, tuple(changed)), now, now, None)
        for holder, changed in duties.items()
    ]


def _changed_duties(
    before: Mapping[str, Clock], after: Mapping[str, Clock]
) -> Iterator[tuple[str, NoticedDuty]]:
    """Yield what changed between the duties that run in two states, each with its holder."""
    for key in dict.fromkeys((*before, *after)):
        old, new = _running(before.get(key)), _running(after.get(key))
        passed_on = old is not None and new is not None and old.holder != new.holder
        if old is not None and (new is None or passed_on):
            now = after.get(key)
            # that it expired is told by a notice of its own
            if now is None or now.state != ClockState.EXPIRED:
                met = now is not None and now.state in (ClockState.MET, ClockState.LATE)
                yield old.holder, noticed_duty(old, DutyChange.MET if met else DutyChange.CANCELLED)
        if new is not None and (old is None or passed_on):
            yield new.holder, noticed_duty(new, DutyChange.STARTED)
        elif new is not None and old is not None and old.due != new.due:
            yield new.holder, noticed_duty(new, DutyChange.MOVED)


def _running(clock: Clock | None) -> Clock | None:
    return clock if clock is not None and clock.running else None
