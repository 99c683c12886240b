"""`decide`: a message, or a moment that has come, and what the regulation makes of it."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from models.i18n import lazy
from models.rules.lifecycle import acceptance, contacts, handling, results
from models.rules.lifecycle.decision import Decision, clock_identity, next_level
from models.rules.messages import HOTLINE, UNIT_FIELDS, Message, Refusal, checked
from models.rules.state import Event, RuleContext, State
from models.rules.vocabulary import ClockName, Level, Status

Handler = Callable[[Decision, Message], Refusal | None]

HANDLERS: dict[str, Handler] = {
    "ticket.received": acceptance.received,
    "unit.accepted": acceptance.accepted,
    "unit.returned": acceptance.returned,
    "return.reviewed": acceptance.return_reviewed,
    "dispute.opened": acceptance.dispute_opened,
    "dispute.evidence": acceptance.dispute_evidence,
    "dispute.decided": acceptance.dispute_decided,
    "site.arrived": handling.arrived,
    "progress.reported": handling.progressed,
    "contact.attempted": contacts.attempted,
    "contact.denied": contacts.denied,
    "contact.proof": contacts.proved,
    "extension.requested": handling.extension_requested,
    "claimant.supplemented": handling.supplemented,
    "claimant.withdrew": handling.withdrew,
    "term.restarted": handling.term_restarted,
    "result.submitted": results.submitted,
    "result.reviewed": results.reviewed,
    "survey.rated": contacts.rated,
    "revisit.recorded": contacts.revisited,
    "rework.requested": results.rework_requested,
    "unit.joined": handling.joined,
    "ticket.assigned": acceptance.assigned,
    "screening.decided": acceptance.screening_decided,
    "unit.urged": handling.urged,
    "conduct.recorded": handling.conduct,
}

_LEAD_ONLY = ("unit.accepted", "unit.returned", "extension.requested", "result.submitted")
_HELPERS_TOO = ("site.arrived", "progress.reported", "contact.attempted", "contact.proof")
_CALL = "contact.attempted"
_JUDGED = ("extension.requested", "rework.requested")
"""Requests that the regulation itself answers in every state, of the archive too (3.5, 3.9)."""


def decide(decision: Decision, message: Message) -> bool:
    """Apply a message at its own `at`; False where it is refused, which the log then says."""
    decision.at = message.at
    decision.cause = message.arrival
    decision.state.seen_at = message.at
    refusal = _apply(decision, message)
    if refusal is not None:
        missing = {"missing": list(refusal.missing)} if refusal.missing else {}
        decision.emit("message.refused", type=message.type, why=refusal.why, **missing)
    decision.reconsider_archiving()
    return refusal is None


def _apply(decision: Decision, message: Message) -> Refusal | None:
    state = decision.state
    if state.status == Status.ARCHIVED and message.type not in _JUDGED:
        return Refusal(lazy("the ticket is in the archive"))
    body = checked(message.type, message.body)
    if isinstance(body, Refusal):
        return body
    message = msgspec.structs.replace(message, body=body)
    if message.type != "ticket.received":
        if state.received_at is None:
            return Refusal(lazy("ticket {ticket} has not been received", ticket=message.ticket))
        if (refusal := _may_speak(state, message)) is not None:
            return refusal
    return HANDLERS[message.type](decision, message)


def _may_speak(state: State, message: Message) -> Refusal | None:
    body = message.body
    units = [body[f] for f in UNIT_FIELDS if f in body] + list(body.get("units", ()))
    # the hotline calls claimants, and is no unit that could handle anything
    strangers = message.unknown if message.type == _CALL else (*message.unknown, HOTLINE)
    for unit in units:
        if unit in strangers:
            return Refusal(lazy("unit {unit} is not known; see the units file", unit=unit))
    unit = body.get("unit")
    if message.type in _LEAD_ONLY and unit != state.unit:
        lead = state.unit or "-"
        return Refusal(
            lazy("only the lead unit may: {lead}, not {unit}", lead=lead, unit=str(unit))
        )
    if message.type in _HELPERS_TOO and unit not in (state.unit, HOTLINE, *state.co_units):
        text = lazy("only the lead or a co-handling unit may, not {unit}", unit=str(unit))
        return Refusal(text)
    return None


def next_moment(state: State) -> datetime | None:
    """When time alone will next do something to the ticket."""
    due = _next(state)
    return due[0] if due else None


def _next(state: State) -> tuple[datetime, str, str] | None:
    best: tuple[datetime, str, str] | None = None
    for key, clock in state.clocks.items():
        if not clock.running:
            continue
        if key != ClockName.HANDLING and (best is None or clock.due < best[0]):
            best = (clock.due, "expire", key)
        if clock.remind_at and (best is None or clock.remind_at < best[0]):
            best = (clock.remind_at, "remind", key)
    if (level := next_level(state)) and (best is None or level[1] < best[0]):
        best = (level[1], "raise", level[0])
    if state.archive_at and (best is None or state.archive_at < best[0]):
        best = (state.archive_at, "archive", "")
    return best


def fire(decision: Decision, until: datetime, *, inclusive: bool) -> None:
    """Let everything happen, in order, that time alone brings about up to `until`."""
    state = decision.state
    while (due := _next(state)) is not None:
        at, what, key = due
        if at > until or (at == until and not inclusive):
            return
        decision.at = at
        decision.cause = None
        state.fired_at = at if state.fired_at is None else max(at, state.fired_at)
        match what:
            case "raise":
                _raise_level(decision, key, at)
            case "expire":
                _expire(decision, key, at)
            case "remind":
                contacts.remind(decision, state.clocks[key])
            case _:
                state.status = Status.ARCHIVED
                state.archive_at = None
                decision.emit("ticket.archived", effective_at=at)
        decision.reconsider_archiving()


def _raise_level(decision: Decision, level: str, at: datetime) -> None:
    state, clock = decision.state, decision.state.clocks[ClockName.HANDLING]
    state.raised = [*state.raised, level]
    decision.emit(
        "alert.raised",
        clock=ClockName.HANDLING,
        level=level,
        effective_at=at,
        unit=state.unit,
        run=state.run,
    )
    upcoming = next_level(state)
    # in a played life, what a message puts into the past comes together with that message
    overtaken = decision.now is None and upcoming is not None and upcoming[1] <= decision.present
    pointless = level == Level.PREWARNING and clock.due <= decision.present
    if not overtaken and not pointless:
        role = getattr(decision.context.policy.ladder, level).to
        decision.notify(
            level, role, unit=state.unit, clock=ClockName.HANDLING, level=level, effective_at=at
        )


def _expire(decision: Decision, key: str, at: datetime) -> None:
    if key == ClockName.ACCEPT:
        acceptance.deem_accepted(decision, at)
        return
    clock = decision.state.clocks[key]
    decision.change(key, state="expired", ended_at=at, remind_at=None)
    decision.emit("clock.expired", clock=clock.name, due=at, **clock_identity(clock))
    unit = clock.unit or decision.state.unit
    if clock.name == ClockName.PROOF:
        decision.emit("contact.deemed_absent", purpose=clock.purpose, unit=unit, effective_at=at)
    decision.notify("expired", "unit_contact", unit=unit, clock=clock.name)
    decision.notify("expired", "district_desk", clock=clock.name)
    if clock.name in ("closing_contact", "survey", "proof"):
        decision.settled(at)


def fold(
    state: State,
    messages: Sequence[Message],
    context: RuleContext,
    now: datetime,
    *,
    inclusive: bool = True,
    played: bool = False,
) -> list[Event]:
    """Carry a ticket on through `messages`, in the order of `at`, and to `now`; returns the events.

    A message goes before what time alone brings about at the same moment. With `inclusive` false
    what falls exactly on `now` is left for later. With `played` each moment is taken as if it had
    just come, so that folding far ahead sends the same notices as going from moment to moment.
    """
    decision = Decision(state, context, now, None if played else now)
    for message in messages:
        fire(decision, message.at, inclusive=False)
        decide(decision, message)
    fire(decision, now, inclusive=inclusive)
    return decision.events if played else _told_once(decision.events)


def _told_once(events: list[Event]) -> list[Event]:
    """Of the levels of a run that were found due together, only the highest is told to anybody."""
    raised = [event.data for event in events if event.name == "alert.raised"]
    highest = {data["run"]: data["level"] for data in raised}
    if len(highest) == len(raised):
        return events
    kept: list[Event] = []
    overtaken = None
    for event in events:
        if event.name == "alert.raised":
            level = event.data["level"]
            overtaken = level if level != highest[event.data["run"]] else None
        if event.name != "notice.queued" or event.data["kind"] != overtaken:
            kept.append(event)
    return kept
