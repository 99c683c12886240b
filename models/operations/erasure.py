"""Erase what people wrote of a ticket, so that its log, its row and the figures stay verifiable.

The ticket's salt is exchanged, so that no key opens its texts any more, wherever a copy of them
lies but in a backup with the old salt. What the log says in codes stays, and so do the commitments
of its lines; the erasure is a line of the log itself, and names them.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, or_, select, update

from models.bulk import insert_rows, update_rows
from models.database import Session
from models.errors import HotlineError
from models.i18n import LazyText, _, render
from models.membership import is_in
from models.operations.access_log import SERVICE, record_access
from models.operations.changes import record_changes
from models.operations.event_rows import event_row
from models.queries.conditions import REFUSED_MESSAGE
from models.queries.erasable_texts import Erasable, erasable, has_texts
from models.rules.events import Event, TextsErased
from models.rules.policy import Policy
from models.rules.text import one_line
from models.rules.vocabulary import ErasureGround, Permission, Status
from models.security.chain import LogEnd
from models.security.heads import DIGEST_BYTES, ChangedHead, HeadKind
from models.security.roles import Actor
from models.security.row_hashes import TicketContent, listed_hash, row_hash
from models.sql_types import SelectedRow
from models.tables.core import BLIND_INDEX, EVENT, INBOX, SHIFT_NOTE, SIMILARITY, TICKET

_TICKETS = 20
"""Tickets whose texts are erased in one transaction, so that nobody waits for it."""

_MESSAGES = 200
"""Refused messages that are looked at in one transaction."""

_LEAST_CHARACTERS, _MOST_CHARACTERS = 2, 200


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

    Where they are erased already nothing is done. `asked_by` is who asked, and how; it is kept
    encrypted. Raises NotAllowed, TicketNotFound, RequestMissing, HeldBack.
    """
    actor.require(Permission.ERASE, number)
    asked = one_line(asked_by).strip()
    if not _LEAST_CHARACTERS <= len(asked) <= _MOST_CHARACTERS:
        raise RequestMissing
    row = _locked(session, number)
    (extent,) = erasable(session, [number], policy, now)
    if extent.held is not None:
        raise HeldBack(number, extent.held)
    if extent.is_erased:
        return extent
    if row is None:
        # no ticket began: what came for it was refused, and no log tells of it
        _erase_messages(session, extent)
    else:
        _erase(session, row, extent, ground, actor.name, now)
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
        looked = erasable(session, [row.number for row in rows], policy, now)
        due = [
            (row, extent)
            for row, extent in zip(rows, looked, strict=True)
            if extent.held is None and extent.since < before
        ]
        ground = ErasureGround.RETENTION_OVER
        for row, extent in due:
            _erase(session, row, extent, ground, SERVICE.name, now)
        if due:
            count = len(due)
            record_access(session, SERVICE, Permission.ERASE, None, [ground], now, amount=count)
        self.removed += len(due)
        self.after = rows[-1].id if rows else self.after
        return len(rows) == _TICKETS


@dataclass
class UnbegunPruner:
    """Erases what was sent for tickets that never began, as long after as the policy says.

    All of it was refused. Goes through it by id, a few at a time; `removed` counts the numbers.
    """

    removed: int = 0
    after: int = 0

    def prune_batch(self, session: Session, now: datetime, policy: Policy) -> bool:
        """Erase some more of it; returns whether there may be more."""
        if policy.keep.texts is None:
            return False
        before = now - policy.keep.texts.span
        rows = session.execute(
            select(INBOX)
            .where(REFUSED_MESSAGE, INBOX.c.id > self.after, INBOX.c.arrived_at < before)
            .where(~select(TICKET.c.id).where(TICKET.c.number == INBOX.c.ticket).exists())
            .order_by(INBOX.c.id)
            .limit(_MESSAGES)
        ).all()
        session.load_salts({row.ticket for row in rows})
        numbers = list(dict.fromkeys(row.ticket for row in rows if has_texts(session, row)))
        ground = ErasureGround.RETENTION_OVER
        for extent in list(erasable(session, numbers, policy, now)):
            if extent.held is None and extent.since < before:
                _erase_messages(session, extent)
                record_access(session, SERVICE, Permission.ERASE, extent.ticket, [ground], now)
                self.removed += 1
        self.after = rows[-1].id if rows else self.after
        return len(rows) == _MESSAGES


def _erase(
    session: Session,
    row: SelectedRow,
    extent: Erasable,
    ground: ErasureGround,
    by: str,
    now: datetime,
) -> None:
    """Erase the texts of a ticket whose row is locked."""
    _erase_messages(session, extent)
    of_ticket = EVENT.c.ticket_id == row.id
    session.execute(update(EVENT).where(of_ticket).values(private=None, original=None))
    session.execute(delete(BLIND_INDEX).where(BLIND_INDEX.c.ticket_id == row.id))
    session.execute(delete(SIMILARITY).where(SIMILARITY.c.ticket_id == row.id))
    _append(session, row, TextsErased(ground=ground, by=by, lines=tuple(extent.lines)), now)


def _locked(session: Session, number: str) -> SelectedRow | None:
    query = select(TICKET).where(TICKET.c.number == number)
    return session.execute(query.with_for_update()).first()


def _erase_messages(session: Session, extent: Erasable) -> None:
    """Exchange a ticket's salt, give its messages empty bodies, and remove notes that name it."""
    session.replace_salt(extent.ticket)
    columns = [column for column in INBOX.c if column.name != "body"]
    rows = session.execute(select(*columns).where(INBOX.c.ticket == extent.ticket)).all()
    bodies = [{"id": row.id, "body": session.encrypt(INBOX.c.body, {}, row)} for row in rows]
    update_rows(session.connection(), INBOX, bodies)
    session.execute(delete(SHIFT_NOTE).where(is_in(SHIFT_NOTE.c.id, extent.notes)))


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
