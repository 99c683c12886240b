"""One ticket being advanced, and the outcome of the messages that wait for it."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import select, update

from models.bulk import RowValues, update_rows
from models.database import Session
from models.i18n import LazyText
from models.json_types import JsonObject
from models.operations.append_log import NewTicket, Particulars, TicketRow, read_particulars
from models.operations.bells import bell, drop_bells, set_bells
from models.rulebook import Rulebook
from models.rules import messages
from models.rules.calendar import SHANGHAI
from models.rules.messages import Finding, Message, Refusal, Route, UnitSucceeded
from models.rules.queues import ESCALATION
from models.rules.routing.directory import rename_units
from models.rules.routing.unit_history import Succession
from models.rules.state import Clock, State, read_state
from models.rules.vocabulary import MessageType
from models.security.encryption import Encrypted
from models.tables.core import INBOX, TICKET
from models.tables.inbox import APPLIED, REFUSED, WAITING


class InboxRow(NamedTuple):
    """A row of the inbox as far as advancing its ticket needs it.

    `resolved` is what `_Resolution` was stored as, None where the message has not been read yet.
    """

    id: int
    ticket: str
    type: str
    queue: str
    at: datetime
    arrived_at: datetime
    body: Encrypted
    state: str
    resolved: JsonObject | None
    quiet_before: datetime | None = None


INBOX_COLUMNS = [INBOX.c[name] for name in InboxRow._fields]


@dataclass
class TicketWork:
    """One ticket being advanced, with the rows that wait for it and the messages in them.

    `before` are its clocks as they were when it was loaded; `new` is set for a ticket that is
    just beginning.
    """

    row: TicketRow
    state: State
    before: Mapping[str, Clock] = field(default_factory=dict)
    waiting: list[InboxRow] = field(default_factory=list)
    messages: dict[int, Message] = field(default_factory=dict)
    new: NewTicket | None = None

    @property
    def first(self) -> Message:
        """The message that a ticket begins with: its earliest receipt."""
        return next(m for m in self.messages.values() if m.type == MessageType.TICKET_RECEIVED)


@dataclass(frozen=True)
class MessageOutcome:
    """The outcome of a row: applied, refused with `why`, or waiting on until `ring_at`.

    `conflicting` marks one refused because it would undo what people did since.
    """

    row: InboxRow
    why: Refusal | None = None
    message: Message | None = None
    conflicting: bool = False
    ring_at: datetime | None = None


class _Resolution(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of reading a message for the first time: units, route, findings.

    `units` are the full names of those that the source called otherwise; None where the message was
    read before units could change their names.
    """

    unknown: tuple[str, ...] = ()
    route: Route | None = None
    findings: tuple[Finding, ...] = ()
    units: dict[str, str] | None = None


def lock_tickets(
    session: Session, numbers: Sequence[str], *, wait: bool = False
) -> list[TicketWork]:
    """Load these tickets and lock their rows, in the order of number.

    Those that another worker has locked are left out, or with `wait` waited for.
    """
    rows = session.execute(
        select(*(TICKET.c[name] for name in TicketRow._fields))
        .where(session.is_in(TICKET.c.number, numbers))
        .order_by(TICKET.c.number)
        .with_for_update(skip_locked=not wait)
    ).all()
    return [_work_of(TicketRow(*row)) for row in rows]


def _work_of(row: TicketRow) -> TicketWork:
    state = read_state(row.number, row.state)
    return TicketWork(row, state, state.clocks.copy())


def current_particulars(session: Session, work: TicketWork, refused: Container[int]) -> Particulars:
    """Return a ticket's particulars after the corrections that wait for it, but the refused."""
    amendments = [
        message.raw
        for message in work.messages.values()
        if message.type == MessageType.TICKET_AMENDED and message.arrival not in refused
    ]
    if work.new is not None:
        return read_particulars(work.new.body, amendments)
    row = session.execute(
        select(TICKET.c.title, TICKET.c.claimant).where(TICKET.c.id == work.row.id)
    ).one()
    person = dict(session.cipher.decrypt(row.claimant)) if row.claimant else {}
    address = person.pop("address", None)
    stored = {"title": row.title, "claimant": person, "address": address}
    return read_particulars(stored, amendments)


def read_inbox_row(
    session: Session, row: InboxRow, rulebook: Rulebook, passed_on: Sequence[Succession] = ()
) -> Message:
    """Read the message of a row, with its units resolved as when it was first read.

    `passed_on` are the successions of its ticket, for a message that is read for the first time.
    """
    message = _read(session, row)
    if row.resolved is None:
        return rulebook.directory.resolve_units(message, passed_on)
    # what units and letters said when the message was first read stays valid
    resolution = msgspec.convert(row.resolved, _Resolution)
    if resolution.units is None:
        message = rulebook.directory.resolve_units_of_time(message)
    else:
        message = rename_units(message, resolution.units)
    return msgspec.structs.replace(
        message,
        unknown=resolution.unknown,
        route=resolution.route,
        findings=resolution.findings,
    )


def read_waiting(
    session: Session, waiting: Mapping[str, Sequence[InboxRow]], rulebook: Rulebook
) -> dict[str, dict[int, Message]]:
    """Read the messages that wait for tickets, by the ticket's number and the row's id."""
    late = [
        number
        for number, rows in waiting.items()
        if any(rulebook.directory.names_changed_after(row.at) for row in rows)
    ]
    passed_on = _successions(session, late) if late else {}
    return {
        number: {
            row.id: read_inbox_row(session, row, rulebook, passed_on.get(number, ()))
            for row in rows
        }
        for number, rows in waiting.items()
    }


def _successions(session: Session, numbers: Sequence[str]) -> dict[str, list[Succession]]:
    """Return the successions of units in these tickets, by number."""
    rows = session.execute(
        select(*INBOX_COLUMNS)
        .where(session.is_in(INBOX.c.ticket, numbers))
        .where(INBOX.c.type == MessageType.UNIT_SUCCEEDED)
        .where(INBOX.c.state != REFUSED, INBOX.c.current)
        .order_by(INBOX.c.at, INBOX.c.id)
    )
    successions: dict[str, list[Succession]] = {}
    for row in rows:
        content = _read(session, InboxRow(*row)).content
        if isinstance(content, UnitSucceeded):
            succession = Succession(content.unit, content.successor, row.at)
            successions.setdefault(row.ticket, []).append(succession)
    return successions


def _read(session: Session, row: InboxRow) -> Message:
    raw = session.cipher.decrypt(row.body)
    at = row.at.astimezone(SHANGHAI)
    message = messages.read_message(row.type, row.ticket, at, row.id, raw)
    if row.quiet_before is not None:
        message = msgspec.structs.replace(message, quiet_before=row.quiet_before)
    return message


def mark_messages(session: Session, outcomes: Sequence[MessageOutcome]) -> None:
    """Write into the inbox what became of its rows."""
    finished = [outcome for outcome in outcomes if outcome.ring_at is None]
    update_rows(session.connection(), INBOX, [_finished_row(outcome) for outcome in finished])
    drop_bells(session, ((outcome.row.queue, outcome.row.id) for outcome in finished))
    waiting = ((o.row, o.ring_at) for o in outcomes if o.ring_at is not None)
    set_bells(session, (bell(row.queue, row.id, ring_at) for row, ring_at in waiting))


def _finished_row(outcome: MessageOutcome) -> RowValues:
    why, message = outcome.why, outcome.message
    resolved = outcome.row.resolved if message is None else _resolution(message)
    return {
        "id": outcome.row.id,
        "state": REFUSED if why else APPLIED,
        "reason": {"why": why.why, "missing": list(why.missing)} if why else None,
        "resolved": resolved,
        "conflicting": outcome.conflicting,
    }


def _resolution(message: Message) -> _Resolution:
    return _Resolution(message.unknown, message.route, message.findings, dict(message.units))


def refuse_waiting(session: Session, number: str, why: LazyText) -> None:
    """Refuse all that waits for a ticket that cannot be advanced, and ring no longer for it."""
    refused = session.execute(
        update(INBOX)
        .where(INBOX.c.ticket == number, INBOX.c.state == WAITING)
        .values(state=REFUSED, reason={"why": why, "missing": []})
        .returning(INBOX.c.queue, INBOX.c.id)
    ).all()
    drop_bells(session, [(row.queue, row.id) for row in refused])
    ticket = select(TICKET.c.id).where(TICKET.c.number == number)
    if (ticket_id := session.scalar(ticket)) is not None:
        drop_bells(session, [(ESCALATION, ticket_id)])
