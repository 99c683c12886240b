"""Look at what an erasure of tickets' texts would take away, and what holds it back."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, or_, select

from models.database import Session
from models.i18n import LazyText, lazy
from models.membership import is_in
from models.queries.log import TicketNotFound
from models.rules.calendar import SHANGHAI
from models.rules.policy import Policy
from models.rules.vocabulary import EventName, Status
from models.security.chain import LogEnd
from models.security.encryption import ForgedValue, KeyUnusable
from models.security.row_hashes import TicketContent, is_own_row
from models.sql_types import SelectedRow
from models.tables.core import EVENT, INBOX, SHIFT_NOTE, TICKET
from models.tables.inbox import WAITING

_TICKETS = 500
"""Tickets looked at by one statement."""


class Erasable(NamedTuple):
    """The parts of a ticket that an erasure destroys: `lines` of its log with texts, and messages.

    `notes` are the notes of shifts that name it. It is finished `since` its archiving; one that
    never began, since its last message came. `held` says why it must be kept, None where it need
    not.
    """

    ticket: str
    lines: Sequence[int]
    messages: int
    notes: Sequence[int]
    since: datetime
    held: LazyText | None

    @property
    def is_erased(self) -> bool:
        """Whether nothing is left that an erasure could take away."""
        return not (self.lines or self.messages or self.notes)


@dataclass
class _Stored:
    """The stored rows of some tickets, by number or by the id of the row."""

    rows: dict[str, SelectedRow]
    messages: dict[str, SelectedRow]
    archived: dict[int, datetime]
    lines: dict[int, list[int]] = field(default_factory=dict)


def erasable(
    session: Session, numbers: Sequence[str], policy: Policy, now: datetime
) -> Iterator[Erasable]:
    """Yield what erasures would take away, in this order. Raises TicketNotFound."""
    notes = _read_notes(session)
    for first in range(0, len(numbers), _TICKETS):
        chosen = numbers[first : first + _TICKETS]
        stored = _find(session, chosen)
        for number in chosen:
            yield _erasable(session, stored, number, _naming(notes, number), policy, now)


def _erasable(
    session: Session,
    stored: _Stored,
    number: str,
    notes: Sequence[int],
    policy: Policy,
    now: datetime,
) -> Erasable:
    row, messages = stored.rows.get(number), stored.messages.get(number)
    if row is None and messages is None:
        raise TicketNotFound(number)
    count = messages.messages if messages is not None else 0
    since = messages.last_at if messages is not None else now
    if row is not None:
        since = stored.archived.get(row.id, now)
    held = _held_back(session, row, messages, since, policy, now)
    lines = stored.lines.get(row.id, []) if row is not None else []
    if not lines and (row is None or (row.claimant is None and not row.title)):
        # an erasure leaves the rows of messages
        count = _count_texts(session, number)
    return Erasable(number, lines, count, notes, since, held)


def has_texts(session: Session, message: SelectedRow) -> bool:
    """Return whether a message has texts that can be read."""
    try:
        return bool(session.texts(INBOX.c.body, message))
    except (ForgedValue, KeyUnusable):
        # `hotline log --verify` tells of it
        return False


def _count_texts(session: Session, number: str) -> int:
    """Count the messages of a ticket that have texts."""
    rows = session.execute(select(INBOX).where(INBOX.c.ticket == number))
    return sum(has_texts(session, row) for row in rows)


def _find(session: Session, numbers: Collection[str]) -> _Stored:
    rows = session.execute(select(TICKET).where(is_in(TICKET.c.number, numbers))).all()
    waiting = func.count().filter(INBOX.c.state == WAITING, INBOX.c.current)
    last_at = func.max(INBOX.c.arrived_at)
    counted = session.execute(
        select(INBOX.c.ticket, func.count().label("messages"))
        .add_columns(waiting.label("waiting"), last_at.label("last_at"))
        .where(is_in(INBOX.c.ticket, numbers))
        .group_by(INBOX.c.ticket)
    ).all()
    ids = [row.id for row in rows]
    archived = session.execute(
        select(EVENT.c.ticket_id, func.max(EVENT.c.at))
        .where(is_in(EVENT.c.ticket_id, ids), EVENT.c.name == EventName.TICKET_ARCHIVED)
        .group_by(EVENT.c.ticket_id)
    ).all()
    stored = _Stored(
        {row.number: row for row in rows},
        {row.ticket: row for row in counted},
        {row[0]: row[1] for row in archived},
    )
    texts = or_(EVENT.c.private.is_not(None), EVENT.c.original.is_not(None))
    with_texts = select(EVENT.c.ticket_id, EVENT.c.seq).where(is_in(EVENT.c.ticket_id, ids), texts)
    for ticket_id, seq in session.execute(with_texts.order_by(EVENT.c.ticket_id, EVENT.c.seq)):
        stored.lines.setdefault(ticket_id, []).append(seq)
    return stored


def _held_back(
    session: Session,
    row: SelectedRow | None,
    messages: SelectedRow | None,
    since: datetime,
    policy: Policy,
    now: datetime,
) -> LazyText | None:
    """Return why texts must still be kept, None where they need not; `since` they are finished."""
    if row is not None and row.status != Status.ARCHIVED:
        return lazy("the ticket is not archived, and is handled by them")
    if messages is not None and messages.waiting:
        return lazy("messages of it wait")
    if row is not None:
        content = TicketContent(*(getattr(row, name) for name in TicketContent._fields))
        if not is_own_row(session.cipher, content, LogEnd(row.seq, row.hash), row.row_hash):
            return lazy("its row is not as the service wrote it: see `hotline log --verify`")
    if policy.keep.texts_at_least is None:
        return None
    until = since + policy.keep.texts_at_least.span
    if now < until:
        day = f"{until.astimezone(SHANGHAI):%Y-%m-%d}"
        return lazy("the policy keeps them until {day} (keep.texts_at_least)", day=day)
    return None


def _read_notes(session: Session) -> list[tuple[int, str]]:
    """Read the notes of shifts; one that was altered names nobody."""
    notes = []
    for row in session.execute(select(SHIFT_NOTE).order_by(SHIFT_NOTE.c.id)):
        try:
            notes.append((row.id, str(session.decrypt(SHIFT_NOTE.c.text, row))))
        except ForgedValue:
            continue
    return notes


def _naming(notes: Sequence[tuple[int, str]], number: str) -> list[int]:
    """Return the notes that name a ticket; `HJ-1` is not named by `HJ-12`."""
    named = re.compile(rf"(?<![A-Za-z0-9-]){re.escape(number)}(?![A-Za-z0-9]|-[A-Za-z0-9])")
    return [note for note, text in notes if number in text and named.search(text)]
