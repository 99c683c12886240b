"""Bells: which rows the timekeeper rings for, and when.

A bell is set for each message that waits in the inbox and for each ticket that time will do
something to. A queued notice is its own bell (`_bells_of`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Table, cast, delete, func, select, update

from models.bulk import RowValues, delete_rows, upsert_rows
from models.database import Session
from models.membership import is_in
from models.rules.queues import DELIVERY, ESCALATION, QUEUES
from models.rules.vocabulary import NoticeState
from models.sql_types import AnyColumn
from models.tables.core import BELL, NOTICE
from models.tables.instants import is_instant


@dataclass
class DueRows:
    """Row ids by queue, and how late the bell of the latest of them is."""

    ids: dict[str, list[int]] = field(default_factory=dict)
    lateness: timedelta = timedelta()

    @property
    def count(self) -> int:
        """The number of rows."""
        return sum(map(len, self.ids.values()))


def bell(queue: str, row_id: int, due_at: datetime) -> RowValues:
    """Return a bell that makes the timekeeper ring for a row at `due_at`."""
    return {"row_id": row_id, "queue": queue, "due_at": due_at, "ring_at": due_at}


def set_bells(session: Session, bells: Iterable[RowValues]) -> None:
    """Set these bells, whatever was set for their rows before."""
    upsert_rows(session.connection(), BELL, list(bells))


def drop_bells(session: Session, rows: Iterable[tuple[str, int]]) -> None:
    """Stop ringing for these rows, given by queue and id."""
    gone = [{"row_id": row_id, "queue": queue} for queue, row_id in rows]
    delete_rows(session.connection(), BELL, gone)


def first_bells(session: Session) -> dict[str, datetime]:
    """Return when to ring next in each queue that has anything waiting; it only reads.

    The last moments are read too: one that nobody can read sorts there, and is never due. Raises
    an error of reading (`is_unreadable`), where `mend_bells` helps.
    """
    moments = zip(QUEUES, session.execute(_FIRST_AND_LAST_BELLS).one(), strict=False)
    return {queue: at for queue, at in moments if at is not None}


def claim_due(
    session: Session, now: datetime, again_at: datetime, most: Mapping[str, int]
) -> DueRows:
    """Take rows that are due at `now`, up to `most` of each queue, in the order they fell due.

    Each is due again at `again_at` unless a worker has dealt with it by then, so that a bell that
    is lost costs only time.
    """
    due = DueRows()
    for queue, limit in most.items():
        bells = _bells_of(queue)
        ringing = (
            select(bells.row_id.label("id"), bells.due_at.label("since"))
            .where(bells.of_queue, bells.names_a_row, bells.ring_at <= now)
            .order_by(bells.ring_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .subquery()
        )
        # in one row: thousands would each be translated
        together = select(_list_of(session, ringing.c.id), func.min(ringing.c.since))
        rows, since = session.execute(together).one()
        if since is not None:
            due.ids[queue] = json.loads(rows) if isinstance(rows, str) else rows
            due.lateness = max(due.lateness, now - since)
            _ring_at(session, bells, due.ids[queue], again_at)
    return due


def has_bells_of_no_row(session: Session) -> bool:
    """Return whether there are bells that are never rung, as no worker would answer them."""
    return session.execute(select(BELL.c.queue).where(_NAMES_NO_ROW).limit(1)).first() is not None


def mend_bells(session: Session, now: datetime) -> int:
    """Drop bells that nobody can read, and ring for such notices at once; returns how many.

    SQLite keeps a value of any type in any column, PostgreSQL infinite instants. A row without its
    bell gets it anew (`missing_bells.py`).
    """

    moments = is_instant(session.dialect, BELL.c.ring_at) & is_instant(
        session.dialect, BELL.c.due_at
    )
    dropped = delete(BELL).where(~moments | _NAMES_NO_ROW)
    of_queued = NOTICE.c.state == NoticeState.QUEUED
    no_moment = ~is_instant(session.dialect, NOTICE.c.ring_at)
    rung = update(NOTICE).where(of_queued, no_moment).values(ring_at=now)
    return sum(session.connection().execute(change).rowcount for change in (dropped, rung))


def ring_again(session: Session, ids: Mapping[str, Sequence[int]], at: datetime) -> None:
    """Set the bells of these rows, by queue, to `at`: none could be rung, or rows were held.

    A row that another transaction holds is left alone; its bell is rung again in any case.
    """
    for queue, rows in ids.items():
        bells = _bells_of(queue)
        mine = select(bells.row_id).where(is_in(bells.row_id, rows), bells.of_queue)
        unheld = session.scalars(mine.with_for_update(skip_locked=True)).all()
        _ring_at(session, bells, unheld, at)


class _Bells(NamedTuple):
    """The place of a queue's bells: the table, its columns, and which of its rows are theirs."""

    table: Table
    row_id: AnyColumn
    due_at: AnyColumn
    ring_at: AnyColumn
    of_queue: ColumnElement[bool]

    @property
    def names_a_row(self) -> ColumnElement[bool]:
        """The condition that a bell can be rung: SQLite keeps texts and fractions as ids too."""
        return (self.row_id > 0) & (self.row_id == cast(self.row_id, BigInteger))


def _bells_of(queue: str) -> _Bells:
    """Return where the bells of this queue are kept.

    Bells are rows of their own since what they ring for is wide and read by many, and a bell is
    written several times. A notice is narrow, nobody but the workers that send it reads it while it
    waits, and they write its row in any case. So a column of it will do, and a morning on which
    100,000 tickets cross a level, each with a notice, writes and deletes 100,000 bells fewer.
    """
    if queue == DELIVERY:
        queued = NOTICE.c.state == NoticeState.QUEUED
        return _Bells(NOTICE, NOTICE.c.id, NOTICE.c.ring_at, NOTICE.c.ring_at, queued)
    return _Bells(BELL, BELL.c.row_id, BELL.c.due_at, BELL.c.ring_at, BELL.c.queue == queue)


def _list_of(session: Session, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the aggregate of all values of a column: an array, on SQLite the JSON of one."""
    aggregate = func.json_group_array if session.dialect == "sqlite" else func.array_agg
    return aggregate(column)


def _ring_at(session: Session, bells: _Bells, rows: Sequence[int], at: datetime) -> None:
    change = update(bells.table).where(is_in(bells.row_id, rows), bells.of_queue)
    session.execute(change.values(ring_at=at))


_NAMES_NO_ROW = ~_bells_of(ESCALATION).names_a_row

_FIRST_AND_LAST_BELLS = select(
    *(
        select(edge(bells.ring_at)).where(bells.of_queue, bells.names_a_row).scalar_subquery()
        for edge in (func.min, func.max)
        for bells in map(_bells_of, QUEUES)
    )
)
