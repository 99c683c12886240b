"""The events of a ticket's log: one struct an event name, and how a line of the log is written.

Every field says what it may hold. A code, a number, a truth value or an instant is harmless by its
type. A text is marked: `HARMLESS` is a name or a text of the district's own rulebook, `PRIVATE` is
what somebody outside wrote, which goes into the line's encrypted part and is never in its data. A
unit that nobody knows, and a text within a reason, is a `PrivateText`: the data says in which field
of the message it stands, and the encrypted part what it says.

A field that a line does not have is UNSET, which is not the same as null: a line that is read and
written again has the same bytes. The file is long because it is one list.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType

from models.i18n import LazyText, PrivateText
from models.rules.origins import HARMLESS, PRIVATE, UNIT, Origin, origins
from models.rules.vocabulary import (
    RECIPIENTS_OF_A_UNIT,
    Category,
    ClockName,
    ClockState,
    ContactMethod,
    ContactOutcome,
    ContactPurpose,
    Decider,
    Disposal,
    DutyChange,
    Emergency,
    ErasureGround,
    EventName,
    Ground,
    Level,
    MessageType,
    NoticeKind,
    Rating,
    Recipient,
    Slot,
    WithdrawnTo,
)

E = TypeVar("E", bound="EventData")


KnownUnit: TypeAlias = Annotated[str, HARMLESS]
"""The full name of a unit of the directory."""
Holder: TypeAlias = Annotated[str, HARMLESS]
"""The holder of a duty: the full name of a unit, `district_desk` or `city_hotline`."""
RulebookText: TypeAlias = Annotated[str, HARMLESS]
"""A text of the policy."""
Item: TypeAlias = Annotated[str, HARMLESS]
"""An item of what is not taken, as `2.2.4`."""
FieldName: TypeAlias = Annotated[str, HARMLESS]
"""A field of a message."""
TopicCode: TypeAlias = Annotated[str, HARMLESS]
"""The code of a topic of the classification."""
EmergencyLine: TypeAlias = Annotated[str, HARMLESS]
"""A number that the policy names, as `119`."""
ChannelName: TypeAlias = Annotated[str, HARMLESS]
"""A channel of notices, as the district's channels file names it."""
TicketNumber: TypeAlias = Annotated[str, HARMLESS]
"""The number of another ticket."""
Operator: TypeAlias = Annotated[str, HARMLESS]
"""The name of one of the service's own users."""
AnyUnit: TypeAlias = Annotated[str | PrivateText, UNIT]
"""A unit as somebody called it; the directory need not know it."""
Reason: TypeAlias = Annotated[LazyText, HARMLESS]
"""A reason in words for a person; what somebody outside wrote is a `PrivateText` in it."""
Papers: TypeAlias = Annotated[Any, PRIVATE]
"""A part of a message as its source wrote it: a text, a list of attachments, an object.

As the rules emit it, it is a `PrivateText`, or several.
"""


BLINDING = "blinding"
"""The random part of a line's texts, without which their commitment would betray short ones."""


class EventData(msgspec.Struct, frozen=True, kw_only=True):
    """The data of an event, all but its moments and its cause; `event` is its name."""

    event: ClassVar[EventName]


class TicketReceived(EventData, frozen=True, kw_only=True):
    """A ticket came in. `policy` is the document that it runs under."""

    event = EventName.TICKET_RECEIVED
    category: Category
    policy: RulebookText
    emergency: Emergency | UnsetType = UNSET
    topic: TopicCode | UnsetType = UNSET
    note: Reason | UnsetType = UNSET
    title: Papers = UNSET


class ScreeningProposed(EventData, frozen=True, kw_only=True):
    """Something speaks against taking the ticket (Regulation 2.2)."""

    event = EventName.SCREENING_PROPOSED
    code: Item
    why: Reason
    earlier: TicketNumber | UnsetType = UNSET


class TopicProposed(EventData, frozen=True, kw_only=True):
    """A model proposes a topic for a ticket that came without one; `certainty` is in percent."""

    event = EventName.TOPIC_PROPOSED
    topic: TopicCode
    certainty: int
    why: Reason


class ScreeningDecided(EventData, frozen=True, kw_only=True):
    """An operator answered a proposal of the screening."""

    event = EventName.SCREENING_DECIDED
    code: Item
    decline: bool
    by: Papers = UNSET


class TicketDeclined(EventData, frozen=True, kw_only=True):
    """The ticket is not taken; `advice` is what the claimant is told."""

    event = EventName.TICKET_DECLINED
    code: Item
    advice: RulebookText


class TicketUnrouted(EventData, frozen=True, kw_only=True):
    """No unit was found: the ticket waits in the manual queue.

    `named` is the unit that the city named and nobody knows; `proposed` the unit that a model would
    choose, with its reason.
    """

    event = EventName.TICKET_UNROUTED
    why: Reason
    named: AnyUnit | UnsetType = UNSET
    proposed: KnownUnit | UnsetType = UNSET
    proposal: Reason | UnsetType | None = UNSET


class TicketRouted(EventData, frozen=True, kw_only=True):
    """A unit was chosen; `why` is an operator's own text where he chose it."""

    event = EventName.TICKET_ROUTED
    unit: KnownUnit
    why: Reason
    by: Papers = UNSET


class TicketDispatched(EventData, frozen=True, kw_only=True):
    """The ticket was sent to a unit."""

    event = EventName.TICKET_DISPATCHED
    unit: KnownUnit


class TicketAccepted(EventData, frozen=True, kw_only=True):
    """The unit took the ticket on; `late` where it was deemed accepted before."""

    event = EventName.TICKET_ACCEPTED
    unit: KnownUnit | None
    late: bool | UnsetType = UNSET


class TicketDeemedAccepted(EventData, frozen=True, kw_only=True):
    """The unit was silent until its acceptance term ended (Regulation 3.1)."""

    event = EventName.TICKET_DEEMED_ACCEPTED
    unit: KnownUnit | None
    effective_at: datetime


class TicketReturned(EventData, frozen=True, kw_only=True):
    """The unit returned the ticket, with its reasons (Regulation 3.2)."""

    event = EventName.TICKET_RETURNED
    unit: KnownUnit | None
    suggested_unit: AnyUnit | None
    reason: Papers = UNSET
    basis: Papers = UNSET
    signed_by: Papers = UNSET


class ReturnApproved(EventData, frozen=True, kw_only=True):
    """The city agreed to a return; `unit` gets the ticket now."""

    event = EventName.RETURN_APPROVED
    unit: KnownUnit


class ReturnRefused(EventData, frozen=True, kw_only=True):
    """The city did not agree to a return; `unit` keeps the ticket."""

    event = EventName.RETURN_REFUSED
    unit: KnownUnit | None


class DisputeOpened(EventData, frozen=True, kw_only=True):
    """Units disagree whose matter it is (Regulation 3.3)."""

    event = EventName.DISPUTE_OPENED
    units: tuple[KnownUnit, ...]


class DisputeEvidence(EventData, frozen=True, kw_only=True):
    """A unit handed in its evidence in a dispute."""

    event = EventName.DISPUTE_EVIDENCE
    unit: KnownUnit
    documents: Papers = UNSET


class DisputeDecided(EventData, frozen=True, kw_only=True):
    """A dispute was decided for a unit."""

    event = EventName.DISPUTE_DECIDED
    unit: KnownUnit
    by: Decider


class UnitJoined(EventData, frozen=True, kw_only=True):
    """Another unit helps."""

    event = EventName.UNIT_JOINED
    unit: KnownUnit


class SiteArrived(EventData, frozen=True, kw_only=True):
    """A unit arrived on site (Regulation 3.4)."""

    event = EventName.SITE_ARRIVED
    unit: KnownUnit


class ProgressReported(EventData, frozen=True, kw_only=True):
    """A unit reported on an emergency (Regulation 3.4)."""

    event = EventName.PROGRESS_REPORTED
    unit: KnownUnit
    text: Papers = UNSET


class ClockStarted(EventData, frozen=True, kw_only=True):
    """A clock began to run; `unit` and `purpose` tell evidence and proof clocks apart.

    `holder` is the unit that owes it, or `district_desk` or `city_hotline`.
    """

    event = EventName.CLOCK_STARTED
    clock: ClockName
    base: datetime
    due: datetime
    provisional: bool
    holder: Holder | UnsetType = UNSET
    unit: KnownUnit | UnsetType = UNSET
    purpose: ContactPurpose | UnsetType = UNSET
    why: Reason | UnsetType = UNSET


class ClockMoved(EventData, frozen=True, kw_only=True):
    """The expiry of a running clock is another; `unit` and `purpose` are those of its start."""

    event = EventName.CLOCK_MOVED
    clock: ClockName
    due: datetime
    why: Reason
    provisional: bool
    unit: KnownUnit | UnsetType = UNSET
    purpose: ContactPurpose | UnsetType = UNSET


class ClockStopped(EventData, frozen=True, kw_only=True):
    """A clock ended: met, late or cancelled."""

    event = EventName.CLOCK_STOPPED
    clock: ClockName
    outcome: ClockState
    unit: KnownUnit | UnsetType = UNSET
    purpose: ContactPurpose | UnsetType = UNSET


class ClockExpired(EventData, frozen=True, kw_only=True):
    """A clock ran out."""

    event = EventName.CLOCK_EXPIRED
    clock: ClockName
    due: datetime
    unit: KnownUnit | UnsetType = UNSET
    purpose: ContactPurpose | UnsetType = UNSET


class AlertRaised(EventData, frozen=True, kw_only=True):
    """A level was raised in this run of the handling clock (Regulation 5)."""

    event = EventName.ALERT_RAISED
    clock: ClockName
    level: Level
    effective_at: datetime
    unit: KnownUnit | None
    run: int


class AlertWithdrawn(EventData, frozen=True, kw_only=True):
    """A level was taken back; `of` is the `seq` of the event that raised it."""

    event = EventName.ALERT_WITHDRAWN
    clock: ClockName
    level: Level
    of: int
    why: Reason


class DecisionWithdrawn(EventData, frozen=True, kw_only=True):
    """Any other event was taken back: the one called `name`, whose `seq` is `of`."""

    event = EventName.DECISION_WITHDRAWN
    of: int
    name: EventName
    why: Reason


class ExtensionGranted(EventData, frozen=True, kw_only=True):
    """The term was extended (Regulation 3.5)."""

    event = EventName.EXTENSION_GRANTED
    number: int
    due: datetime


class ExtensionRefused(EventData, frozen=True, kw_only=True):
    """The term was not extended."""

    event = EventName.EXTENSION_REFUSED
    why: Reason
    missing: tuple[FieldName, ...] | UnsetType = UNSET


class ContactRecorded(EventData, frozen=True, kw_only=True):
    """The claimant was contacted, or somebody tried to (Regulation 4).

    `of` is the purpose of the contact that a proof is about.
    """

    event = EventName.CONTACT_RECORDED
    purpose: ContactPurpose
    unit: Annotated[str, HARMLESS] | UnsetType = UNSET
    outcome: ContactOutcome | UnsetType = UNSET
    method: ContactMethod | UnsetType = UNSET
    slot: Slot | UnsetType = UNSET
    of: ContactPurpose | UnsetType = UNSET
    evidence: Papers = UNSET
    notes: Papers = UNSET


class ContactUnreachable(EventData, frozen=True, kw_only=True):
    """The claimant was not reached in two slots of a working day (Regulation 4.3)."""

    event = EventName.CONTACT_UNREACHABLE
    purpose: ContactPurpose


class ContactProofAsked(EventData, frozen=True, kw_only=True):
    """The claimant denied a contact: the unit is to prove it (Regulation 4.3)."""

    event = EventName.CONTACT_PROOF_ASKED
    purpose: ContactPurpose
    unit: KnownUnit | UnsetType = UNSET


class ContactProved(EventData, frozen=True, kw_only=True):
    """A contact that the claimant denied was proved (Regulation 4.3).

    `unit` owed the contact. A proof that comes `late` changes nothing.
    """

    event = EventName.CONTACT_PROVED
    purpose: ContactPurpose
    unit: KnownUnit
    late: bool | UnsetType = UNSET


class ContactDeemedAbsent(EventData, frozen=True, kw_only=True):
    """No proof came: the contact counts as not made (Regulation 4.3)."""

    event = EventName.CONTACT_DEEMED_ABSENT
    purpose: ContactPurpose | None
    unit: KnownUnit | None
    effective_at: datetime


class TicketSupplemented(EventData, frozen=True, kw_only=True):
    """The claimant added facts (Regulation 3.4.6)."""

    event = EventName.TICKET_SUPPLEMENTED
    text: Papers = UNSET


class TicketWithdrawn(EventData, frozen=True, kw_only=True):
    """The claimant withdrew the ticket (Regulation 3.6)."""

    event = EventName.TICKET_WITHDRAWN
    to: WithdrawnTo


class ResultSubmitted(EventData, frozen=True, kw_only=True):
    """The unit handed in its result (Regulation 3.7)."""

    event = EventName.RESULT_SUBMITTED
    unit: KnownUnit | None
    disposal: Disposal
    facts: Papers = UNSET
    measures: Papers = UNSET
    remedies: Papers = UNSET
    basis: Papers = UNSET
    long_term: Papers = UNSET


class ResultRefused(EventData, frozen=True, kw_only=True):
    """The city refused the result (Regulation 3.7)."""

    event = EventName.RESULT_REFUSED
    why: Papers = UNSET


class TicketCompleted(EventData, frozen=True, kw_only=True):
    """The ticket is completed."""

    event = EventName.TICKET_COMPLETED


class SurveyOpened(EventData, frozen=True, kw_only=True):
    """The hotline is to ask the claimant how satisfied he is (Regulation 4.4)."""

    event = EventName.SURVEY_OPENED


class SurveyRated(EventData, frozen=True, kw_only=True):
    """The claimant rated the result."""

    event = EventName.SURVEY_RATED
    rating: Rating


class RatingCorrected(EventData, frozen=True, kw_only=True):
    """A revisit found the rating to be a mistake (Regulation 4.5)."""

    event = EventName.RATING_CORRECTED
    from_: Rating | None = msgspec.field(name="from")
    to: Rating
    notes: Papers = UNSET


class RevisitOpened(EventData, frozen=True, kw_only=True):
    """The hotline is to call a dissatisfied claimant (Regulation 4.5)."""

    event = EventName.REVISIT_OPENED


class ReworkOpened(EventData, frozen=True, kw_only=True):
    """A second handling began (Regulation 3.9)."""

    event = EventName.REWORK_OPENED
    unit: KnownUnit | None


class ReworkRefused(EventData, frozen=True, kw_only=True):
    """A second handling was refused."""

    event = EventName.REWORK_REFUSED
    why: Reason


class TicketArchived(EventData, frozen=True, kw_only=True):
    """The ticket went to the archive; `effective_at` where time alone brought it there."""

    event = EventName.TICKET_ARCHIVED
    effective_at: datetime | UnsetType = UNSET


class UnitUrged(EventData, frozen=True, kw_only=True):
    """The desk urged a unit."""

    event = EventName.UNIT_URGED
    unit: KnownUnit
    by: Papers = UNSET
    text: Papers = UNSET


class ConductRecorded(EventData, frozen=True, kw_only=True):
    """A case for talk-and-remind was registered (Regulation 6.1)."""

    event = EventName.CONDUCT_RECORDED
    unit: KnownUnit
    ground: Ground
    grave: bool


class ConductProposed(EventData, frozen=True, kw_only=True):
    """The rules propose a case for talk-and-remind."""

    event = EventName.CONDUCT_PROPOSED
    unit: KnownUnit | None
    ground: Ground
    why: Reason


class TicketAmended(EventData, frozen=True, kw_only=True):
    """A ticket was corrected; `fields` names what, `changes` holds the new values."""

    event = EventName.TICKET_AMENDED
    fields: tuple[FieldName, ...]
    by: Papers = UNSET
    category: Category | UnsetType = UNSET
    emergency: Emergency | UnsetType | None = UNSET
    topic: TopicCode | UnsetType | None = UNSET
    changes: Papers = UNSET
    why: Papers = UNSET


class TicketReassigned(EventData, frozen=True, kw_only=True):
    """The desk took back its own misrouting; `unit` gets the ticket now."""

    event = EventName.TICKET_REASSIGNED
    unit: KnownUnit
    by: Papers = UNSET
    why: Papers = UNSET


class UnitSucceeded(EventData, frozen=True, kw_only=True):
    """The duties of `unit` passed on to its `successor`."""

    event = EventName.UNIT_SUCCEEDED
    unit: KnownUnit
    successor: KnownUnit


class NoteAdded(EventData, frozen=True, kw_only=True):
    """Somebody added a note."""

    event = EventName.NOTE_ADDED
    by: Papers = UNSET
    text: Papers = UNSET


class TextsErased(EventData, frozen=True, kw_only=True):
    """The texts of people were erased; the commitments of these `lines` stand for them."""

    event = EventName.TEXTS_ERASED
    ground: ErasureGround
    by: Operator
    lines: tuple[int, ...]


class NoticedDuty(msgspec.Struct, frozen=True, kw_only=True):
    """A duty of whoever is notified, as it was when the notice was queued."""

    clock: ClockName
    change: DutyChange
    due: datetime
    purpose: ContactPurpose | UnsetType = UNSET


# looked up once: a member of an enum costs as much as a call, and every notice asks for it
_UNIT_CONTACT = Recipient.UNIT_CONTACT


class NoticeQueued(EventData, frozen=True, kw_only=True):
    """A notice waits to be sent to whoever has this role.

    Of a correction, `of` is the `seq` of the notice that it corrects; of one sent again, `again` is
    the `seq` of the first; of a copy for the parent of a unit that got a card, `body` is that unit.
    The other fields say what the notice is about: `due` is the deadline of its clock, `duties` are
    those of the recipient that its occasion changed.
    """

    event = EventName.NOTICE_QUEUED
    kind: NoticeKind
    role: Recipient
    unit: KnownUnit | UnsetType | None = UNSET
    clock: ClockName | UnsetType = UNSET
    level: Level | UnsetType = UNSET
    effective_at: datetime | UnsetType = UNSET
    due: datetime | UnsetType = UNSET
    code: Item | UnsetType = UNSET
    number: EmergencyLine | UnsetType = UNSET
    purpose: ContactPurpose | UnsetType = UNSET
    rating: Rating | UnsetType | None = UNSET
    of: int | UnsetType = UNSET
    again: int | UnsetType = UNSET
    by: Operator | UnsetType = UNSET
    body: KnownUnit | UnsetType = UNSET
    duties: Annotated[tuple[NoticedDuty, ...] | UnsetType, HARMLESS] = UNSET

    @property
    def holder(self) -> str:
        """The holder of duties that the notice goes to: a unit, the desk or the city hotline."""
        return str(self.unit) if self.role is _UNIT_CONTACT else self.role

    @property
    def recipient(self) -> str:
        """Whom it is for, by unit and role; channels have addresses for that."""
        of_unit = self.unit and self.role in RECIPIENTS_OF_A_UNIT
        return f"{self.unit}/{self.role}" if of_unit else self.role


class NoticeSent(EventData, frozen=True, kw_only=True):
    """A channel took the notice that the event `of` queued."""

    event = EventName.NOTICE_SENT
    kind: NoticeKind
    channel: ChannelName
    of: int


class NoticeFailed(EventData, frozen=True, kw_only=True):
    """The notice that the event `of` queued was given up."""

    event = EventName.NOTICE_FAILED
    kind: NoticeKind
    channel: ChannelName
    of: int


class NoticeDropped(EventData, frozen=True, kw_only=True):
    """The notice that the event `of` queued was not sent, as its occasion was over."""

    event = EventName.NOTICE_DROPPED
    kind: NoticeKind
    of: int
    why: Reason


class MessageRefused(EventData, frozen=True, kw_only=True):
    """A message could not be applied; `late` where it came too late to be."""

    event = EventName.MESSAGE_REFUSED
    type: MessageType
    why: Reason
    missing: tuple[FieldName, ...] | UnsetType = UNSET
    late: bool | UnsetType = UNSET


EVENT_TYPES: Mapping[EventName, type[EventData]] = {
    kind.event: kind for kind in EventData.__subclasses__()
}
"""The struct of every event name."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened, as it goes into the ticket's log.

    `moment` is when it took effect; `at` when it counts as recorded where time is played: for
    what a message causes both are that message's `at`. `cause` is the arrival number of the
    message, None for what time alone brought about.
    """

    data: EventData
    moment: datetime
    at: datetime
    cause: int | None

    @property
    def name(self) -> EventName:
        """The event's name."""
        return self.data.event


ORIGINS: Mapping[EventName, Mapping[str, Origin]] = {
    name: origins(kind) for name, kind in EVENT_TYPES.items()
}
"""The origin of each field's text, for every event."""


def _may_refer(hint: object) -> bool:
    return hint in (LazyText, PrivateText) or any(map(_may_refer, get_args(hint)))


_PRIVATE: Mapping[type[EventData], Mapping[str, UnsetType]] = {
    EVENT_TYPES[name]: dict.fromkeys((f for f, o in fields.items() if o is PRIVATE), UNSET)
    for name, fields in ORIGINS.items()
}

_REFERRING: Mapping[type[EventData], tuple[str, ...]] = {
    kind: tuple(name for name, hint in get_type_hints(kind).items() if _may_refer(hint))
    for kind in EVENT_TYPES.values()
}
"""The fields of each event in whose data a private text may be referred to."""


def encode(data: EventData) -> bytes:
    """Encode the data of a log line as JSON, without what is private; equal data, equal bytes."""
    private = _PRIVATE[type(data)]
    clear = msgspec.structs.replace(data, **private) if private else data
    return msgspec.json.encode(clear, order="sorted")


def private_part(data: EventData, message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what goes into the encrypted part of a line: the texts that it refers to.

    They are taken from the `message` that caused it, which is empty where its texts are gone. Keys
    are the event's private fields, and for a text in its data the message's field.
    """
    kind = type(data)
    if not (_PRIVATE[kind] or _REFERRING[kind]):
        return {}
    values = ((field, _text(getattr(data, field), message)) for field in _PRIVATE[kind])
    private = {field: value for field, value in values if value not in (UNSET, None, "", {})}
    for reference in references(data):
        if (value := _text(reference, message)) not in (None, ""):
            private[reference.field] = value
    return private


def says_texts(data: EventData) -> bool:
    """Return whether a line has texts of the message that caused it."""
    kind = type(data)
    if not (_PRIVATE[kind] or _REFERRING[kind]):
        return False
    private = (getattr(data, field) for field in _PRIVATE[kind])
    return any(value is not UNSET for value in private) or any(references(data))


def references(data: EventData) -> Iterator[PrivateText]:
    """Yield the private texts that the data of a line refers to."""
    for field in _REFERRING[type(data)]:
        match getattr(data, field):
            case PrivateText() as reference:
                yield reference
            case LazyText() as reason:
                yield from reason.private


def own_texts(name: str, private: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a line's texts that are fields of the event, for output."""
    fields = _PRIVATE[EVENT_TYPES[EventName(name)]]
    return {field: text for field, text in private.items() if field in fields}


def _text(value: Any, message: Mapping[str, Any]) -> Any:
    """Return what a private text says, by its field of the message; None where that is gone."""
    match value:
        case PrivateText():
            return value.find_in(message)
        case tuple():
            texts = {each.field: _text(each, message) for each in value}
            return {field: text for field, text in texts.items() if field in message}
        case _:
            return value


def with_texts(data: E, private: Mapping[str, Any]) -> E:
    """Return an event whose data says the texts that it refers to, as far as they are there."""
    filled: dict[str, Any] = {}
    for field in _REFERRING[type(data)]:
        match getattr(data, field):
            case PrivateText(name):
                filled[field] = private.get(name)
            case LazyText() as reason:
                filled[field] = reason.with_texts(private)
    return msgspec.structs.replace(data, **filled) if filled else data


def decode(name: str, data: bytes | str) -> EventData:
    """Decode the data of a log line that `encode` wrote. Raises ValueError for an unknown event."""
    return msgspec.json.decode(data, type=EVENT_TYPES[EventName(name)])


def convert(name: str, data: Mapping[str, Any]) -> EventData:
    """Read the data of a log line from plain JSON. Raises ValueError for an unknown event."""
    return read(EVENT_TYPES[EventName(name)], data)


def read(kind: type[E], data: Mapping[str, Any]) -> E:
    """Read the data of a log line of a known event from plain JSON."""
    return msgspec.convert(data, kind)


def fields(data: EventData) -> dict[str, Any]:
    """Return the fields that are not private, under the names that they have in the log."""
    private = _PRIVATE[type(data)]
    names = zip(data.__struct_fields__, data.__struct_encode_fields__, strict=True)
    values = ((written, getattr(data, field)) for field, written in names if field not in private)
    return {name: value for name, value in values if value is not UNSET}
