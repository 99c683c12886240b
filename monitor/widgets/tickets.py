"""The queue of open tickets as a list: a window of rows at a time, the cursor on its ticket."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.cells import cell_len

from models.i18n import _, lazy, render
from models.queries.listing import ListedTicket, TicketPage
from models.rules.vocabulary import OPEN
from monitor.formatting import STANDARD, Office, left, one_line, overdue_days
from monitor.labels import BADGES, CLOCKS, CONTACTS, EMERGENCY, STATUSES, word
from monitor.widgets.lines import Cell, Column, Lines

_FRESH = timedelta(minutes=1)

_WIDE = 96
"""From here on there is room for hours beside days, and for the first contact."""


@dataclass(frozen=True, slots=True)
class Viewport:
    """Where the reader stands in the list: what is seen, and the ticket that is followed."""

    first: int
    seen: int
    follow: str | None
    row: int


class TicketList(Lines):
    """Open tickets in the order of the queue.

    Untouched it shows the head of the queue. Once the cursor has been moved it stays on its
    ticket, in its place on the screen, whatever comes and goes around it.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.page = TicketPage()
        self._now: datetime | None = None
        self._office: Office = STANDARD
        self._short: dict[str, str] = {}
        self._followed: str | None = None
        self._number = 10
        self._span = {False: 0, True: 0}
        self._status = max(cell_len(word(STATUSES, status)) for status in OPEN)
        self._contact = max(cell_len(render(c)) for c in (*CONTACTS.values(), lazy("1st contact")))

    def place(self) -> Viewport:
        """What the next page should hold."""
        row = self.cursor - self.first
        return Viewport(self.first, self.seen, self._followed, row if 0 <= row < self.seen else 0)

    def show(self, page: TicketPage, now: datetime, office: Office, short: dict[str, str]) -> None:
        """Show a newer page."""
        row = self.cursor - self.first
        self.page, self._now, self._office, self._short = page, now, office, short
        self._measure(now)
        self.resize_to(page.total)
        index = self._index_of(self._followed)
        if index is not None and index != self.cursor:
            self.put_cursor(index, row=row if 0 <= row < self.seen else None)
        elif self._followed is not None and index is None and self.key(self.cursor):
            # the ticket has left the queue: stay in the place, with the one that stands there now
            self._followed = self.key(self.cursor)

    def forget(self) -> None:
        """Begin at the head again, as for another filter."""
        self._followed = None
        self.put_cursor(0, row=0)

    @property
    def current(self) -> str | None:
        """The number of the ticket that the cursor stands on."""
        return self.key(self.cursor)

    def lacks_rows(self) -> bool:
        """Whether something that is seen is not in the page."""
        last = min(self.first + self.seen, self.total)
        return self.first < self.page.offset or last > self.page.offset + len(self.page.rows)

    def _move(self, index: int) -> None:
        super()._move(index)
        self._followed = self.key(self.cursor) if self.cursor else None

    def _index_of(self, number: str | None) -> int | None:
        rows = enumerate(self.page.rows, self.page.offset)
        return next((i for i, row in rows if row.number == number), None)

    def _row(self, index: int) -> ListedTicket | None:
        inside = index - self.page.offset
        return self.page.rows[inside] if 0 <= inside < len(self.page.rows) else None

    def key(self, index: int) -> str | None:
        """The ticket's number."""
        row = self._row(index)
        return row.number if row else None

    def columns(self, width: int) -> Sequence[Column]:
        """Level, urgency, number, title, unit, what is left, first contact if wide, status."""
        wide = width >= _WIDE
        badge = max(cell_len(render(b)) for b in BADGES.values())
        columns = [
            Column("", badge + 1),
            Column("", cell_len(render(EMERGENCY))),
            Column(_("Ticket"), min(self._number, 20 if wide else 14)),
            Column(_("Title"), None),
            Column(_("Unit"), 14 if wide else 10),
            Column(_("Left"), max(self._span[wide], cell_len(_("Left")))),
        ]
        if wide:
            columns.append(Column(_("1st contact"), self._contact))
        return [*columns, Column(_("Status"), self._status)]

    def cells(self, index: int, width: int) -> Sequence[Cell] | None:
        """One ticket."""
        row, now = self._row(index), self._now
        if row is None or now is None:
            return None
        wide = width >= _WIDE
        unit = self._short.get(row.unit or "", row.unit or "")
        cells = [
            Cell(word(BADGES, row.level) + self._fresh(row, now), row.level or ""),
            Cell(render(EMERGENCY), "urgent") if row.emergency else Cell(""),
            Cell(one_line(row.number)),
            Cell(one_line(row.title)),
            Cell(one_line(unit)),
            self._left(row, now, brief=not wide),
        ]
        if wide:
            over = "over" if row.first_contact in ("expired", "late") else "quiet"
            cells.append(Cell(word(CONTACTS, row.first_contact), over))
        return [*cells, Cell(word(STATUSES, row.status), "quiet")]

    @staticmethod
    def _fresh(row: ListedTicket, now: datetime) -> str:
        """A mark at a level that has come within the last minute."""
        since = now - row.level_at if row.level and row.level_at else None
        return "*" if since is not None and timedelta() <= since < _FRESH else ""

    def _measure(self, now: datetime) -> None:
        """How wide the columns are that follow what stands in them."""
        rows = self.page.rows
        head = cell_len(_("Ticket"))
        self._number = max([head, *(cell_len(one_line(r.number)) for r in rows)])
        for wide in (False, True):
            texts = (self._left(r, now, brief=not wide).text for r in rows)
            self._span[wide] = max(map(cell_len, texts), default=0)

    def _left(self, row: ListedTicket, now: datetime, *, brief: bool) -> Cell:
        if row.urgent is not None:
            name = word(CLOCKS, row.urgent.name)
            if row.urgent.state == "expired":
                return Cell(_("{clock} missed").format(clock=name), "over")
            text = left(row.urgent.due, now, self._office, brief=True)
            return Cell(f"{name} {text}", "over" if row.urgent.due < now else "near")
        if row.due is None:
            return Cell("-", "quiet")
        text = left(row.due, now, self._office, brief=brief)
        guessed = "?" if row.provisional else ""
        if row.due < now:
            return Cell(text + guessed, "over")
        near = overdue_days(now, row.due, self._office) < 1
        return Cell(text + guessed, "near" if near else "")
