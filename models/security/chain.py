"""Whether the log is as it was written: each line's hash covers it and the line before."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Text, func, select, type_coerce

from models.database import Session, Store
from models.i18n import LazyText, lazy
from models.queries.log import TicketNotFound
from models.security.encryption import KeyUnusable
from models.tables.core import ACCESS, EVENT, SECRET, TICKET
from models.tables.secrets import HASH_KEY

_TICKETS = 200
"""Tickets read at once: a long transaction would stop checkpoints, and memory is not for ever."""


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first broken link: the ticket (None: the access log), the line, and what is wrong."""

    ticket: str | None
    seq: int
    why: LazyText


@dataclass
class Verification:
    """How much was looked at, and the first broken link."""

    tickets: int = 0
    lines: int = 0
    accesses: int = 0
    broken: BrokenLink | None = None


LogEnd = tuple[int, bytes]
"""Where a log ends: with which line, and its hash."""


def event_line(
    seq: int, name: str, at: datetime, moment: datetime, cause: int | None, data: bytes
) -> bytes:
    """What the hash of a line of a ticket's log covers, besides the hash before and what is sealed.

    `data` is JSON with sorted keys, as it lies in the store.
    """
    return (
        msgspec.json.encode((seq, name, at.astimezone(UTC), moment.astimezone(UTC), cause)) + data
    )


def access_line(row: Mapping[str, Any]) -> bytes:
    """What the hash of a line of the access log covers, besides the hash before."""
    names = ("id", "who", "role", "act", "ticket", "fields")
    return msgspec.json.encode([row["at"].astimezone(UTC), *(row[n] for n in names)])


def verify(
    store: Store,
    number: str | None = None,
    *,
    known: Mapping[str, LogEnd] | None = None,
    note: Callable[[str, LogEnd], None] = lambda _number, _head: None,
) -> Verification:
    """Check the chain of one ticket's log, or of all logs and of the access log.

    A log of which the end is gone together with the ticket's own memory of it is found only by
    what was noted down before: `known` is that, `note` is called with what to note down now.
    Raises TicketNotFound.
    """
    result = Verification()
    left = {n: head for n, head in (known or {}).items() if number in (None, n)}
    with store.reading() as session:
        check = _Check(session, _unkeyed_until(session), left)
        low, high = session.execute(
            select(func.min(TICKET.c.id), func.max(TICKET.c.id)).where(
                *([TICKET.c.number == number] if number else [])
            )
        ).one()
    if low is None and number:
        raise TicketNotFound(number)
    for start in range(low or 0, (high or -1) + 1, _TICKETS):
        with store.reading() as session:
            stop = min(start + _TICKETS, high + 1)
            for ticket, rows in _tickets(session, start, stop):
                result.tickets += 1
                result.lines += rows[0].last
                if (found := check(rows)) is not None:
                    result.broken = found
                    return result
                note(ticket, (rows[0].last, bytes(rows[0].head)))
    if left:
        gone = min(left)
        result.broken = BrokenLink(gone, 1, lazy("the whole ticket is gone"))
    elif number is None:
        with store.reading() as session:
            result.accesses, result.broken = _accesses(session)
    return result


def _tickets(session: Session, start: int, stop: int) -> Iterator[tuple[str, list[Any]]]:
    """Each ticket's lines beside what it knows of its end; one statement, so of one moment."""
    rows = session.execute(
        select(
            TICKET.c.number,
            TICKET.c.seq.label("last"),
            TICKET.c.hash.label("head"),
            *(EVENT.c[n] for n in ("seq", "at", "moment", "name", "cause", "private", "hash")),
            type_coerce(EVENT.c.data, Text).label("data"),
        )
        .select_from(TICKET)
        .outerjoin(EVENT, EVENT.c.ticket_id == TICKET.c.id)
        .where(TICKET.c.id >= start, TICKET.c.id < stop)
        .order_by(TICKET.c.id, EVENT.c.seq)
    ).all()
    for number, own in groupby(rows, key=lambda row: str(row.number)):
        yield number, list(own)


class _Check:
    """Goes through a ticket's lines and says where the chain breaks first."""

    def __init__(
        self, session: Session, unkeyed_until: datetime | None, known: dict[str, LogEnd]
    ) -> None:
        self._cipher = session.cipher
        self._unkeyed_until = unkeyed_until
        self._known = known

    def __call__(self, rows: list[Any]) -> BrokenLink | None:
        first, chain, seq = rows[0], b"", 0
        noted = self._known.pop(first.number, (0, b""))
        for row in rows if first.seq is not None else ():
            seq += 1
            if row.seq != seq:
                return BrokenLink(first.number, seq, lazy("line {seq} is missing", seq=seq))
            before, chain = chain, bytes(row.hash)
            if chain not in self._hashes(before, row) or (seq == noted[0] and chain != noted[1]):
                why = lazy("line {seq} is not as it was written", seq=seq)
                return BrokenLink(first.number, seq, why)
        if seq != first.last or seq < noted[0]:
            last = max(first.last, noted[0])
            why = lazy("the log ends with line {seq} instead of {last}", seq=seq, last=last)
            return BrokenLink(first.number, seq + 1, why)
        if chain != bytes(first.head):
            why = lazy("line {seq} is not the one that the ticket ends with", seq=seq)
            return BrokenLink(first.number, seq, why)
        return None

    def _hashes(self, chain: bytes, row: Any) -> Iterator[bytes]:
        told = event_line(row.seq, row.name, row.at, row.moment, row.cause, row.data.encode())
        private = b""
        if row.private is not None:
            try:
                private = msgspec.json.encode(self._cipher.decrypt(row.private))
            except KeyUnusable:
                # the key fits this store, or we would not be here: the sealed text was changed
                return
        yield self._cipher.chain_hash(chain + told + private)
        if self._unkeyed_until is not None and row.at <= self._unkeyed_until:
            # as the first release wrote it
            secret = self._cipher.keyed_hash(private) if private else b""
            yield hashlib.sha256(chain + told + secret).digest()


def _unkeyed_until(session: Session) -> datetime | None:
    secret = session.cipher.decrypt(
        session.scalars(select(SECRET.c.value).where(SECRET.c.name == HASH_KEY)).one()
    )
    until = secret["unkeyed_until"]
    return datetime.fromisoformat(until) if until else None


def _accesses(session: Session) -> tuple[int, BrokenLink | None]:
    chain, number = b"", 0
    for row in session.execute(select(ACCESS).order_by(ACCESS.c.id)):
        number += 1
        if row.id != number:
            return number, BrokenLink(None, number, lazy("line {seq} is missing", seq=number))
        before, chain = chain, bytes(row.hash)
        if session.cipher.chain_hash(before + access_line(dict(row._mapping))) != chain:
            why = lazy("line {seq} is not as it was written", seq=number)
            return number, BrokenLink(None, number, why)
    return number, None
