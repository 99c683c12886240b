"""The messages that come in: one struct a type, and how what came is read into one.

Each part of a message is checked once: its envelope where it is taken into the inbox, its content
where it is applied, since a message of wrong content is kept, and refused in the ticket's log.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, NamedTuple, TypeAlias, get_args, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType

from models.i18n import N_, LazyText, PrivateText, lazy
from models.rules import fields as check
from models.rules.calendar import SHANGHAI
from models.rules.fields import Claimant, ClaimantChange, Field, InvalidField, Limit
from models.rules.origins import HARMLESS, PRIVATE, UNIT, Origin, origins
from models.rules.papers import lacking_parts, required_parts, says_something
from models.rules.topics import UNKNOWN_TOPIC
from models.rules.vocabulary import (
    Category,
    Code,
    ContactMethod,
    ContactOutcome,
    ContactPurpose,
    Decider,
    Disposal,
    Emergency,
    Ground,
    IntakeChannel,
    MessageType,
    Rating,
    RestartCause,
    RevisitOutcome,
    WithdrawnTo,
)

_YEARS = range(1970, 2200)
"""Years that a message may be dated in; what lies outside was not meant."""

MISSING = N_("fields are missing: {names}")
HOTLINE = "hotline"
"""The name by which the hotline itself speaks in a message's `unit`."""

RawMessage: TypeAlias = Mapping[str, Any]
"""A message as it came: plain JSON, with whatever fields its source sends."""

Text: TypeAlias = Annotated[str, check.text, PRIVATE]
MaybeText: TypeAlias = Annotated[str | None, check.any_text, PRIVATE]
"""A text of a letter, which is screened and routed by what it says."""
Words: TypeAlias = Annotated[Any, check.text, PRIVATE]
MaybeWords: TypeAlias = Annotated[Any, check.any_text, PRIVATE]
"""A text that goes into the log as it is: a str, or a `PrivateText` in an outline."""
UnitName: TypeAlias = Annotated[str, check.text, UNIT]
MaybeUnit: TypeAlias = Annotated[str | None, check.any_text, UNIT]
Paper: TypeAlias = Annotated[Any, check.anything, PRIVATE]
"""A text or paper that must say something; its rule says that it is missing where it does not."""
Flag: TypeAlias = Annotated[bool, check.flag]
Item: TypeAlias = Annotated[str, check.item, HARMLESS]
Part: TypeAlias = Annotated[Any, check.anything, PRIVATE]
"""A part that the regulation itself asks for: its rule says what is missing, not the struct."""
Purpose: TypeAlias = Annotated[
    ContactPurpose,
    check.OneOf(*(p for p in ContactPurpose if p is not ContactPurpose.WITHDRAWAL)),
]
Deniable: TypeAlias = Annotated[
    ContactPurpose, check.OneOf(ContactPurpose.FIRST, ContactPurpose.CLOSING)
]
"""Contacts that a claimant may deny (Regulation 4.3)."""
Outcome: TypeAlias = Annotated[
    ContactOutcome,
    check.OneOf(*(o for o in ContactOutcome if o is not ContactOutcome.CONFIRMED)),
]


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a message: all but its envelope. A field with a default may be absent."""

    type: ClassVar[MessageType]


class TicketReceived(Content, frozen=True, kw_only=True):
    """The city passes a ticket on (Regulation 2, 3.4)."""

    type = MessageType.TICKET_RECEIVED
    category: Category
    title: Text
    content: MaybeText = None
    claimant: Annotated[Claimant, check.claimant, PRIVATE] = Claimant()
    address: MaybeText = None
    street: MaybeText = None
    channel: IntakeChannel | None = None
    topic: Part = None
    topics: Part = None
    category_name: Part = None
    emergency: Emergency | None = None
    statutory_limit: Annotated[Limit | None, check.limit, PRIVATE] = None
    unit: MaybeUnit = None
    declined: Annotated[str | None, check.item, HARMLESS] = None


class UnitAccepted(Content, frozen=True, kw_only=True):
    """The unit confirms that the matter is its own (3.1)."""

    type = MessageType.UNIT_ACCEPTED
    unit: UnitName


class UnitReturned(Content, frozen=True, kw_only=True):
    """The unit returns the ticket (3.2)."""

    type = MessageType.UNIT_RETURNED
    unit: UnitName
    reason: Part = None
    basis: Part = None
    suggested_unit: Annotated[str | PrivateText | None, check.any_text, UNIT] = None
    signed_by: Part = None


class ReturnReviewed(Content, frozen=True, kw_only=True):
    """The city answers a return (3.2)."""

    type = MessageType.RETURN_REVIEWED
    approved: Flag
    unit: MaybeUnit = None


class DisputeOpened(Content, frozen=True, kw_only=True):
    """Units disagree whose matter it is (3.3)."""

    type = MessageType.DISPUTE_OPENED
    units: Annotated[tuple[str, ...], check.texts, UNIT]


class DisputeEvidence(Content, frozen=True, kw_only=True):
    """A unit hands in its evidence (3.3)."""

    type = MessageType.DISPUTE_EVIDENCE
    unit: UnitName
    documents: Paper


class DisputeDecided(Content, frozen=True, kw_only=True):
    """The desk or the district leader decides a dispute (3.3)."""

    type = MessageType.DISPUTE_DECIDED
    unit: UnitName
    by: Decider


class SiteArrived(Content, frozen=True, kw_only=True):
    """A unit is on site (3.4)."""

    type = MessageType.SITE_ARRIVED
    unit: UnitName


class ProgressReported(Content, frozen=True, kw_only=True):
    """An interim report (3.4)."""

    type = MessageType.PROGRESS_REPORTED
    unit: UnitName
    text: Paper


class ContactAttempted(Content, frozen=True, kw_only=True):
    """Somebody contacted the claimant, or tried to (4)."""

    type = MessageType.CONTACT_ATTEMPTED
    unit: UnitName
    purpose: Purpose
    outcome: Outcome
    method: ContactMethod
    evidence: Part = None


class ContactDenied(Content, frozen=True, kw_only=True):
    """The claimant says that nobody contacted him (4.3)."""

    type = MessageType.CONTACT_DENIED
    purpose: Deniable


class ContactProof(Content, frozen=True, kw_only=True):
    """The unit proves a contact (4.3)."""

    type = MessageType.CONTACT_PROOF
    unit: UnitName
    purpose: Deniable
    evidence: Paper


class ExtensionRequested(Content, frozen=True, kw_only=True):
    """The unit asks for more time (3.5)."""

    type = MessageType.EXTENSION_REQUESTED
    unit: UnitName
    facts: Part = None
    reasons: Part = None
    progress: Part = None
    next_steps: Part = None
    claimant_told: Part = None


class ClaimantSupplemented(Content, frozen=True, kw_only=True):
    """The claimant adds facts (3.4.6)."""

    type = MessageType.CLAIMANT_SUPPLEMENTED
    text: Paper


class ClaimantWithdrew(Content, frozen=True, kw_only=True):
    """The claimant withdraws (3.6)."""

    type = MessageType.CLAIMANT_WITHDREW
    to: WithdrawnTo


class TermRestarted(Content, frozen=True, kw_only=True):
    """Force majeure or a changed law: the term begins again (3.4.7)."""

    type = MessageType.TERM_RESTARTED
    cause: RestartCause
    basis: Paper


class ResultSubmitted(Content, frozen=True, kw_only=True):
    """The unit hands in its result (3.7)."""

    type = MessageType.RESULT_SUBMITTED
    unit: UnitName
    facts: Part = None
    measures: Part = None
    remedies: Part = None
    basis: Part = None
    long_term: Part = None
    disposal: Disposal
    materials: Part = None


class ResultReviewed(Content, frozen=True, kw_only=True):
    """The city reviews a result (3.7)."""

    type = MessageType.RESULT_REVIEWED
    approved: Flag
    why: MaybeWords = None


class SurveyRated(Content, frozen=True, kw_only=True):
    """The claimant rates the result (4.4)."""

    type = MessageType.SURVEY_RATED
    rating: Rating


class RevisitRecorded(Content, frozen=True, kw_only=True):
    """The hotline has called a dissatisfied claimant (4.5)."""

    type = MessageType.REVISIT_RECORDED
    outcome: RevisitOutcome
    rating: Rating | None = None
    notes: MaybeWords = None


class ReworkRequested(Content, frozen=True, kw_only=True):
    """The city asks for a second handling (3.9)."""

    type = MessageType.REWORK_REQUESTED
    unit: MaybeUnit = None
    former_holder: MaybeUnit = None


class UnitJoined(Content, frozen=True, kw_only=True):
    """Another unit helps (3.1, 3.9)."""

    type = MessageType.UNIT_JOINED
    unit: UnitName


class TicketAssigned(Content, frozen=True, kw_only=True):
    """An operator chooses the unit of a ticket in the manual queue (3)."""

    type = MessageType.TICKET_ASSIGNED
    unit: UnitName
    by: Words
    why: MaybeWords = None


class ScreeningDecided(Content, frozen=True, kw_only=True):
    """An operator answers a proposal of the screening (2.2)."""

    type = MessageType.SCREENING_DECIDED
    code: Item
    decline: Flag
    by: Words


class UnitUrged(Content, frozen=True, kw_only=True):
    """The desk urges a unit (5)."""

    type = MessageType.UNIT_URGED
    unit: UnitName
    text: Words
    by: Words


class ConductRecorded(Content, frozen=True, kw_only=True):
    """A case for talk-and-remind (6.1)."""

    type = MessageType.CONDUCT_RECORDED
    unit: UnitName
    ground: Ground
    grave: Flag = False


class TicketAmended(Content, frozen=True, kw_only=True):
    """A correction of a ticket: what is left out stays, null takes away (decision 35)."""

    type = MessageType.TICKET_AMENDED
    category: Category | UnsetType = UNSET
    emergency: Emergency | UnsetType | None = UNSET
    statutory_limit: Annotated[Limit | UnsetType | None, check.limit, PRIVATE] = UNSET
    claimant: Annotated[ClaimantChange | UnsetType, check.claimant_change, PRIVATE] = UNSET
    title: Words = UNSET
    address: Annotated[Any | UnsetType | None, check.any_text, PRIVATE] = UNSET
    street: Annotated[Any | UnsetType | None, check.any_text, PRIVATE] = UNSET
    topic: Annotated[Any | UnsetType | None, check.anything, PRIVATE] = UNSET
    by: Words
    why: Words


class TicketReassigned(Content, frozen=True, kw_only=True):
    """The desk takes back its own misrouting (decision 36)."""

    type = MessageType.TICKET_REASSIGNED
    unit: UnitName
    by: Words
    why: Words


class UnitSucceeded(Content, frozen=True, kw_only=True):
    """A unit's open tickets pass on to its successor, as units are renamed or merged."""

    type = MessageType.UNIT_SUCCEEDED
    unit: UnitName
    successor: UnitName


class NoteAdded(Content, frozen=True, kw_only=True):
    """An operator's note, for the desk alone: it changes no duty, no clock and no state."""

    type = MessageType.NOTE_ADDED
    text: Words
    by: Words


CONTENT_TYPES: Mapping[MessageType, type[Content]] = {
    kind.type: kind for kind in Content.__subclasses__()
}
"""The struct of every type of message."""

OF_SEVERAL_TICKETS = (
    MessageType.RESULT_SUBMITTED,
    MessageType.PROGRESS_REPORTED,
    MessageType.TERM_RESTARTED,
    MessageType.UNIT_URGED,
    MessageType.TICKET_REASSIGNED,
)
"""Messages that may be sent once for several tickets (decision 38)."""

UNIT_FIELDS = ("unit", "former_holder", "successor")
"""Fields that must name a known unit; `suggested_unit` may name any."""


class Route(msgspec.Struct, frozen=True, omit_defaults=True):
    """The route of a new ticket: a unit with the reason, or no unit, with the reason.

    `named` is the unit that the city named and nobody knows.
    `joined` are further units that the city named with it. `proposed` is the unit that a model
    would choose, with its reason, where it may not decide.
    """

    unit: str | None
    why: LazyText
    named: PrivateText | None = None
    joined: tuple[str, ...] = ()
    proposed: str | None = None
    proposal: LazyText | None = None


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item of 2.2 that seems to fit a letter, and why.

    `earlier` is the ticket that it repeats (2.2.6), `number` the emergency line to call (2.2.4).
    """

    code: str
    why: LazyText
    earlier: str | None = None
    number: str | None = None


class TopicProposal(msgspec.Struct, frozen=True):
    """A topic that a model proposes for a letter without one; `certainty` is in percent."""

    code: str
    certainty: int
    why: LazyText


class Refusal(NamedTuple):
    """The reason why a message cannot be applied, in words that a person can act on."""

    why: LazyText
    missing: tuple[str, ...] = ()


class Message(msgspec.Struct, frozen=True):
    """One message about one ticket, its units resolved to known names.

    `at` is when it happened (aware); `arrival` orders messages of the same moment. `content` is a
    refusal where what came cannot be applied; `raw` is the whole message as it came, empty in
    its outline (`models/rules/message_outline.py`), which is all that the rules of a ticket read.
    `route` and `findings` are set on `ticket.received`, and `proposed_topic` where it names none.
    `topic` is the code of the topic that it names, if the classification has it. Of what lies
    before `quiet_before` nobody is told: it is history, imported to be complete (decision 34).
    """

    type: MessageType
    ticket: str
    at: datetime
    arrival: int
    content: Content | Refusal
    raw: RawMessage
    route: Route | None = None
    findings: tuple[Finding, ...] = ()
    quiet_before: datetime | None = None
    topic: str | None = None
    proposed_topic: TopicProposal | None = None


class Envelope(NamedTuple):
    """The fields that every message has, as the inbox keeps them."""

    id: str
    at: datetime
    type: MessageType
    ticket: str


def _fields(content: type[Content]) -> dict[str, Field]:
    """Return the check of each field, as its annotation says; one with a default may be absent."""
    hints = get_type_hints(content, include_extras=True)
    required = {f.name for f in msgspec.structs.fields(content) if f.required}
    nullable = {
        f.name
        for f in msgspec.structs.fields(content)
        if f.default is UNSET and _admits_null(hints[f.name])
    }
    return {
        name: Field(_check_of(hints[name]), name in required, name in nullable)
        for name in content.__struct_fields__
    }


def _admits_null(hint: object) -> bool:
    return any(part is type(None) or _admits_null(part) for part in get_args(hint))


def _check_of(hint: object) -> check.Check:
    for mark in getattr(hint, "__metadata__", ()):
        if callable(mark):
            field_check: check.Check = mark
            return field_check
    listed = next(t for t in (hint, *get_args(hint)) if isinstance(t, type) and issubclass(t, Code))
    return check.OneOf(*listed)


FIELDS: Mapping[str, Mapping[str, Field]] = {
    kind: _fields(content) for kind, content in CONTENT_TYPES.items()
}
"""The check of each field of each type of message."""


ORIGINS: Mapping[MessageType, Mapping[str, Origin]] = {
    kind: origins(content) for kind, content in CONTENT_TYPES.items()
}
"""The origin of each field, for every type of message."""


def read_envelope(raw: RawMessage, canonical: bytes | None = None) -> Envelope | Refusal:
    """Read the envelope of a message as it came; a refusal says why it cannot be kept.

    An `at` without an offset is read as Asia/Shanghai; an absent id is a digest of the content,
    which a caller that has it already hands in as canonical JSON.
    """
    kind, ticket, at = raw.get("type"), raw.get("ticket"), raw.get("at")
    if kind is None:
        return Refusal(lazy("the type is missing: give it in `type`; see the list of messages"))
    if not isinstance(kind, str) or kind not in FIELDS:
        return Refusal(lazy("type {type} is not known; see the list of messages", type=str(kind)))
    ticket = check.number_as_text(ticket) or ticket
    if not isinstance(ticket, str) or not ticket.strip():
        return Refusal(lazy("the ticket's number is missing: give it as text in `ticket`"))
    if not isinstance(at, str):
        return Refusal(lazy("the time is missing: give it as ISO 8601 in `at`"))
    try:
        moment = datetime.fromisoformat(at)
        moment = moment.replace(tzinfo=SHANGHAI) if moment.tzinfo is None else moment
        moment = moment.astimezone(SHANGHAI)
    except (ValueError, OverflowError):
        return Refusal(lazy("the time {at} is no ISO 8601 time", at=at[:40]))
    if moment.year not in _YEARS:
        return Refusal(lazy("the year {year} cannot be meant", year=moment.year))
    encoded = canonical or canonical_json(raw)
    if isinstance(encoded, Refusal):
        return encoded
    message_id = sent_id_of(raw) or _digest(encoded)
    return Envelope(message_id, moment, MessageType(kind), ticket.strip())


def sent_id_of(raw: RawMessage) -> str | None:
    """Return the id that a message's source gave it; None if it gave none."""
    sent_id = raw.get("id")
    return check.number_as_text(sent_id) or (
        sent_id if isinstance(sent_id, str) and sent_id.strip() else None
    )


def for_each_ticket(raw: RawMessage) -> Sequence[RawMessage] | Refusal:
    """Return a message for several tickets as one for each, with the ticket appended to its id.

    A matter of many callers is answered once (decision 38); a message for one ticket is returned
    as it is.
    """
    tickets = raw.get("ticket")
    if not isinstance(tickets, list):
        return (raw,)
    if raw.get("type") not in OF_SEVERAL_TICKETS:
        types = ", ".join(OF_SEVERAL_TICKETS)
        return Refusal(
            lazy("only messages of these types may name several tickets: {types}", types=types)
        )
    numbers = [check.number_as_text(ticket) or ticket for ticket in tickets]
    if not numbers or not all(isinstance(number, str) and number.strip() for number in numbers):
        return Refusal(lazy("the tickets' numbers are missing: give them as texts in `ticket`"))
    sent_id = raw.get("id")
    if sent_id is None:
        encoded = canonical_json(raw)
        if isinstance(encoded, Refusal):
            return encoded
        sent_id = _digest(encoded)
    return [
        {**raw, "ticket": number, "id": f"{sent_id}-{number}"} for number in dict.fromkeys(numbers)
    ]


def canonical_json(raw: RawMessage) -> bytes | Refusal:
    """Encode a message so that the same content always gives the same bytes."""
    try:
        return msgspec.json.encode(raw, order="deterministic")
    except (UnicodeEncodeError, ValueError):
        return Refusal(lazy("a text holds characters that no text can hold: send it as UTF-8"))


def content_id(raw: RawMessage) -> str:
    """Return a digest of a message, which is its id where its source gives none."""
    return _digest(msgspec.json.encode(raw, order="deterministic"))


def _digest(canonical: bytes) -> str:
    return hashlib.sha256(canonical).hexdigest()[:32]


def read_content(kind: MessageType, raw: RawMessage) -> Content | Refusal:
    """Read the content of a message; a refusal says what is wrong with it.

    Labels become codes; unknown fields are passed over. Null is the same as absent but in an
    amendment, where it takes away what was received.
    """
    values, missing, invalid = _read_fields(kind, raw)
    if missing:
        return Refusal(LazyText(MISSING, {"names": ", ".join(missing)}), tuple(missing))
    for why in invalid.values():
        return Refusal(why)
    return CONTENT_TYPES[kind](**values)


def wrong_fields(kind: MessageType, raw: RawMessage) -> dict[str, LazyText]:
    """Return why fields of a message are refused whatever its ticket is, in their order.

    They cannot be read, or are not there or say nothing where the regulation asks for them. A part
    of an object is named as `claimant.contact`.
    """
    values, missing, invalid = _read_fields(kind, raw)
    lacking = [part for part in lacking_parts(kind, values) if part not in invalid]
    reasons = {name: LazyText(MISSING, {"names": name}) for name in (*missing, *lacking)}
    # the check of an object names the part that it refuses
    reasons |= {str(why.args.get("name", name)): why for name, why in invalid.items()}
    names = list(FIELDS[kind])
    return dict(sorted(reasons.items(), key=lambda item: names.index(item[0].partition(".")[0])))


def required_fields(kind: MessageType, message: RawMessage) -> tuple[str, ...]:
    """Return the fields that such a message must have, with what the regulation asks for in it."""
    of_struct = (name for name, field in FIELDS[kind].items() if field.required)
    return (*of_struct, *required_parts(kind, message))


def _read_fields(
    kind: MessageType, raw: RawMessage
) -> tuple[dict[str, object], list[str], dict[str, LazyText]]:
    """Return the fields that can be read, those missing, and why others cannot be read."""
    values: dict[str, object] = {}
    missing: list[str] = []
    invalid: dict[str, LazyText] = {}
    for name, (check_field, required, nullable) in FIELDS[kind].items():
        if (value := raw.get(name)) is None and nullable and name in raw:
            values[name] = None
        elif value is not None:
            try:
                values[name] = check_field(name, value)
            except InvalidField as error:
                invalid[name] = error.why
        elif required:
            missing.append(name)
    return values, missing, invalid


def read_message(kind: str, ticket: str, at: datetime, arrival: int, raw: RawMessage) -> Message:
    """Read a message of the inbox; its units are as the source named them."""
    of_type = MessageType(kind)
    return Message(of_type, ticket, at, arrival, read_content(of_type, raw), raw)


def said_topic(received: TicketReceived) -> object:
    """Return the topic that a city names, as it wrote it: a text, or several."""
    return topic_in({"topic": received.topic, "topics": received.topics})


def topic_in(received: RawMessage) -> Any:
    """Return the topic that a city names in a letter, as it came."""
    words = received.get("topic")
    return words if says_something(words) else received.get("topics")


def named_topic(message: Message, words: object) -> str | None:
    """Return the topic that a ticket has by a message that says this, None if it says nothing."""
    return message.topic or (UNKNOWN_TOPIC if says_something(words) else None)


_UNITS_OF: Mapping[type[Content], tuple[str, ...]] = {
    content: tuple(field for field in UNIT_FIELDS if field in content.__struct_fields__)
    for content in CONTENT_TYPES.values()
}


def named_units(content: Content) -> dict[str, str]:
    """Return the units that a message names and that must be known, by the field that names it.

    Those of a list are `units.0`, `units.1`.
    """
    fields = _UNITS_OF[type(content)]
    units = {field: unit for field in fields if (unit := getattr(content, field)) is not None}
    if isinstance(content, DisputeOpened):
        units |= {f"units.{n}": unit for n, unit in enumerate(content.units)}
    return units


def names_hotline(content: Content) -> bool:
    """Return whether a message names the hotline as a unit."""
    for field in _UNITS_OF[type(content)]:
        if getattr(content, field) == HOTLINE:
            return True
    return isinstance(content, DisputeOpened) and HOTLINE in content.units


def refuse_unknown(message: Message, unknown: Collection[str]) -> Message:
    """Return a message refused for the first of the `unknown` names that it needs, if for any.

    A return may suggest a unit that nobody knows: its name is then a text of its source.
    """
    content = message.content
    # a ticket whose unit nobody knows goes to the manual queue
    if isinstance(content, Refusal | TicketReceived) or not unknown:
        return message
    for field, unit in named_units(content).items():
        if unit in unknown:
            text = lazy("unit {unit} is not known; see the units file", unit=PrivateText(field))
            return msgspec.structs.replace(message, content=Refusal(text))
    if isinstance(content, UnitReturned) and content.suggested_unit in unknown:
        named = says_something(content.suggested_unit)
        suggested = PrivateText("suggested_unit") if named else None
        content = msgspec.structs.replace(content, suggested_unit=suggested)
        return msgspec.structs.replace(message, content=content)
    return message
