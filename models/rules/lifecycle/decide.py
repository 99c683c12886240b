"""Apply messages to a ticket, each by its rule, and let the time between them pass."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from models.i18n import lazy
from models.rules.events import Event, MessageRefused
from models.rules.lifecycle import (
    acceptance,
    amendment,
    contacts,
    extension,
    handling,
    moments,
    results,
    succession,
    withdrawal,
)
from models.rules.lifecycle.amendment import TOPIC_ALONE
from models.rules.lifecycle.cards import without_overtaken
from models.rules.lifecycle.decision import Decision
from models.rules.message_outline import outline_of
from models.rules.messages import (
    HOTLINE,
    Content,
    Message,
    Refusal,
    TicketAmended,
    names_hotline,
)
from models.rules.state import Clock, RuleContext, State
from models.rules.vocabulary import ClockName, MessageType, Recipient, Status

# looked up once: a member of an enum costs as much as a call, and every message asks for these
_DESIGNATION, _ARCHIVED = ClockName.DESIGNATION, Status.ARCHIVED
_RECEIVED = MessageType.TICKET_RECEIVED

Handler = Callable[[Decision, Any], Refusal | None]
"""Applies a message's content, a struct of the handler's own type, to the ticket."""

HANDLERS: Mapping[MessageType, Handler] = {
    MessageType.TICKET_RECEIVED: acceptance.received,
    MessageType.UNIT_ACCEPTED: acceptance.accepted,
    MessageType.UNIT_RETURNED: acceptance.returned,
    MessageType.RETURN_REVIEWED: acceptance.return_reviewed,
    MessageType.DISPUTE_OPENED: acceptance.dispute_opened,
    MessageType.DISPUTE_EVIDENCE: acceptance.dispute_evidence,
    MessageType.DISPUTE_DECIDED: acceptance.dispute_decided,
    MessageType.SITE_ARRIVED: handling.arrived,
    MessageType.PROGRESS_REPORTED: handling.progress_reported,
    MessageType.CONTACT_ATTEMPTED: contacts.attempted,
    MessageType.CONTACT_DENIED: contacts.denied,
    MessageType.CONTACT_PROOF: contacts.proved,
    MessageType.EXTENSION_REQUESTED: extension.extension_requested,
    MessageType.CLAIMANT_SUPPLEMENTED: handling.supplemented,
    MessageType.CLAIMANT_WITHDREW: withdrawal.withdrew,
    MessageType.TERM_RESTARTED: handling.term_restarted,
    MessageType.RESULT_SUBMITTED: results.submitted,
    MessageType.RESULT_REVIEWED: results.reviewed,
    MessageType.SURVEY_RATED: contacts.rated,
    MessageType.REVISIT_RECORDED: contacts.revisited,
    MessageType.REWORK_REQUESTED: results.rework_requested,
    MessageType.UNIT_JOINED: handling.joined,
    MessageType.TICKET_ASSIGNED: acceptance.assigned,
    MessageType.SCREENING_DECIDED: acceptance.screening_decided,
    MessageType.UNIT_URGED: handling.urged,
    MessageType.CONDUCT_RECORDED: handling.conduct_recorded,
    MessageType.TICKET_AMENDED: amendment.amended,
    MessageType.TICKET_REASSIGNED: acceptance.reassigned,
    MessageType.UNIT_SUCCEEDED: succession.succeeded,
    MessageType.NOTE_ADDED: handling.note_added,
}
"""The handler of each message, named for what the message reports (`unit.accepted`: `accepted`).

A handler checks whether the message may be applied, and returns the refusal if not. What several
rules do is a function in the imperative beside it, without such a check: `accept`, `join`.
"""

_LEAD_ONLY = frozenset(
    (
        MessageType.UNIT_ACCEPTED,
        MessageType.UNIT_RETURNED,
        MessageType.EXTENSION_REQUESTED,
        MessageType.RESULT_SUBMITTED,
    )
)
_HELPERS_TOO = frozenset(
    (
        MessageType.SITE_ARRIVED,
        MessageType.PROGRESS_REPORTED,
        MessageType.CONTACT_ATTEMPTED,
    )
)
_TAKEN_ALWAYS = (
    MessageType.EXTENSION_REQUESTED,
    MessageType.REWORK_REQUESTED,
    MessageType.CONDUCT_RECORDED,
)
"""Messages that the archive takes too: requests that the regulation itself answers (3.5, 3.9), and
conduct, which later audits find (decision 26)."""

_CALLS = (MessageType.CONTACT_ATTEMPTED, MessageType.CONTACT_PROOF)
"""Acts of the hotline too: it calls claimants, and is no unit that could handle anything."""

_ANSWERS_DESIGNATION = (
    MessageType.UNIT_ACCEPTED,
    MessageType.CONTACT_ATTEMPTED,
    MessageType.CONTACT_PROOF,
    MessageType.SITE_ARRIVED,
    MessageType.PROGRESS_REPORTED,
    MessageType.EXTENSION_REQUESTED,
    MessageType.RESULT_SUBMITTED,
)
"""Acts by which a designated unit answers its designation (decision 30)."""

_SPEAKERS: Mapping[MessageType, Recipient | None] = {
    MessageType.TICKET_RECEIVED: Recipient.CITY_HOTLINE,
    MessageType.TICKET_AMENDED: Recipient.CITY_HOTLINE,
    MessageType.RETURN_REVIEWED: Recipient.CITY_HOTLINE,
    MessageType.RESULT_REVIEWED: Recipient.CITY_HOTLINE,
    MessageType.SURVEY_RATED: Recipient.CITY_HOTLINE,
    MessageType.REVISIT_RECORDED: Recipient.CITY_HOTLINE,
    MessageType.REWORK_REQUESTED: Recipient.CITY_HOTLINE,
    MessageType.CONTACT_DENIED: Recipient.CITY_HOTLINE,
    MessageType.CLAIMANT_SUPPLEMENTED: Recipient.CITY_HOTLINE,
    MessageType.CLAIMANT_WITHDREW: Recipient.CITY_HOTLINE,
    MessageType.TICKET_ASSIGNED: Recipient.DISTRICT_DESK,
    MessageType.TICKET_REASSIGNED: Recipient.DISTRICT_DESK,
    MessageType.SCREENING_DECIDED: Recipient.DISTRICT_DESK,
    MessageType.UNIT_URGED: Recipient.DISTRICT_DESK,
    MessageType.DISPUTE_DECIDED: Recipient.DISTRICT_DESK,
    MessageType.CONDUCT_RECORDED: Recipient.DISTRICT_DESK,
    MessageType.NOTE_ADDED: Recipient.DISTRICT_DESK,
    MessageType.DISPUTE_OPENED: None,
    MessageType.TERM_RESTARTED: None,
}
"""The speaker of a message, None where its type does not tell; of others, the unit named in it.

A holder that acts itself is not told of what its act did to its own duties."""


def decide(decision: Decision, message: Message) -> bool:
    """Apply a message at its own `at`; return False if it is refused, which is then in the log."""
    state = decision.state
    decision.at = state.seen_at = message.at
    decision.message = message
    refusal = _apply(decision, message)
    if refusal is None and message.quiet_before is not None:
        before = state.quiet_before or message.quiet_before
        state.quiet_before = max(before, message.quiet_before)
    if refusal is not None:
        missing = refusal.missing or UNSET
        decision.emit(MessageRefused(type=message.type, why=refusal.why, missing=missing))
    elif _DESIGNATION in state.clocks:
        _answer_designation(decision, message)
    decision.conclude(actor(state, message))
    decision.schedule_archiving()
    return refusal is None


def _answer_designation(decision: Decision, message: Message) -> None:
    """Let an act of a designated unit answer its designation (decision 30)."""
    designation = decision.running_clock(ClockName.DESIGNATION)
    if designation is not None and message.type in _ANSWERS_DESIGNATION:
        unit = decision.state.successor_of(getattr(message.content, "unit", ""))
        if unit == designation.holder:
            decision.stop_clock(ClockName.DESIGNATION)


def actor(state: State, message: Message) -> str | None:
    """Return the holder whose own act a message is; None where its type does not tell."""
    if message.type in _SPEAKERS:
        return _SPEAKERS[message.type]
    unit: str | None = getattr(message.content, "unit", None)
    if unit == HOTLINE:
        return Recipient.CITY_HOTLINE
    if not unit or not state.successors:
        return unit
    # nobody is there any more to be told in the name of a unit that is succeeded now
    return unit if message.type == MessageType.UNIT_SUCCEEDED else state.successor_of(unit)


def _apply(decision: Decision, message: Message) -> Refusal | None:
    state, content = decision.state, message.content
    if state.status == _ARCHIVED and not _taken_always(message):
        return Refusal(lazy("the ticket is in the archive"))
    if isinstance(content, Refusal):
        return content
    if state.successors and message.type != MessageType.UNIT_SUCCEEDED:
        content = succession.with_successors(state, content)
    if message.type != _RECEIVED:
        if state.received_at is None:
            return Refusal(lazy("ticket {ticket} has not been received", ticket=message.ticket))
        if (refusal := _may_speak(state, message, content)) is not None:
            return refusal
    return HANDLERS[message.type](decision, content)


def _taken_always(message: Message) -> bool:
    """Return whether the archive takes a message too; a topic is corrected whenever it is found."""
    content = message.content
    return message.type in _TAKEN_ALWAYS or (
        isinstance(content, TicketAmended) and amendment.amended_fields(content) == TOPIC_ALONE
    )


def _may_speak(state: State, message: Message, content: Content) -> Refusal | None:
    if message.type not in _CALLS and names_hotline(content):
        return Refusal(lazy("unit {unit} is not known; see the units file", unit=HOTLINE))
    named: str | None = getattr(content, "unit", None)
    if message.type in _LEAD_ONLY and named != state.unit:
        lead = state.unit or "-"
        text = lazy("only the lead unit may: {lead}, not {unit}", lead=lead, unit=str(named))
        return Refusal(text)
    if message.type in _HELPERS_TOO and named not in (state.unit, HOTLINE, *state.co_units):
        text = lazy("only the lead or a co-handling unit may, not {unit}", unit=str(named))
        return Refusal(text)
    return None


def fold(
    state: State,
    messages: Sequence[Message],
    context: RuleContext,
    now: datetime,
    *,
    inclusive: bool = True,
    played: bool = False,
    past: list[Clock] | None = None,
) -> list[Event]:
    """Carry a ticket on through `messages`, in the order of `at`, to `now`; return the events.

    Of a message only its outline is read, so that a ticket is the same once its texts are gone. A
    message goes before what time alone brings about at the same moment. With `inclusive` false
    what falls exactly on `now` is left for later. With `played` each moment is taken as if it had
    just come, so that folding far ahead sends the same notices as going from moment to moment.
    Duties that later ones of their key have replaced are added to `past`.
    """
    if state.days_kept:
        context = msgspec.structs.replace(
            context, calendar=context.calendar.keeping(state.days_kept)
        )
    decision = Decision(state, context, now, None if played else now)
    if past is not None:
        decision.past = past
    for message in messages:
        moments.fire(decision, message.at, inclusive=False)
        decide(decision, outline_of(message))
    moments.fire(decision, now, inclusive=inclusive)
    return decision.events if played else without_overtaken(decision.events, decision.raised)
