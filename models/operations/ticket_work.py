"""One ticket being advanced, and the outcome of the messages that wait for it."""

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, LargeBinary, and_, select, type_coerce, update

from models.bulk import RowValues, update_rows
from models.database import Session
from models.errors import HotlineError
from models.i18n import LazyText, _
from models.membership import is_in
from models.operations.bells import bell, drop_bells, set_bells
from models.operations.ticket_change import NewTicket, TicketRow
from models.operations.titles import stored_particulars
from models.queries.checked_rows import read_checked
from models.queries.inbox_rows import INBOX_COLUMNS, ForgedMessage, InboxRow, outline_hash
from models.queries.stored_messages import read_inbox_row, read_message_of, read_outline
from models.rulebook import Rulebook
from models.rules.message_outline import encode_outline, outline_of
from models.rules.messages import Message, Refusal, UnitSucceeded
from models.rules.packing import pack_json
from models.rules.particulars import Particulars, read_particulars
from models.rules.queues import ESCALATION
from models.rules.routing.directory import Directory
from models.rules.routing.unit_history import Succession
from models.rules.state import Clock, State, read_state
from models.rules.vocabulary import MessageType
from models.security.encryption import Cipher
from models.security.row_hashes import is_own_row
from models.tables.core import EVENT, INBOX, TICKET
from models.tables.inbox import APPLIED, REFUSED, WAITING
from models.tables.instants import LATEST


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


class ForgedTicket(HotlineError):
    """The row of a ticket is not as the service wrote it."""

    def __init__(self, number: str) -> None:
        self.number = number
        text = _(
            "the row of ticket {ticket} is not as the service wrote it: run {verify}, then {mend}"
        )
        verify, mend = f"`hotline log {number} --verify`", f"`hotline db rebuild {number}`"
        super().__init__(text.format(ticket=number, verify=verify, mend=mend))


class ForgedEnd(HotlineError):
    """The log of a ticket goes on after the end that the ticket's row knows."""

    def __init__(self, number: str) -> None:
        text = _(
            "the log of ticket {ticket} goes on after the end that its row knows: {verify} says "
            "which of both was altered; run {mend}, or restore the log from a backup"
        )
        verify, mend = f"`hotline log {number} --verify`", f"`hotline db rebuild {number}`"
        super().__init__(text.format(ticket=number, verify=verify, mend=mend))


def lock_tickets(
    session: Session, numbers: Sequence[str], *, wait: bool = False
) -> list[TicketWork]:
    """Load these tickets and lock their rows, in the order of number.

    Those that another worker has locked are left out, or with `wait` waited for. Raises
    ForgedTicket.
    """
    rows = lock_rows(session, numbers, wait=wait)
    return [_work_of(session.cipher, row) for row in rows]


def has_forged_row(session: Session, number: str) -> bool:
    """Return whether a ticket has a row that is not the service's; it need not be readable."""
    columns = [TICKET.c[name] for name in TicketRow._fields]
    rows = read_checked(session, columns, lambda query: query.where(TICKET.c.number == number))
    for checked in rows:
        row = TicketRow(*checked[: len(columns)])
        if checked.unreadable or not is_own_row(session.cipher, row.content, row.end, row.row_hash):
            return True
    return False


def goes_on_after_end(session: Session, number: str) -> bool:
    """Return whether the log of a ticket has a line after the end that the ticket's row knows."""
    of_ticket = EVENT.c.ticket_id == TICKET.c.id, TICKET.c.number == number
    later = select(EVENT.c.seq).where(*of_ticket, EVENT.c.seq > TICKET.c.seq)
    return session.execute(later.limit(1)).first() is not None


def lock_rows(session: Session, numbers: Sequence[str], *, wait: bool) -> list[TicketRow]:
    """Lock the rows of these tickets and return them, whatever they say."""
    rows = session.execute(
        select(*(TICKET.c[name] for name in TicketRow._fields))
        .where(is_in(TICKET.c.number, numbers))
        .order_by(TICKET.c.number)
        .with_for_update(skip_locked=not wait)
    ).all()
    return [TicketRow(*row) for row in rows]


def _work_of(cipher: Cipher, row: TicketRow) -> TicketWork:
    # nobody without the key may say what a ticket's messages have made of it
    if not is_own_row(cipher, row.content, row.end, row.row_hash):
        raise ForgedTicket(row.number)
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
    number = work.row.number
    return stored_particulars(session, [number], amendments)[number]


def waiting_rows(
    session: Session, numbers: Sequence[str], now: datetime
) -> dict[str, list[InboxRow]]:
    """Return the rows that wait for these tickets and are due, by the ticket's number."""
    rows = session.execute(
        select(*INBOX_COLUMNS)
        .where(is_in(INBOX.c.ticket, numbers), _wait_until(now))
        .order_by(INBOX.c.at, INBOX.c.id)
    )
    waiting: dict[str, list[InboxRow]] = {}
    for row in rows.all():
        waiting.setdefault(row.ticket, []).append(InboxRow(*row))
    return waiting


def waiting_bodies(session: Session, numbers: Sequence[str], now: datetime) -> dict[int, bytes]:
    """Return the messages in the same rows as they are stored, by the row's id."""
    rows = select(INBOX.c.id, type_coerce(INBOX.c.body, LargeBinary))
    waiting = rows.where(is_in(INBOX.c.ticket, numbers), _wait_until(now))
    return {row.id: row.body for row in session.execute(waiting)}


def _wait_until(now: datetime) -> ColumnElement[bool]:
    # a moment that nobody can read may sort after all others: its message is refused, not kept
    is_to_come = INBOX.c.at > now, INBOX.c.at <= LATEST
    return (INBOX.c.state == WAITING) & INBOX.c.current & ~and_(*is_to_come)


def read_waiting(
    session: Session, waiting: Mapping[str, Sequence[InboxRow]], rulebook: Rulebook
) -> dict[str, dict[int, Message]]:
    """Read the messages that wait for tickets, by the ticket's number and the row's id."""
    session.load_salts(waiting.keys())
    late = [
        number
        for number, rows in waiting.items()
        if any(rulebook.directory.names_changed_after(row.at) for row in rows)
    ]
    passed_on = _successions(session, late) if late else {}
    return {
        number: {
            row.id: read_inbox_row(session, row, rulebook.directory, passed_on.get(number, ()))
            for row in rows
        }
        for number, rows in waiting.items()
    }


def require_new(session: Session, works: Collection[TicketWork]) -> None:
    """Raise ForgedMessage where what waits for a ticket is in its log already."""
    waiting = {row.id: row for work in works for row in work.waiting}
    if not waiting:
        return
    tickets = [work.row.id for work in works if work.waiting]
    in_log = (
        select(EVENT.c.cause)
        .where(is_in(EVENT.c.ticket_id, tickets))
        .where(is_in(EVENT.c.cause, list(waiting)))
    )
    if (again := session.scalar(in_log.limit(1))) is not None:
        raise ForgedMessage(waiting[again])


def _successions(session: Session, numbers: Sequence[str]) -> dict[str, list[Succession]]:
    """Return the successions of units in these tickets, by number."""
    rows = session.execute(
        select(*INBOX_COLUMNS)
        .where(is_in(INBOX.c.ticket, numbers))
        .where(INBOX.c.type == MessageType.UNIT_SUCCEEDED)
        .where(INBOX.c.state != REFUSED, INBOX.c.current)
        .order_by(INBOX.c.at, INBOX.c.id)
    )
    successions: dict[str, list[Succession]] = {}
    for row in rows:
        inbox_row = InboxRow(*row)
        if inbox_row.outline is None:
            content = read_message_of(session, inbox_row).content
        else:
            content = read_outline(session, inbox_row, inbox_row.outline).content
        if isinstance(content, UnitSucceeded):
            succession = Succession(content.unit, content.successor, row.at)
            successions.setdefault(row.ticket, []).append(succession)
    return successions


def finished_rows(cipher: Cipher, outcomes: Iterable[MessageOutcome]) -> dict[int, RowValues]:
    """Return what becomes of the rows of the inbox that are finished, by their id."""
    finished = (outcome for outcome in outcomes if outcome.ring_at is None)
    return {outcome.row.id: _finished_row(cipher, outcome) for outcome in finished}


def mark_messages(
    session: Session, outcomes: Sequence[MessageOutcome], finished: Mapping[int, RowValues]
) -> None:
    """Write into the inbox what became of its rows; `finished` holds the finished ones by id."""
    ended = [outcome.row for outcome in outcomes if outcome.ring_at is None]
    update_rows(session.connection(), INBOX, [finished[row.id] for row in ended])
    drop_bells(session, ((row.queue, row.id) for row in ended))
    waiting = ((o.row, o.ring_at) for o in outcomes if o.ring_at is not None)
    set_bells(session, (bell(row.queue, row.id, ring_at) for row, ring_at in waiting))


def _finished_row(cipher: Cipher, outcome: MessageOutcome) -> RowValues:
    why = outcome.why
    row = outcome.row._replace(state=REFUSED if why else APPLIED, conflicting=outcome.conflicting)
    outline = row.outline
    if outcome.message is not None:
        outline = encode_outline(outline_of(outcome.message)).decode()
    return {
        "id": row.id,
        "state": row.state,
        "reason": {"why": why.why, "missing": list(why.missing)} if why else None,
        "outline": pack_json(outline.encode()) if outline is not None else None,
        "outline_hash": outline_hash(cipher, row, outline) if outline is not None else None,
        "conflicting": row.conflicting,
    }


def quarantine(session: Session, number: str, now: datetime) -> None:
    """Note that the row of a ticket is not as the service wrote it; its messages wait on."""
    first = TICKET.c.number == number, TICKET.c.quarantined_at.is_(None)
    session.execute(update(TICKET).where(*first).values(quarantined_at=now))


def waiting_ids(session: Session, number: str) -> Sequence[int]:
    """Return the ids of all rows that wait for a ticket, whatever else is in them."""
    waiting = INBOX.c.ticket == number, INBOX.c.state == WAITING
    return session.scalars(select(INBOX.c.id).where(*waiting).order_by(INBOX.c.id)).all()


def read_waiting_alone(session: Session, row_id: int, directory: Directory) -> None:
    """Read the message of one row by itself; raises what keeps it from being read."""
    row = session.execute(select(*INBOX_COLUMNS).where(INBOX.c.id == row_id)).one()
    read_inbox_row(session, InboxRow(*row), directory)


def refuse_rows(session: Session, rows: Collection[int], why: LazyText) -> None:
    """Refuse these waiting rows of the inbox, and ring no longer for them."""
    refused = session.execute(
        update(INBOX)
        .where(is_in(INBOX.c.id, rows), INBOX.c.state == WAITING)
        .values(state=REFUSED, reason={"why": why, "missing": []})
        .returning(INBOX.c.queue, INBOX.c.id)
    ).all()
    drop_bells(session, [(row.queue, row.id) for row in refused])


def refuse_waiting(session: Session, number: str, why: LazyText) -> None:
    """Refuse all that waits for a ticket that cannot be advanced, and ring no longer for it."""
    refuse_rows(session, waiting_ids(session, number), why)
    ticket = select(TICKET.c.id).where(TICKET.c.number == number)
    if (ticket_id := session.scalar(ticket)) is not None:
        drop_bells(session, [(ESCALATION, ticket_id)])
