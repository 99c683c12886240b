"""The logs of all tickets as one feed, in the order of commit, with a cursor."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from sqlalchemy import func, select

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.json_types import JsonObject
from models.membership import is_in
from models.queries.log import (
    LOG_COLUMNS,
    LogRow,
    event_with_texts,
    line_texts,
    ticket_redactor,
)
from models.rules.limits import JSON_DIGITS, MIB
from models.rules.text import clean_values
from models.rules.vocabulary import EventName
from models.security.encryption import ForgedValue
from models.security.heads import ChangedHead, HeadKind, unpack_heads
from models.sql_types import SelectedRow
from models.tables.core import CHANGE, EVENT, TICKET

_ROWS = 20
"""Rows of the feed that are read in one transaction; each has up to some thousand tickets."""

_LINES = 200
"""Lines of logs that are read at once."""

_LINES_A_PAGE = 5_000
"""Lines that are looked at for one page: a filter may want few of them."""

_ID_BYTES = 4
"""Bytes of a line's hash in the id of its event."""

_DESK_ONLY: Mapping[str, str] = {EventName.NOTE_ADDED: "text"}
"""By the name of an event its text that is the desk's own: it goes out in clear, or not at all."""

_PUT_IN_CHARGE = (EventName.TICKET_DISPATCHED, EventName.REWORK_OPENED, EventName.UNIT_SUCCEEDED)


class InvalidCursor(HotlineError):
    """A cursor that no event was printed with, or that this store is behind."""


class Cursor(NamedTuple):
    """The place after an event: the position of its row in the feed, and its number within."""

    position: int = 0
    line: int = 0

    def __str__(self) -> str:
        return f"{self.position}-{self.line}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Return the cursor of a text. Raises InvalidCursor."""
        position, _dash, line = text.partition("-")
        parts = (position, line)
        digits = all(part.isascii() and part.isdigit() for part in parts)
        if not digits or max(map(len, parts)) > JSON_DIGITS:
            raise InvalidCursor(_("{text} is no cursor of an event").format(text=text))
        return cls(int(position), int(line))


@dataclass(frozen=True)
class EventFilter:
    """The events that are wanted: by their names, and of units under any of these names; else all.

    Wanted of a unit is what names it, and all of a ticket while it is in charge of it. Of a ticket
    that it has by the time of reading it is everything.
    """

    units: Collection[str] = ()
    names: Collection[str] = ()

    def matches(self, row: LogRow, units: Collection[str | None]) -> bool:
        """Return whether a line of a ticket that these have is wanted."""
        if self.names and row.name not in self.names:
            return False
        return not self.units or any(u in self.units for u in (*units, *_named(row.data)))


@dataclass(frozen=True)
class PageLimits:
    """The most that a page has: events, and bytes of them; one event is always taken."""

    events: int = 500
    bytes: int = MIB


class FeedEvent(NamedTuple):
    """An event for output with its place in the feed, and whether its line has private texts."""

    cursor: Cursor
    event: JsonObject
    has_texts: bool


@dataclass
class EventPage:
    """Events in the order of commit; whoever has them goes on from `end`."""

    end: Cursor
    events: list[FeedEvent] = field(default_factory=list)


class _Ticket:
    """A ticket as far as its events need it; its claimant is decrypted for the first text."""

    def __init__(self, session: Session, row: SelectedRow, units_by_line: "_UnitsByLine") -> None:
        self.number: str = row.number
        self._session, self._row, self._units_by_line = session, row, units_by_line
        self._redact: Callable[[JsonObject], JsonObject] | None = None

    def units_at(self, seq: int) -> tuple[str | None, str | None]:
        """Return the units that have the ticket now, and had it when this line was written.

        What comes before the first unit was put in charge is the first one's.
        """
        units = self._units_by_line.get(self._row.id, ())
        of_line = None
        for since, unit in units:
            if of_line is None or since <= seq:
                of_line = unit
        return self._row.unit, of_line

    def content(self, line: LogRow, *, in_clear: bool) -> tuple[JsonObject, bool]:
        """Return a line for output, and whether it has texts.

        What is the desk's own is left out where the others are redacted. So are texts that were
        put there from elsewhere, which the verification says: one of them must not hold up all
        that come after it.
        """
        try:
            texts = line_texts(self._session, self.number, line)
            if in_clear:
                return event_with_texts(self.number, line, clean_values(texts)), bool(texts)
            if self._redact is None:
                self._redact = ticket_redactor(self._session, self._row).redact
            hidden = _DESK_ONLY.get(line.name)
            outside = {name: text for name, text in texts.items() if name != hidden}
            return event_with_texts(self.number, line, self._redact(outside)), bool(texts)
        except ForgedValue:
            return event_with_texts(self.number, line, {}), False


_UnitsByLine = Mapping[int, Sequence[tuple[int, str]]]
"""By ticket the lines that put a unit in charge, each with that unit."""


def feed_end(session: Session) -> Cursor:
    """Return the cursor after all that has been committed and given a position."""
    row = session.execute(
        select(CHANGE.c.position, CHANGE.c.heads)
        .where(CHANGE.c.position.is_not(None))
        .order_by(CHANGE.c.position.desc())
        .limit(1)
    ).first()
    if row is None:
        return Cursor()
    return Cursor(row.position, sum(head.lines for head in _ticket_heads(row.heads)))


def check_cursor(session: Session, cursor: Cursor) -> None:
    """Raise InvalidCursor where the store has not come as far: it was set back."""
    last = session.scalar(select(func.max(CHANGE.c.position))) or 0
    if cursor.position > last:
        text = _("the feed ends at {last}, before the cursor {cursor}: was a backup restored?")
        raise InvalidCursor(text.format(cursor=cursor, last=last))


def read_page(
    session: Session,
    cursor: Cursor,
    wanted: EventFilter,
    limits: PageLimits,
    *,
    through: Cursor | None = None,
    in_clear: bool = False,
) -> EventPage:
    """Return the next events after a cursor, but none after `through`, redacted or `in_clear`.

    It may be empty before the end of the feed; at the end of the feed its end is the cursor.
    """
    page = EventPage(cursor)
    rows = session.execute(
        select(CHANGE.c.position, CHANGE.c.heads)
        .where(CHANGE.c.position >= cursor.position)
        .order_by(CHANGE.c.position)
        .limit(_ROWS)
    ).all()
    seen = size = 0
    for row in rows:
        line = 0
        for heads in _batches(_ticket_heads(row.heads)):
            lines = sum(head.lines for head in heads)
            if Cursor(row.position, line + lines) <= cursor:
                line += lines
                continue
            for ticket, log_row, name in _lines(session, heads, wanted):
                line += 1
                place = Cursor(row.position, line)
                if place <= cursor:
                    continue
                if through is not None and place > through:
                    return page
                if ticket is not None and log_row is not None:
                    event, has_texts = ticket.content(log_row, in_clear=in_clear)
                    event = {"cursor": str(place), "id": name, **event}
                    size += len(msgspec.json.encode(event))
                    if page.events and size > limits.bytes:
                        return page
                    page.events.append(FeedEvent(place, event, has_texts))
                page.end = place
                if len(page.events) >= limits.events:
                    return page
            seen += lines
            if seen >= _LINES_A_PAGE:
                return page
        place = Cursor(row.position, line)
        if through is not None and place > through:
            return page
        page.end = max(page.end, place)
    return page


def _ticket_heads(packed: bytes) -> list[ChangedHead]:
    return [h for h in unpack_heads(bytes(packed)) if h.kind == HeadKind.TICKET and h.lines]


def _batches(heads: Sequence[ChangedHead]) -> Iterator[list[ChangedHead]]:
    """Yield the heads of a row in their order, some lines of logs at a time."""
    batch: list[ChangedHead] = []
    lines = 0
    for head in heads:
        batch.append(head)
        lines += head.lines
        if lines >= _LINES:
            yield batch
            batch, lines = [], 0
    if batch:
        yield batch


def _lines(
    session: Session, heads: Collection[ChangedHead], wanted: EventFilter
) -> Iterator[tuple[_Ticket | None, LogRow | None, str]]:
    """Yield the lines that these heads added, each with its ticket and the id of its event.

    None stands for one that is not wanted, or that somebody has taken away, which the verification
    says.
    """
    ids = [head.key for head in heads]
    units_by_line = _units_of_lines(session, ids) if wanted.units else {}
    tickets = {
        row.id: _Ticket(session, row, units_by_line)
        for row in session.execute(select(TICKET).where(is_in(TICKET.c.id, ids)))
    }
    session.load_salts([ticket.number for ticket in tickets.values()])
    first = min(head.seq - head.lines for head in heads)
    rows = session.execute(
        select(EVENT.c.ticket_id, EVENT.c.hash, *LOG_COLUMNS)
        .where(is_in(EVENT.c.ticket_id, ids), EVENT.c.seq > first)
        .order_by(EVENT.c.ticket_id, EVENT.c.seq)
    )
    lines = {(row.ticket_id, row.seq): (LogRow(*row[2:]), bytes(row.hash)) for row in rows}
    for head in heads:
        assert isinstance(head.key, int)
        ticket = tickets.get(head.key)
        for seq in range(head.seq - head.lines + 1, head.seq + 1):
            line, hashed = lines.get((head.key, seq), (None, b""))
            if ticket is None or line is None or not wanted.matches(line, ticket.units_at(seq)):
                yield None, None, ""
            else:
                yield ticket, line, f"{ticket.number}-{seq}-{hashed[:_ID_BYTES].hex()}"


def _units_of_lines(session: Session, ids: Collection[int | str]) -> _UnitsByLine:
    """Return by ticket which units were put in charge of it, and by which lines."""
    rows = session.execute(
        select(EVENT.c.ticket_id, EVENT.c.seq, EVENT.c.name, EVENT.c.data)
        .where(is_in(EVENT.c.ticket_id, ids), EVENT.c.name.in_(_PUT_IN_CHARGE))
        .order_by(EVENT.c.ticket_id, EVENT.c.seq)
    )
    units_by_line: dict[int, list[tuple[int, str]]] = {}
    for ticket_id, seq, name, data in rows:
        units = units_by_line.setdefault(ticket_id, [])
        if name != EventName.UNIT_SUCCEEDED:
            units.append((seq, data["unit"]))
        elif units and units[-1][1] == data["unit"]:
            units.append((seq, data["successor"]))
    return units_by_line


def _named(data: JsonObject) -> list[str]:
    """Return the units that a line names; one that nobody knows is a private text, and no name."""
    named = [data.get("unit"), data.get("successor"), data.get("holder"), *data.get("units", ())]
    return [name for name in named if isinstance(name, str)]
