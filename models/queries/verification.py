"""Verify that the store is as it was written: its logs, its rows, and the anchors over them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import func, or_, select, true

from models.anchor_file import AnchorLine
from models.database import Session, Store
from models.errors import UnreadableValue
from models.i18n import lazy
from models.membership import is_in
from models.queries.access_log import access_log_begin
from models.queries.anchor_check import AnchorCheck
from models.queries.checked_rows import CheckedRow, read_checked
from models.queries.log import TicketNotFound
from models.queries.message_check import check_causes, check_messages
from models.queries.notice_check import check_notices
from models.queries.outside_check import check_outside
from models.queries.own_log import unkeyed_until
from models.queries.own_tables import check_own
from models.queries.row_check import Wrong, check_clocks, check_once, check_ticket_row
from models.queries.table_check import check_tables
from models.queries.ticket_batch import TicketBatch, read_tickets, unreadable_columns
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
from models.security.encryption import Cipher
from models.security.findings import Finding, Harm
from models.tables.core import ACCESS, EVENT, TICKET

_TICKETS = 200
"""Tickets read in one transaction: a long one would stop checkpoints and fill the memory."""


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
        anchored = AnchorCheck(session, with_arrivals=number is None)
        check = LogCheck(session.cipher, unkeyed_until(session))
        first, last = _ids(session, number)
    result.anchors, result.holding, result.key = anchored.count, anchored.holding, anchored.key
    result.findings += anchored.findings
    result.findings += check_outside(outside, anchored)
    seen = set[int]()
    while first is not None and last is not None:
        with store.reading(snapshot=True) as session:
            anchored.refresh(session)
            batch = read_tickets(session, first, last, _TICKETS)
            if not batch.tickets:
                break
            first = batch.tickets[-1].id + 1
            numbers = {row.id: row.number for row in batch.tickets if row.number}
            causes = list(check_causes(session, numbers, batch.lines))
        for row in batch.tickets:
            seen.add(row.id)
            result.tickets += 1
            result.lines += row.seq or 0
            noted = unseen.pop(row.number, None)
            findings = list(_check(store.cipher, check, anchored.heads, batch, row, noted))
            result.findings += findings
            if not findings:
                note(row.number, LogEnd(row.seq, row.hash))
        tickets_with_findings = {finding.ticket for finding in result.findings}
        result.findings += (
            finding for finding in causes if finding.ticket not in tickets_with_findings
        )
    after: int | None = -(1 << 62)
    while after is not None:
        with store.reading() as session:
            after, findings = check_messages(session, after, number)
        result.findings += findings
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
            result.findings += _of_no_ticket(session, anchored)
            head = anchored.heads.access
            noted_access = LogEnd(head.seq, head.digest) if head is not None else None
            begin = access_log_begin(session)
            last, broken = check_access_log(session.cipher, _accesses(session), noted_access, begin)
            result.accesses = last - begin.seq
            result.findings += [broken] if broken is not None else []
            result.findings += check_tables(session, anchored.heads)
            result.findings += check_own(session, [finding.place for finding in result.findings])
            result.findings += anchored.missing
    return result


class WholeLog(NamedTuple):
    """The log of a ticket that is as the service wrote it, whatever the ticket's row says.

    `is_old` says that an earlier release may have begun it; `folds` is the highest number of folds
    that marks of levels name, and `days_kept` are the days that the ticket may have kept.
    """

    lines: Sequence[EventLine]
    is_old: bool
    folds: int
    days_kept: Sequence[Mapping[str, bool]]

    @property
    def end(self) -> LogEnd:
        """Its last line."""
        return LogEnd(self.lines[-1].seq, self.lines[-1].hash)


def read_whole_log(session: Session, ticket_id: int, number: str) -> WholeLog | None:
    """Read the log of a ticket; None where it is not as the feed of changes and its chain say."""
    anchored = AnchorCheck(session)
    batch = read_tickets(session, ticket_id, ticket_id, 1)
    head, lines = anchored.heads.tickets.get(ticket_id), batch.lines.get(ticket_id, [])
    if head is None or head.number != number or head.forked or len(lines) != head.seq or not lines:
        return None
    is_old = ticket_id in anchored.heads.first
    check = LogCheck(session.cipher, unkeyed_until(session))
    noted = [LogEnd(head.seq, head.digest)]
    if check(number, lines, LogEnd(lines[-1].seq, lines[-1].hash), noted, old=is_old) is not None:
        return None
    marks = [mark.split("/") for mark in batch.once.get(ticket_id, {}).values()]
    folds = max((int(m[1]) for m in marks if len(m) > 1 and m[1].isdecimal()), default=0)
    days: list[Mapping[str, bool]] = [{}]
    with suppress(UnreadableValue):
        days.append(read_state(number, batch.tickets[0].state or "").days_kept)
    return WholeLog(lines, is_old, folds, days if days[-1] else days[:1])


def _check(
    cipher: Cipher,
    check: LogCheck,
    heads: AnchoredHeads,
    batch: TicketBatch,
    row: CheckedRow,
    known: LogEnd | None,
) -> Iterator[Finding]:
    """Yield what is wrong with a ticket: with its log, or else with its rows."""
    lines = batch.lines.get(row.id, [])
    head = heads.tickets.get(row.id)
    if row.unreadable:
        number = row.number or (head.number if head is not None else f"#{row.id}")
        yield Finding(Harm.ALTERED, number, unreadable_columns(TICKET, row), number)
        return
    if head is not None and head.number != row.number:
        why = lazy("it has the log of {number}", number=head.number)
        yield Finding(Harm.SWAPPED, row.number, why, row.number, 1)
        return
    noted = [end for end in (known, head and LogEnd(head.seq, head.digest)) if end is not None]
    end = LogEnd(row.seq, row.hash)
    broken = check(row.number, lines, end, noted, old=row.id in heads.first)
    if broken is not None:
        yield broken
        return
    if head is not None and head.forked:
        why = lazy("lines from {seq} on were taken away, and others written since", seq=head.forked)
        yield Finding(Harm.DELETED, row.number, why, row.number, head.forked)
        return
    if head is None or head.seq < row.seq:
        seq = (head.seq if head is not None else 0) + 1
        why = lazy("lines from {seq} on are in no record of changes", seq=seq)
        yield Finding(Harm.ADDED, row.number, why, row.number, seq)
        return
    for harm, why in _check_rows(cipher, heads, batch, row, head):
        yield Finding(harm, row.number, why, row.number)


def _check_rows(
    cipher: Cipher, heads: AnchoredHeads, batch: TicketBatch, row: CheckedRow, head: TicketHead
) -> Iterator[Wrong]:
    faults = batch.faults.get(row.id, [])
    yield from faults
    old = row.id in heads.first
    clocks, lines = batch.clocks.get(row.id, []), batch.lines[row.id]
    in_row = list(check_ticket_row(cipher, row, head, lines, clocks, old=old))
    yield from in_row
    yield from check_once(lines, batch.once.get(row.id, {}), old=old)
    if faults:
        # a row that cannot be read would be called gone, too
        return
    yield from check_notices(row.status, batch.notices.get(row.id, []), lines)
    if not in_row:
        state = read_state(row.number, row.state)
        past = heads.clocks.get(row.id, {})
        yield from check_clocks(cipher, state, clocks, past, old=old)


def _gone(
    session: Session, anchored: AnchorCheck, seen: set[int], number: str | None
) -> Iterator[Finding]:
    """Yield the tickets that the feed lists and that are gone."""
    listed = {
        ticket: head
        for ticket, head in anchored.heads.tickets.items()
        if ticket not in seen and number in (None, head.number)
    }
    there = select(TICKET.c.id).where(is_in(TICKET.c.id, list(listed)))
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


def _of_no_ticket(session: Session, anchored: AnchorCheck) -> Iterator[Finding]:
    """Yield ids before or after those of all tickets that have lines of a log, and never were one.

    The next ticket to have such an id could not be written.
    """
    first, last = _ids(session, None)
    of = EVENT.c.ticket_id
    is_no_ticket = true() if first is None else or_(of < first, of > last)
    ids = session.scalars(select(of).where(is_no_ticket).distinct())
    for ticket_id in sorted(set(ids) - anchored.heads.tickets.keys()):
        why = lazy("there are lines of a log, and no such ticket")
        yield Finding(Harm.ADDED, f"#{ticket_id}", why)


def _ids(session: Session, number: str | None) -> tuple[int | None, int | None]:
    """Return the first and last id of the tickets to be checked, 0 and -1 where there is none."""
    span = select(func.min(TICKET.c.id), func.max(TICKET.c.id))
    if number:
        span = span.where(TICKET.c.number == number)
    first, last = session.execute(span).one()
    return first, last


def _accesses(session: Session) -> Iterator[tuple[AccessLine | None, bytes]]:
    columns = [*(ACCESS.c[name] for name in AccessLine._fields), ACCESS.c.hash]
    for row in read_checked(session, columns, lambda query: query.order_by(ACCESS.c.id)):
        count = len(AccessLine._fields)
        yield (None if row.unreadable else AccessLine(*row[:count])), row.hash or b""
