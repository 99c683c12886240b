"""Verify that the logs are as they were written: read and check every chain of the store."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Text, func, select, type_coerce

from models.database import Session, Store
from models.i18n import lazy
from models.queries.log import TicketNotFound
from models.security.chain import (
    AccessLine,
    BrokenLink,
    EventLine,
    LogCheck,
    LogEnd,
    check_access_log,
)
from models.tables.core import ACCESS, EVENT, SECRET, TICKET
from models.tables.secrets import HASH_KEY

_TICKETS = 200
"""Tickets read in one transaction: a long one would stop checkpoints and fill the memory."""

_COLUMNS = (
    *("seq", "name", "at", "moment", "cause", "private", "commitment", "original"),
    "hash",
)


@dataclass
class Verification:
    """The amount that was checked, and the first broken link."""

    tickets: int = 0
    lines: int = 0
    accesses: int = 0
    broken: BrokenLink | None = None


class _Log(NamedTuple):
    """A ticket's log and what the ticket's row says of its end, read by one statement."""

    ticket: str
    lines: list[EventLine]
    end: LogEnd


def _do_nothing(_ticket: str, _end: LogEnd) -> None:
    return


def verify(
    store: Store,
    number: str | None = None,
    *,
    known: Mapping[str, LogEnd] | None = None,
    note: Callable[[str, LogEnd], None] = _do_nothing,
) -> Verification:
    """Check the chain of one ticket's log, or of all logs and of the access log.

    A log whose end was removed together with the end that its ticket's row remembers is found
    only by what was noted elsewhere: `known` are such notes by ticket, `note` is called with what
    to note now. Raises TicketNotFound.
    """
    result = Verification()
    unseen = {n: end for n, end in (known or {}).items() if number in (None, n)}
    with store.reading() as session:
        check = LogCheck(session.cipher, _unkeyed_until(session))
        first, last = _ids(session, number)
    if first is None and number:
        raise TicketNotFound(number)
    for start in range(first or 0, (last or -1) + 1, _TICKETS):
        with store.reading() as session:
            for log in _logs(session, start, min(start + _TICKETS, (last or 0) + 1)):
                result.tickets += 1
                result.lines += log.end.seq
                noted = unseen.pop(log.ticket, LogEnd(0, b""))
                if (broken := check(log.ticket, log.lines, log.end, noted)) is not None:
                    result.broken = broken
                    return result
                note(log.ticket, log.end)
    if unseen:
        result.broken = BrokenLink(min(unseen), 1, lazy("the whole ticket is gone"))
    elif number is None:
        with store.reading() as session:
            result.accesses, result.broken = check_access_log(session.cipher, _accesses(session))
    return result


def _ids(session: Session, number: str | None) -> tuple[int | None, int | None]:
    """Return the first and last id of the tickets to be checked, None where there is none."""
    span = select(func.min(TICKET.c.id), func.max(TICKET.c.id))
    if number:
        span = span.where(TICKET.c.number == number)
    first, last = session.execute(span).one()
    return first, last


def _logs(session: Session, start: int, stop: int) -> Iterator[_Log]:
    rows = session.execute(
        select(
            TICKET.c.number,
            TICKET.c.seq.label("last_seq"),
            TICKET.c.hash.label("last_hash"),
            *(EVENT.c[name] for name in _COLUMNS),
            type_coerce(EVENT.c.data, Text).label("data"),
        )
        .select_from(TICKET)
        .outerjoin(EVENT, EVENT.c.ticket_id == TICKET.c.id)
        .where(TICKET.c.id >= start, TICKET.c.id < stop)
        .order_by(TICKET.c.id, EVENT.c.seq)
    ).all()
    for number, group in groupby(rows, key=lambda row: str(row.number)):
        of_ticket = list(group)
        lines = [
            EventLine(
                row.seq,
                row.name,
                row.at,
                row.moment,
                row.cause,
                row.data.encode(),
                row.private,
                row.commitment and bytes(row.commitment),
                row.original,
                bytes(row.hash),
            )
            for row in of_ticket
            # a ticket without a log is joined to nothing
            if row.seq is not None
        ]
        end = LogEnd(of_ticket[0].last_seq, bytes(of_ticket[0].last_hash))
        yield _Log(number, lines, end)


def _unkeyed_until(session: Session) -> datetime | None:
    secret = session.cipher.decrypt(
        session.scalars(select(SECRET.c.value).where(SECRET.c.name == HASH_KEY)).one()
    )
    until = secret["unkeyed_until"]
    return datetime.fromisoformat(until) if until else None


def _accesses(session: Session) -> Iterator[tuple[AccessLine, bytes]]:
    columns = (*(ACCESS.c[name] for name in AccessLine._fields), ACCESS.c.hash)
    for row in session.execute(select(*columns).order_by(ACCESS.c.id)):
        yield AccessLine(*row[:-1]), bytes(row.hash)
