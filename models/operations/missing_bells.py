"""Find what waits without a bell, and set its bell again.

A bell goes with the row that it rings for, in the same transaction. One that is missing was taken
away by somebody who writes to the database, and without it nobody would ever look at its row again.
A queued notice is its own bell and can lack none.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, literal, select

from models.bulk import insert_missing
from models.database import Session
from models.errors import UnreadableValue
from models.membership import is_in
from models.operations.bells import bell
from models.queries.checked_rows import read_checked
from models.rules.lifecycle.moments import next_moment
from models.rules.queues import ESCALATION
from models.rules.state import read_state
from models.rules.vocabulary import Status
from models.sql_types import AnyColumn, AnySelect
from models.tables.core import BELL, INBOX, TICKET
from models.tables.inbox import WAITING

_BATCH = 2_000
"""Rows looked at by one statement, so that no timekeeper is late for it."""


class Unrung(NamedTuple):
    """A row that waits without a bell: its queue and id, its ticket, and its moment."""

    queue: str
    row_id: int
    ticket: str
    at: datetime


@dataclass
class BellSearch:
    """Goes through messages and tickets once, the newest first, a batch at a time.

    It goes by the primary key. An index of what waits would have to be written for every message
    that is handled, while a bell is missing hardly ever. `ended` says that it has been through all.
    """

    _tables: list[Table] = field(default_factory=lambda: [INBOX, TICKET])
    _below: int | None = None

    @property
    def ended(self) -> bool:
        """Whether it has been through all."""
        return not self._tables

    def next_batch(self, session: Session) -> list[Unrung]:
        """Return those of the next rows that wait without a bell; it only reads."""
        table, below = self._tables[0], self._below
        ids = select(table.c.id).order_by(table.c.id.desc())
        ids = ids if below is None else ids.where(table.c.id < below)
        rows = session.scalars(ids.limit(_BATCH)).all()
        if len(rows) < _BATCH:
            self._tables, self._below = self._tables[1:], None
        else:
            self._below = rows[-1]
        if not rows:
            return []
        return _unrung(session, table, lambda ids: ids.between(rows[-1], rows[0]))


def all_unrung(session: Session) -> Iterator[Unrung]:
    """Yield every row that waits without a bell."""
    search = BellSearch()
    while not search.ended:
        yield from search.next_batch(session)


def set_missing_bells(session: Session, rows: Sequence[Unrung], now: datetime) -> int:
    """Set the bells of those of these rows that still lack one; returns of how many.

    A row that a worker has locked gets its bell from that worker.
    """
    bells = []
    for table in (INBOX, TICKET):
        ids = [row.row_id for row in rows if (row.queue == ESCALATION) == (table is TICKET)]
        unrung = _unrung(session, table, partial(is_in, values=ids), lock=True)
        bells += [bell(row.queue, row.row_id, max(row.at, now)) for row in unrung]
    insert_missing(session.connection(), BELL, bells)
    return len(bells)


def _unrung(
    session: Session,
    table: Table,
    are_meant: Callable[[AnyColumn], ColumnElement[bool]],
    *,
    lock: bool = False,
) -> list[Unrung]:
    """Return those rows without a bell that wait, or that time may still change.

    `are_meant` says of a column of ids which are meant; said of the bells too, it keeps PostgreSQL
    from reading all of them. With `lock` they are locked, and what another has locked left out.
    """
    if table is INBOX:
        columns = [INBOX.c.id, INBOX.c.queue, INBOX.c.ticket, INBOX.c.at]
        waits: ColumnElement[bool] = (INBOX.c.state == WAITING) & INBOX.c.current
        queue: ColumnElement[str] = INBOX.c.queue
    else:
        columns = [TICKET.c.id, TICKET.c.number, TICKET.c.state]
        waits = TICKET.c.status != Status.ARCHIVED
        queue = literal(ESCALATION)
    bells = select(BELL.c.row_id).where(are_meant(BELL.c.row_id))
    its_own = bells.where(BELL.c.row_id == table.c.id, BELL.c.queue == queue)

    def narrow(rows: AnySelect) -> AnySelect:
        rows = rows.where(are_meant(table.c.id), waits, ~its_own.exists())
        return rows.with_for_update(skip_locked=True, of=table) if lock else rows

    # one that cannot be read, which `hotline log --verify` names, must not hide the others
    readable = [row for row in read_checked(session, columns, narrow) if not row.unreadable]
    if table is INBOX:
        return [Unrung(row.queue, row.id, row.ticket, row.at) for row in readable]
    moments = ((row, _next_moment(row.number, row.state)) for row in readable)
    return [Unrung(ESCALATION, row.id, row.number, at) for row, at in moments if at is not None]


def _next_moment(number: str, state: str) -> datetime | None:
    try:
        return next_moment(read_state(number, state))
    except UnreadableValue:
        # no worker could carry it on; `hotline log --verify` names it
        return None
