"""Verify that the store is as it was written: its logs, its rows, and the anchors over them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, Table, Text, func, select, type_coerce

from models.anchor_file import AnchorLine
from models.database import Session, Store
from models.i18n import lazy
from models.queries.anchor_check import AnchorCheck
from models.queries.log import TicketNotFound
from models.queries.notice_check import check_notices
from models.queries.outside_check import check_outside
from models.queries.row_check import Wrong, check_clocks, check_ticket_row
from models.queries.table_check import check_tables
from models.rules.calendar import SHANGHAI
from models.rules.state import read_state
from models.security.anchored_heads import AnchoredHeads, TicketHead
from models.security.anchors import Anchor
from models.security.chain import (
    AccessLine,
    EventLine,
    LogCheck,
    LogEnd,
    check_access_log,
)
from models.security.encryption import Cipher, ForgedValue, KeyUnusable, TextsErased
from models.security.findings import Finding, Harm
from models.tables.core import ACCESS, CLOCK, EVENT, NOTICE, SECRET, TICKET
from models.tables.secrets import HASH_KEY

_TICKETS = 200
"""Tickets read in one transaction: a long one would stop checkpoints and fill the memory."""

_COLUMNS = (
    *("seq", "name", "at", "moment", "cause", "private", "commitment", "original"),
    "hash",
)


@dataclass
class Verification:
    """The amount that was checked, and what is not as it was written.

    `holding` is the last of the `anchors` up to which all hold, `key` the public key that they are
    signed with.
    """

    tickets: int = 0
    lines: int = 0
    accesses: int = 0
    anchors: int = 0
    holding: Anchor | None = None
    key: bytes | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def broken(self) -> Finding | None:
        """The first finding."""
        return self.findings[0] if self.findings else None


class _Batch(NamedTuple):
    """Tickets with all that is checked of them, read at one moment."""

    tickets: Sequence[Row[Any]]
    lines: Mapping[int, list[EventLine]]
    clocks: Mapping[int, list[Row[Any]]]
    notices: Mapping[int, list[Row[Any]]]


def _do_nothing(_ticket: str, _end: LogEnd) -> None:
    return


def verify(
    store: Store,
    number: str | None = None,
    *,
    known: Mapping[str, LogEnd] | None = None,
    note: Callable[[str, LogEnd], None] = _do_nothing,
    outside: Iterable[AnchorLine | None] = (),
) -> Verification:
    """Check one ticket, or all of them with the access log, the protected tables and the anchors.

    `known` are ends of logs that were noted elsewhere, by ticket; `note` is called with what to
    note now. `outside` is the copy of the anchors outside of the store. Raises TicketNotFound.
    """
    result = Verification()
    unseen = {n: end for n, end in (known or {}).items() if number in (None, n)}
    with store.reading(snapshot=True) as session:
        anchored = AnchorCheck(session)
        check = LogCheck(session.cipher, _unkeyed_until(session))
        first, last = _ids(session, number)
    result.anchors, result.holding, result.key = anchored.count, anchored.holding, anchored.key
    result.findings += anchored.findings
    result.findings += check_outside(outside, anchored)
    seen = set[int]()
    for start in range(first or 0, (last or -1) + 1, _TICKETS):
        with store.reading(snapshot=True) as session:
            anchored.refresh(session)
            batch = _read(session, start, min(start + _TICKETS, (last or 0) + 1))
        for row in batch.tickets:
            seen.add(row.id)
            result.tickets += 1
            result.lines += row.seq
            end = LogEnd(row.seq, bytes(row.hash))
            noted = unseen.pop(row.number, None)
            findings = list(_check(store.cipher, check, anchored.heads, batch, row, noted))
            result.findings += findings
            if not findings:
                note(row.number, end)
    result.findings += (
        Finding(Harm.DELETED, n, lazy("the whole ticket is gone"), n, 1) for n in sorted(unseen)
    )
    with store.reading(snapshot=True) as session:
        anchored.refresh(session)
        gone = list(_gone(session, anchored, seen, number))
        if number and not seen and not gone:
            raise TicketNotFound(number)
        result.findings += (f for f in gone if f.ticket not in unseen)
        if number is None:
            head = anchored.heads.access
            noted_access = LogEnd(head.seq, head.digest) if head is not None else None
            result.accesses, broken = check_access_log(
                session.cipher, _accesses(session), noted_access
            )
            result.findings += [broken] if broken is not None else []
            result.findings += check_tables(session, anchored.heads)
    return result


def _check(
    cipher: Cipher,
    check: LogCheck,
    heads: AnchoredHeads,
    batch: _Batch,
    row: Row[Any],
    known: LogEnd | None,
) -> Iterator[Finding]:
    """Yield what is wrong with a ticket: with its log, or else with its rows."""
    lines = batch.lines.get(row.id, [])
    head = heads.tickets.get(row.id)
    if head is not None and head.number != row.number:
        why = lazy("it has the log of {number}", number=head.number)
        yield Finding(Harm.SWAPPED, row.number, why, row.number, 1)
        return
    noted = [end for end in (known, head and LogEnd(head.seq, head.digest)) if end is not None]
    end = LogEnd(row.seq, bytes(row.hash))
    broken = check(row.number, lines, end, noted, old=row.id in heads.first)
    if broken is not None:
        yield broken
        return
    if head is None or head.seq < row.seq:
        seq = (head.seq if head is not None else 0) + 1
        why = lazy("lines from {seq} on are in no record of changes", seq=seq)
        yield Finding(Harm.ADDED, row.number, why, row.number, seq)
        return
    for harm, why in _check_rows(cipher, heads, batch, row, head):
        yield Finding(harm, row.number, why, row.number)


def _check_rows(
    cipher: Cipher, heads: AnchoredHeads, batch: _Batch, row: Row[Any], head: TicketHead
) -> Iterator[Wrong]:
    faults = list(check_ticket_row(cipher, row, head))
    yield from faults
    yield from check_notices(row.status, batch.notices.get(row.id, []), batch.lines[row.id])
    if not faults:
        state = read_state(row.number, row.state)
        past = heads.clocks.get(row.id, {})
        clocks = batch.clocks.get(row.id, [])
        yield from check_clocks(cipher, state, clocks, past, old=row.id in heads.first)


def _gone(
    session: Session, anchored: AnchorCheck, seen: set[int], number: str | None
) -> Iterator[Finding]:
    """Yield the tickets that the feed lists and that are gone."""
    listed = {
        ticket: head
        for ticket, head in anchored.heads.tickets.items()
        if ticket not in seen and number in (None, head.number)
    }
    there = select(TICKET.c.id).where(session.is_in(TICKET.c.id, list(listed)))
    begun_meanwhile = set(session.scalars(there)) if number is None and listed else set()
    for ticket in sorted(listed.keys() - begun_meanwhile):
        head = listed[ticket]
        at = anchored.anchored_at(head.position)
        why = lazy("the whole ticket is gone, with {n} lines of its log", n=head.seq)
        if at is not None:
            why = lazy(
                "the whole ticket is gone, with {n} lines of its log; it was there at {at}",
                n=head.seq,
                at=f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
            )
        yield Finding(Harm.DELETED, head.number, why, head.number, 1)


def _ids(session: Session, number: str | None) -> tuple[int | None, int | None]:
    """Return the first and last id of the tickets to be checked, None where there is none."""
    span = select(func.min(TICKET.c.id), func.max(TICKET.c.id))
    if number:
        span = span.where(TICKET.c.number == number)
    first, last = session.execute(span).one()
    return first, last


def _read(session: Session, start: int, stop: int) -> _Batch:
    span = (TICKET.c.id >= start, TICKET.c.id < stop)
    tickets = session.execute(select(TICKET).where(*span).order_by(TICKET.c.id)).all()
    numbers = {ticket.id: ticket.number for ticket in tickets}
    session.load_salts(numbers.values())
    events = session.execute(
        select(
            EVENT.c.ticket_id,
            *(EVENT.c[name] for name in _COLUMNS),
            type_coerce(EVENT.c.data, Text).label("data"),
        )
        .where(EVENT.c.ticket_id >= start, EVENT.c.ticket_id < stop)
        .order_by(EVENT.c.ticket_id, EVENT.c.seq)
    )
    lines: dict[int, list[EventLine]] = defaultdict(list)
    for row in events:
        lines[row.ticket_id].append(_line(session, numbers.get(row.ticket_id, ""), row))
    clocks = _by_ticket(session, CLOCK, start, stop)
    return _Batch(tickets, lines, clocks, _by_ticket(session, NOTICE, start, stop))


def _line(session: Session, number: str, row: Row[Any]) -> EventLine:
    private = original = None
    is_forged = erased = False
    try:
        if row.private is not None:
            private = msgspec.json.encode(session.decrypt(EVENT.c.private, row, number))
        if row.original is not None:
            original = str(session.decrypt(EVENT.c.original, row, number)).encode()
    except TextsErased:
        erased = True
    except (ForgedValue, KeyUnusable):
        # the key fits this store, or it would not be open: the ciphertext was changed
        is_forged = True
    return EventLine(
        row.seq,
        row.name,
        row.at,
        row.moment,
        row.cause,
        row.data.encode(),
        private,
        row.commitment and bytes(row.commitment),
        original,
        bytes(row.hash),
        is_forged,
        erased,
    )


def _by_ticket(session: Session, table: Table, start: int, stop: int) -> dict[int, list[Row[Any]]]:
    """Return the rows of a table by ticket, in the order of their keys."""
    rows = session.execute(
        select(table)
        .where(table.c.ticket_id >= start, table.c.ticket_id < stop)
        .order_by(table.c.ticket_id, *table.primary_key.columns)
    )
    return {
        ticket: list(group) for ticket, group in groupby(rows, key=lambda row: int(row.ticket_id))
    }


def _unkeyed_until(session: Session) -> datetime | None:
    stored = select(SECRET).where(SECRET.c.name == HASH_KEY)
    secret = session.decrypt(SECRET.c.value, session.execute(stored).one())
    until = secret["unkeyed_until"]
    return datetime.fromisoformat(until) if until else None


def _accesses(session: Session) -> Iterator[tuple[AccessLine, bytes]]:
    columns = (*(ACCESS.c[name] for name in AccessLine._fields), ACCESS.c.hash)
    for row in session.execute(select(*columns).order_by(ACCESS.c.id)):
        yield AccessLine(*row[:-1]), bytes(row.hash)
