"""Erase what people wrote of a ticket, so that its log, its row and the figures stay verifiable.

The ticket's salt is exchanged, so that no key opens its texts any more, wherever a copy of them
lies but in a backup with the old salt. What the log says in codes stays, and so do the commitments
of its lines; the erasure is a line of the log itself, and names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, func, or_, select, update

from models.bulk import insert_rows, update_rows
from models.database import Session
from models.errors import HotlineError
from models.i18n import LazyText, _, lazy, render
from models.operations.access_log import SERVICE, record_access
from models.operations.append_log import event_row
from models.operations.changes import record_changes
from models.queries.log import TicketNotFound
from models.rules.calendar import SHANGHAI
from models.rules.events import Event, TextsErased
from models.rules.policy import Policy
from models.rules.text import one_line
from models.rules.vocabulary import ErasureGround, EventName, Permission, Status
from models.security.chain import LogEnd
from models.security.heads import DIGEST_BYTES, ChangedHead, HeadKind
from models.security.roles import Actor
from models.security.row_hashes import TicketContent, is_own_row, listed_hash, row_hash
from models.sql_types import SelectedRow
from models.tables.core import BLIND_INDEX, EVENT, INBOX, SIMILARITY, TICKET
from models.tables.inbox import WAITING

_TICKETS = 20
"""Tickets whose texts are erased in one transaction, so that nobody waits for it."""

_LEAST_CHARACTERS, _MOST_CHARACTERS = 2, 200


class Erasable(NamedTuple):
    """The parts of a ticket that an erasure destroys: `lines` of its log with texts, and messages.

    `held` says why it must not be done, None where it may.
    """

    ticket: str
    lines: Sequence[int]
    messages: int
    held: LazyText | None


class HeldBack(HotlineError):
    """The texts of a ticket must still be kept."""

    def __init__(self, ticket: str, why: LazyText) -> None:
        text = _("the texts of {ticket} must be kept: {why}")
        super().__init__(text.format(ticket=ticket, why=render(why)))


class RequestMissing(HotlineError):
    """Nobody says who asked for an erasure."""

    def __init__(self) -> None:
        text = _("say in 2 to {n} characters who asked for it, and how (--asked-by)")
        super().__init__(text.format(n=_MOST_CHARACTERS))


def erasable(session: Session, number: str, policy: Policy, now: datetime) -> Erasable:
    """Return what an erasure would take away; nothing is changed. Raises TicketNotFound."""
    row = _ticket(session, number)
    lines = _lines_with_texts(session, row.id)
    of_ticket = INBOX.c.ticket == number
    messages = session.scalar(select(func.count()).select_from(INBOX).where(of_ticket)) or 0
    return Erasable(number, lines, messages, _held_back(session, row, policy, now))


def erase_texts(
    session: Session,
    actor: Actor,
    number: str,
    ground: ErasureGround,
    asked_by: str,
    policy: Policy,
    now: datetime,
) -> Erasable:
    """Erase the texts of a ticket for good; the log and the access log say that it was done.

    `asked_by` is who asked, and how; it is kept encrypted. Raises NotAllowed, TicketNotFound,
    RequestMissing, HeldBack.
    """
    actor.require(Permission.ERASE, number)
    asked = one_line(asked_by).strip()
    if not _LEAST_CHARACTERS <= len(asked) <= _MOST_CHARACTERS:
        raise RequestMissing
    row = _ticket(session, number, lock=True)
    extent = erasable(session, number, policy, now)
    if extent.held is not None:
        raise HeldBack(number, extent.held)
    _erase(session, row, extent.lines, ground, actor.name, now)
    record_access(session, actor, Permission.ERASE, number, [ground], now, reason=asked)
    return extent


@dataclass
class TextPruner:
    """Erases the texts of tickets that were archived as long ago as the policy says.

    Goes through them by id, a few at a time; `removed` counts the tickets.
    """

    removed: int = 0
    after: int = 0

    def prune_batch(self, session: Session, now: datetime, policy: Policy) -> bool:
        """Erase the texts of some more tickets; returns whether there may be more of them."""
        if policy.keep.texts is None:
            return False
        before = now - policy.keep.texts.span
        rows = session.execute(
            select(TICKET)
            .where(TICKET.c.id > self.after, TICKET.c.status == Status.ARCHIVED)
            .where(TICKET.c.received_at < before)
            # those of the others are erased
            .where(or_(TICKET.c.claimant.is_not(None), TICKET.c.title != ""))
            .order_by(TICKET.c.id)
            .limit(_TICKETS)
            .with_for_update(skip_locked=True)
        ).all()
        due = [
            row
            for row in rows
            if _archived_at(session, row.id, now) < before
            and _held_back(session, row, policy, now) is None
        ]
        ground = ErasureGround.RETENTION_OVER
        for row in due:
            lines = _lines_with_texts(session, row.id)
            _erase(session, row, lines, ground, SERVICE.name, now)
        if due:
            count = len(due)
            record_access(session, SERVICE, Permission.ERASE, None, [ground], now, amount=count)
        self.removed += len(due)
        self.after = rows[-1].id if rows else self.after
        return len(rows) == _TICKETS


def _erase(
    session: Session,
    row: SelectedRow,
    lines: Sequence[int],
    ground: ErasureGround,
    by: str,
    now: datetime,
) -> None:
    """Erase the texts of a ticket whose row is locked."""
    session.replace_salt(row.number)
    _erase_messages(session, row.number)
    of_ticket = EVENT.c.ticket_id == row.id
    session.execute(update(EVENT).where(of_ticket).values(private=None, original=None))
    session.execute(delete(BLIND_INDEX).where(BLIND_INDEX.c.ticket_id == row.id))
    session.execute(delete(SIMILARITY).where(SIMILARITY.c.ticket_id == row.id))
    _append(session, row, TextsErased(ground=ground, by=by, lines=tuple(lines)), now)


def _ticket(session: Session, number: str, *, lock: bool = False) -> SelectedRow:
    query = select(TICKET).where(TICKET.c.number == number)
    row = session.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise TicketNotFound(number)
    return row


def _held_back(
    session: Session, row: SelectedRow, policy: Policy, now: datetime
) -> LazyText | None:
    """Return why the texts of a ticket must still be kept, None where they need not."""
    if row.status != Status.ARCHIVED:
        return lazy("the ticket is not archived, and is handled by them")
    waiting = (INBOX.c.ticket == row.number, INBOX.c.state == WAITING, INBOX.c.current)
    if session.scalar(select(INBOX.c.id).where(*waiting).limit(1)) is not None:
        return lazy("messages of it wait")
    content = TicketContent(*(getattr(row, name) for name in TicketContent._fields))
    if not is_own_row(session.cipher, content, LogEnd(row.seq, row.hash), row.row_hash):
        return lazy("its row is not as the service wrote it: see `hotline log --verify`")
    if policy.keep.texts_at_least is None:
        return None
    until = _archived_at(session, row.id, now) + policy.keep.texts_at_least.span
    if now < until:
        day = f"{until.astimezone(SHANGHAI):%Y-%m-%d}"
        return lazy("the policy keeps them until {day} (keep.texts_at_least)", day=day)
    return None


def _archived_at(session: Session, ticket_id: int, now: datetime) -> datetime:
    archived = (EVENT.c.ticket_id == ticket_id, EVENT.c.name == EventName.TICKET_ARCHIVED)
    return session.scalar(select(func.max(EVENT.c.at)).where(*archived)) or now


def _lines_with_texts(session: Session, ticket_id: int) -> list[int]:
    texts = or_(EVENT.c.private.is_not(None), EVENT.c.original.is_not(None))
    query = select(EVENT.c.seq).where(EVENT.c.ticket_id == ticket_id, texts)
    return list(session.scalars(query.order_by(EVENT.c.seq)))


def _erase_messages(session: Session, number: str) -> None:
    """Give every message of a ticket an empty body; its outline and its envelope stay."""
    columns = [column for column in INBOX.c if column.name != "body"]
    rows = session.execute(select(*columns).where(INBOX.c.ticket == number)).all()
    bodies = [{"id": row.id, "body": session.encrypt(INBOX.c.body, {}, row)} for row in rows]
    update_rows(session.connection(), INBOX, bodies)


def _append(session: Session, row: SelectedRow, erased: TextsErased, now: datetime) -> None:
    """Append the erasure to a ticket's log, and write its row without its texts."""
    line = event_row(session, row, row.seq + 1, row.hash, Event(erased, now, now, None), now)
    content = TicketContent(*(getattr(row, name) for name in TicketContent._fields))
    content = content._replace(title="", facts=None)
    hashed = row_hash(session.cipher, content, LogEnd(line["seq"], line["hash"]))
    insert_rows(session.connection(), EVENT, [line])
    new = {"title": "", "facts": None, "claimant": None, "seq": line["seq"], "hash": line["hash"]}
    session.execute(update(TICKET).where(TICKET.c.id == row.id).values(new | {"row_hash": hashed}))
    end = line["hash"][:DIGEST_BYTES]
    head = ChangedHead(HeadKind.TICKET, row.id, line["seq"], end, 1, listed_hash(hashed))
    record_changes(session, [head])
