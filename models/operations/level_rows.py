"""The rows of tickets that merely reach a level: they are written together, a batch at a time.

What is equal in the rows of all tickets that take the same step is translated once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from struct import Struct
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Connection, Table

from models import binary_rows as binary
from models.bulk import translate_row
from models.database import Session
from models.operations.event_rows import once_of
from models.operations.notices.queue import notice_row
from models.rules import events
from models.rules.events import Event, NoticeQueued
from models.rules.lifecycle.level_steps import LevelStep
from models.rules.packing import pack_line
from models.rules.queues import ESCALATION
from models.rules.vocabulary import EventName
from models.security.chain import numberless_line
from models.security.heads import DIGEST_BYTES
from models.tables.core import BELL, EVENT, NOTICE, TICKET

_SAME_IN_EVENTS = ("moment", "name", "data", "once")
_SAME_IN_NOTICES = ("kind", "role", "recipient", "unit", "state", "tries")
_SAME_IN_TICKETS = ("level", "level_at")
_EVENT = ("ticket_id", "seq", "hash", "at", *_SAME_IN_EVENTS)
_NOTICE = ("ticket_id", "seq", "queued_at", "ring_at", *_SAME_IN_NOTICES)
_TICKET = (*_SAME_IN_TICKETS, "updated_at", "state", "seq", "hash", "row_hash")


class LevelLine(NamedTuple):
    """A line that a step adds to every log, and its rows: of a notice, where it queues one.

    Of the rows it has what is always the same, as the database takes it.
    """

    name: EventName
    moment: datetime
    data: bytes
    event: Any
    notice: Any | None

    def covered(self, at: datetime) -> bytes:
        """Return what its hash covers after its number when it is recorded at this moment."""
        return numberless_line(self.name, at, self.moment, None, self.data)


class StepRows(NamedTuple):
    """The rows that a step writes for every ticket: its lines, and the columns of the ticket."""

    lines: Sequence[LevelLine]
    ticket: Sequence[Any]


LoggedLine: TypeAlias = tuple[int, int, bytes, LevelLine]
"""A line of one ticket's log: the ticket's id, the line's number, hash, and what it says."""

RaisedTicket: TypeAlias = tuple[int, Sequence[Any], bytes, int, bytes, bytes, datetime | None]
"""The row of one ticket as a level leaves it, and when its bell is rung next.

The ticket's id, what its step writes, its state, `seq`, hash and `row_hash`. A plain tuple, as a
line is: there are thousands.
"""


def rows_of_step(session: Session, step: LevelStep) -> StepRows:
    """Return what a step writes for every ticket that takes it."""
    connection = session.connection()
    lines = [_line(connection, event, step.state.folds) for event in step.events]
    return StepRows(lines, _translated(connection, TICKET, _SAME_IN_TICKETS, step.columns))


def _line(connection: Connection, event: Event, folds: int) -> LevelLine:
    data = events.encode(event.data)
    row = {
        "moment": event.moment,
        "name": event.name,
        "data": pack_line(event.name, data),
        "once": once_of(event.data, folds),
    }
    same, notice = _translated(connection, EVENT, _SAME_IN_EVENTS, row), None
    if isinstance(event.data, NoticeQueued):
        of_notice = notice_row(0, 0, event.data, event.moment)
        notice = _translated(connection, NOTICE, _SAME_IN_NOTICES, of_notice)
    if connection.dialect.name != "sqlite":
        same, notice = b"".join(same), b"".join(notice) if notice else None
    return LevelLine(event.name, event.moment, data, same, notice)


def _translated(
    connection: Connection, table: Table, names: Sequence[str], row: Mapping[str, Any]
) -> Sequence[Any]:
    """Return these columns of a row as the database takes them, on PostgreSQL as fields."""
    columns = [table.c[name] for name in names]
    values = translate_row(connection, columns, row)
    if connection.dialect.name == "sqlite":
        return values
    return [binary.field_of(column, value) for column, value in zip(columns, values, strict=True)]


def write_levels(
    session: Session,
    lines: Sequence[LoggedLine],
    tickets: Sequence[RaisedTicket],
    now: datetime,
) -> None:
    """Write these lines, the notices that they queue, and the tickets with their bells."""
    if not tickets:
        return
    if session.dialect == "sqlite":
        _write_to_sqlite(session.connection(), lines, tickets, now)
        _write_bells_to_sqlite(session.connection(), tickets)
    else:
        _write_to_postgresql(session.connection(), lines, tickets, now)


def _write_to_sqlite(
    connection: Connection,
    lines: Sequence[LoggedLine],
    tickets: Sequence[RaisedTicket],
    now: datetime,
) -> None:
    [at] = translate_row(connection, [TICKET.c.updated_at], {"updated_at": now})
    events = [(t, seq, digest, at, *line.event) for t, seq, digest, line in lines]
    _insert(connection, EVENT, _EVENT, events)
    notices = [(t, seq, at, at, *line.notice) for t, seq, _, line in lines if line.notice]
    _insert(connection, NOTICE, _NOTICE, notices)
    sets = ", ".join(f"{name} = ?" for name in _TICKET)
    connection.exec_driver_sql(
        f"UPDATE ticket SET {sets} WHERE id = ?",
        [
            (*same, at, state.decode(), seq, digest, row_hash, id_)
            for id_, same, state, seq, digest, row_hash, _ in tickets
        ],
    )


def _write_bells_to_sqlite(connection: Connection, tickets: Sequence[RaisedTicket]) -> None:
    """Set the bells of these tickets; those that have no moment are dropped."""
    rows = [(id_, ring_at) for id_, *_, ring_at in tickets]
    moments = {at: translate_row(connection, [BELL.c.ring_at], {"ring_at": at})[0]
               for at in {at for _id, at in rows if at}}  # fmt: skip
    if bells := [(id_, moments[at]) for id_, at in rows if at]:
        connection.exec_driver_sql(_SET_BELLS_ON_SQLITE, bells)
    if gone := [(id_,) for id_, at in rows if not at]:
        connection.exec_driver_sql(_DROP_BELLS_ON_SQLITE, gone)


def _insert(
    connection: Connection, table: Table, names: Sequence[str], rows: list[tuple[Any, ...]]
) -> None:
    if rows:
        marks = ", ".join("?" * len(names))
        into = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"
        connection.exec_driver_sql(into, rows)


def _write_to_postgresql(
    connection: Connection,
    lines: Sequence[LoggedLine],
    tickets: Sequence[RaisedTicket],
    now: datetime,
) -> None:
    at = binary.field_of(TICKET.c.updated_at, now)
    events = [
        _event_begin(8, t, 4, seq, DIGEST_BYTES, digest) + at + line.event
        for t, seq, digest, line in lines
    ]
    binary.copy_encoded(connection, EVENT, _EVENT, events)
    notices = [
        _notice_begin(8, t, 4, seq) + at + at + line.notice
        for t, seq, _, line in lines
        if line.notice
    ]
    binary.copy_encoded(connection, NOTICE, _NOTICE, notices)
    ids, same, states, seqs, hashes, row_hashes, ring_ats = zip(*tickets, strict=True)
    row_ids = [binary.bigint_field(id_) for id_ in ids]
    fields = [
        *zip(*same, strict=True),
        [at] * len(ids),
        map(binary.bytes_field, states),
        map(binary.integer_field, seqs),
        map(binary.bytes_field, hashes),
        map(binary.bytes_field, row_hashes),
        row_ids,
    ]
    columns = [*(TICKET.c[name] for name in _TICKET), TICKET.c.id]
    binary.execute_with_arrays(connection, _UPDATE_TICKETS, columns, fields)
    _write_bells_to_postgresql(connection, row_ids, ring_ats)


def _write_bells_to_postgresql(
    connection: Connection, row_ids: Sequence[bytes], ring_ats: Sequence[datetime | None]
) -> None:
    """Set the bells of these rows, given as fields; those that have no moment are dropped."""
    fields_of = {moment: binary.field_of(BELL.c.ring_at, moment) for moment in set(ring_ats)}
    bells = [(row, fields_of[at]) for row, at in zip(row_ids, ring_ats, strict=True) if at]
    if bells:
        columns = [BELL.c.row_id, BELL.c.ring_at]
        binary.execute_with_arrays(connection, _SET_BELLS, columns, list(zip(*bells, strict=True)))
    if gone := [row for row, at in zip(row_ids, ring_ats, strict=True) if not at]:
        columns = [BELL.c.row_id, BELL.c.queue]
        of_queue = [binary.bytes_field(ESCALATION.encode())] * len(gone)
        binary.execute_with_arrays(connection, _DROP_BELLS, columns, [gone, of_queue])


_event_begin = Struct(f">iqiii{DIGEST_BYTES}s").pack
_notice_begin = Struct(">iqii").pack

_UPDATE_TICKETS = (
    f"UPDATE ticket SET {', '.join(f'{name} = new.{name}' for name in _TICKET)}"
    " FROM {new} WHERE ticket.id = new.id"
)
_SET_BELLS_TO = (
    "INSERT INTO bell (row_id, queue, due_at, ring_at) {}"
    " ON CONFLICT (row_id, queue)"
    " DO UPDATE SET due_at = excluded.due_at, ring_at = excluded.ring_at"
)
_SET_BELLS = _SET_BELLS_TO.format(f"SELECT row_id, '{ESCALATION}', ring_at, ring_at FROM {{new}}")
_SET_BELLS_ON_SQLITE = _SET_BELLS_TO.format(f"VALUES (?1, '{ESCALATION}', ?2, ?2)")
_DROP_BELLS_ON_SQLITE = f"DELETE FROM bell WHERE row_id = ? AND queue = '{ESCALATION}'"
_DROP_BELLS = (
    "DELETE FROM bell USING {new} WHERE bell.row_id = new.row_id AND bell.queue = new.queue"
)
