"""The logs of all tickets as one feed, in the order of commit, with a cursor."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from sqlalchemy import func, select

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.json_types import JsonObject
from models.queries.log import LOG_COLUMNS, LogRow, event_as_dict, ticket_redactor
from models.rules.limits import JSON_DIGITS
from models.rules.redaction import Redactor
from models.security.heads import ChangedHead, HeadKind, unpack_heads
from models.tables.core import CHANGE, EVENT, TICKET

_ROWS = 20
"""Rows of the feed that are read in one transaction; each has up to some thousand tickets."""


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
    """The events that are wanted: of a unit's tickets or naming the unit, and by name; else all."""

    unit: str | None = None
    names: Collection[str] = field(default_factory=tuple)

    def matches(self, event: JsonObject, unit: str | None) -> bool:
        """Return whether an event of a ticket that this unit has is wanted."""
        if self.names and event["event"] not in self.names:
            return False
        return self.unit is None or self.unit in (unit, event.get("unit"))


class _Ticket(NamedTuple):
    """A ticket as far as its events need it."""

    number: str
    unit: str | None
    redactor: Redactor


def check_cursor(session: Session, cursor: Cursor) -> None:
    """Raise InvalidCursor where the store has not come as far: it was set back."""
    last = session.scalar(select(func.max(CHANGE.c.position))) or 0
    if cursor.position > last:
        text = _("the feed ends at {last}, before the cursor {cursor}: was a backup restored?")
        raise InvalidCursor(text.format(cursor=cursor, last=last))


def events_after(
    session: Session, cursor: Cursor, wanted: EventFilter
) -> tuple[list[tuple[Cursor, JsonObject]], Cursor]:
    """Return the next events after a cursor, redacted, and the cursor to go on from.

    At the end of the feed that is the same one.
    """
    rows = session.execute(
        select(CHANGE.c.position, CHANGE.c.heads)
        .where(CHANGE.c.position >= cursor.position)
        .order_by(CHANGE.c.position)
        .limit(_ROWS)
    ).all()
    events: list[tuple[Cursor, JsonObject]] = []
    for row in rows:
        passed = cursor.line if row.position == cursor.position else 0
        heads = [h for h in unpack_heads(bytes(row.heads)) if h.kind == HeadKind.TICKET]
        place = Cursor(row.position, sum(head.lines for head in heads))
        numbered = enumerate(_events(session, heads), start=1)
        events += (
            (Cursor(row.position, line), event)
            for line, (event, unit) in islice(numbered, passed, None)
            if event is not None and wanted.matches(event, unit)
        )
        cursor = place
    return events, cursor


def _events(
    session: Session, heads: Collection[ChangedHead]
) -> Iterator[tuple[JsonObject | None, str | None]]:
    """Yield the events that these heads added, with the unit that has each ticket.

    None stands for one that somebody has taken away, which the verification says.
    """
    ids = [head.key for head in heads]
    tickets = {
        row.id: _Ticket(row.number, row.unit, ticket_redactor(session, row))
        for row in session.execute(select(TICKET).where(session.is_in(TICKET.c.id, ids)))
    }
    first = min((head.seq - head.lines for head in heads), default=0)
    rows = session.execute(
        select(EVENT.c.ticket_id, *LOG_COLUMNS)
        .where(session.is_in(EVENT.c.ticket_id, ids), EVENT.c.seq > first)
        .order_by(EVENT.c.ticket_id, EVENT.c.seq)
    )
    lines = {(row.ticket_id, row.seq): LogRow(*row[1:]) for row in rows}
    for head in heads:
        assert isinstance(head.key, int)
        ticket = tickets.get(head.key)
        for seq in range(head.seq - head.lines + 1, head.seq + 1):
            line = lines.get((head.key, seq))
            if ticket is None or line is None:
                yield None, None
            else:
                yield event_as_dict(session, ticket.number, line, ticket.redactor), ticket.unit
