"""Read the part of the list of tickets that is on the screen."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from models.clock import Now
from models.database import Session, Store
from models.queries.overview import Counters
from models.queries.ticket_filter import ALL_OPEN, NO_LEVEL, TicketFilter
from models.queries.ticket_list import (
    TicketPage,
    count_tickets,
    list_tickets,
    queue_position,
    tickets_of,
)
from models.queries.ticket_order import QUEUE_ORDER, TicketOrder, ordered_ids, position_of
from monitor.background import CachedRead
from monitor.filters import Filter
from monitor.formatting import OfficeCalendar


@dataclass(frozen=True, slots=True)
class Viewport:
    """The part of the list of tickets that is on the screen.

    `first` is its first line and `height` its number of lines; `followed` is the ticket that the
    cursor stays on, if any, and `row` the cursor's line in the viewport.
    """

    first: int
    height: int
    followed: str | None
    row: int


@dataclass(frozen=True, slots=True)
class Look:
    """The tickets that are listed, and their order; `mine` are those of whoever looks, if asked."""

    filter: Filter
    order: TicketOrder
    mine: tuple[str, ...] = ()


def covers(page: TicketPage, viewport: Viewport) -> bool:
    """Return whether a page has the lines of a viewport, and half as many above and below."""
    first, half = viewport.first, viewport.height // 2
    if viewport.followed is not None:
        numbers = [row.number for row in page.rows]
        if viewport.followed not in numbers:
            return False
        first = page.offset + numbers.index(viewport.followed) - viewport.row
    end = page.offset + len(page.rows)
    is_begun = page.offset <= max(0, first - half)
    return is_begun and min(first + viewport.height + half, page.total) <= end


class TicketPages:
    """Reads pages of the list; its length, or its order, is cached where it costs much."""

    def __init__(self, store: Store, now: Now, on_ready: Callable[[], None]) -> None:
        self._store = store
        self._now = now
        self._on_ready = on_ready
        self._look: tuple[Look, OfficeCalendar] | None = None
        self._passed: CachedRead[int] | None = None
        self._ids: CachedRead[list[int]] | None = None

    def read(
        self,
        session: Session,
        look: Look,
        viewport: Viewport,
        now: datetime,
        office: OfficeCalendar,
        counters: Counters,
    ) -> TicketPage:
        """Read the page around the ticket that the cursor follows."""
        if look.order != QUEUE_ORDER:
            return _sorted_page(session, self._order(look, office).get(session, now), viewport)
        query = look.filter.at(now, office, look.mine)
        first = viewport.first
        if viewport.followed is not None:
            position = queue_position(session, query, viewport.followed)
            if position is not None:
                first = max(0, position - viewport.row)
        # as much again above and below, so that a page up or down is there at once
        height, limit = viewport.height, 3 * viewport.height
        if query != ALL_OPEN and first <= height:
            page = list_tickets(session, query, offset=0, limit=limit, total=limit)
            total = len(page.rows)
            if total == limit:
                # only now: to count them is to look at all open tickets once more
                total = max(total, self._total_of(session, look, now, office, counters))
            return replace(page, total=total)
        total = self._total_of(session, look, now, office, counters)
        offset = max(0, min(first, total - height) - height)
        return list_tickets(session, query, offset=offset, limit=limit, total=total)

    def _total_of(
        self,
        session: Session,
        look: Look,
        now: datetime,
        office: OfficeCalendar,
        counters: Counters,
    ) -> int:
        counted = _counted(look.filter.at(now, office, look.mine), counters)
        return counted if counted is not None else self._count(look, office).get(session, now)

    def _count(self, look: Look, office: OfficeCalendar) -> CachedRead[int]:
        """Return the cached number of tickets that the filter lets through."""
        self._use(look, office)
        if self._passed is None:
            self._passed = CachedRead(
                self._store,
                self._now,
                self._on_ready,
                lambda session, at: count_tickets(session, look.filter.at(at, office, look.mine)),
            )
        return self._passed

    def _order(self, look: Look, office: OfficeCalendar) -> CachedRead[list[int]]:
        """Return the cached ids of all tickets that the filter lets through, in their order."""
        self._use(look, office)
        if self._ids is None:
            self._ids = CachedRead(
                self._store,
                self._now,
                self._on_ready,
                lambda session, at: ordered_ids(
                    session, look.filter.at(at, office, look.mine), look.order
                ),
            )
        return self._ids

    def _use(self, look: Look, office: OfficeCalendar) -> None:
        """Forget what was cached of another look."""
        if self._look != (look, office):
            self._look, self._passed, self._ids = (look, office), None, None


def _counted(query: TicketFilter, counters: Counters) -> int | None:
    """Return how many tickets pass a filter where the counters say it: of all, or of levels."""
    if query == ALL_OPEN:
        return counters.open
    if not query.levels or NO_LEVEL in query.levels or replace(query, levels=()) != ALL_OPEN:
        return None
    levels: list[int] = [getattr(counters, level) for level in set(query.levels)]
    return sum(levels)


def _sorted_page(session: Session, ids: list[int], viewport: Viewport) -> TicketPage:
    """Return the part of a sorted list that is on the screen, and as much above and below."""
    first = viewport.first
    if viewport.followed is not None:
        position = position_of(session, ids, viewport.followed)
        if position is not None:
            first = max(0, position - viewport.row)
    offset = max(0, min(first, len(ids) - viewport.height) - viewport.height)
    part = ids[offset : offset + 3 * viewport.height]
    return TicketPage(tickets_of(session, part), offset, len(ids))
