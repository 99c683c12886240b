"""Read everything that a screen shows in one transaction."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from rich.cells import cell_len

from models.clock import Now, clock_speed
from models.database import Session, Store
from models.queries.claims import claims
from models.queries.coming_days import ComingDay, coming_days
from models.queries.desk_work import desk_counts, desk_items
from models.queries.detail import TicketDetail, ticket_detail
from models.queries.event_counts import DailyCounts, daily_counts, hourly_counts
from models.queries.failures import failures
from models.queries.health import health
from models.queries.log import TicketNotFound
from models.queries.message_answers import message_answers
from models.queries.overview import Workload, day_bounds, workload
from models.queries.owed_calls import owed_calls
from models.queries.queue_depths import queues
from models.queries.selected_tickets import numbers_left
from models.queries.shift_notes import handover
from models.queries.ticket_list import TicketPage
from models.queries.units import UnitRates, unit_rates
from models.rulebook import Rulebook, RulebookCache
from models.rules.calendar import Calendar
from models.rules.explain import Explanation, deciding_clock, explain
from models.rules.policy import Policy, in_force
from models.rules.state import RuleContext
from models.rules.vocabulary import ClockName
from monitor.background import BrokerProbe, CachedRead
from monitor.formatting import DEFAULT_OFFICE, OfficeCalendar
from monitor.kept_reads import KeptReads
from monitor.snapshot import KEPT_FOR, DeskWork, Snapshot, SnapshotRequest
from monitor.ticket_pages import Look, TicketPages, Viewport, covers

_RATES_EVERY = 60.0
"""Real seconds until the rates of the units, and the days past, are read again: a month."""

_CURVE_EVERY = 10.0

_HEALTH_EVERY = 1.0
"""Real seconds for which the processes' reports are not read again."""


class SnapshotReader:
    """Reads what a screen asks for; used by one thread at a time."""

    def __init__(
        self,
        store: Store,
        now: Now,
        wall: Now,
        broker_ok: Callable[[], bool] | None = None,
        on_ready: Callable[[], None] = lambda: None,
        mark: Callable[[], object | None] | None = None,
    ) -> None:
        """`on_ready` is called when to read again; `mark` returns what differs after a commit."""
        self._store = store
        self._now = now
        self._wall = wall
        self._probe = BrokerProbe(broker_ok)
        self._speed = clock_speed(now)
        self._rulebooks = RulebookCache()
        self._notify = on_ready
        self._mark = mark or (lambda: None)
        self._readies = 0
        self._kept = KeptReads(KEPT_FOR / max(1.0, self._speed))
        self._health = KeptReads(_HEALTH_EVERY)
        self._of_today = KeptReads(math.inf)
        on_ready = self._on_ready
        self._rulebook: Rulebook | None = None
        self._workload = CachedRead(store, now, on_ready, workload)
        self._pages = TicketPages(store, now, on_ready)
        self._rates: CachedRead[dict[str, UnitRates]] = CachedRead(
            store, now, on_ready, unit_rates, _RATES_EVERY, blank={}
        )
        self._desk_counts = CachedRead(store, now, on_ready, desk_counts)
        self._curve = CachedRead(store, now, on_ready, hourly_counts, _CURVE_EVERY)
        self._history = CachedRead(
            store, now, on_ready, daily_counts, _RATES_EVERY, blank=DailyCounts()
        )
        self._days = CachedRead(store, now, on_ready, self._coming_days, _CURVE_EVERY)

    def _on_ready(self) -> None:
        self._readies += 1
        self._notify()

    def read(self, request: SnapshotRequest) -> Snapshot:
        """Read a snapshot of now; raises one of OUTAGES where the store cannot be read.

        What nobody has changed since the last read is not read again for a few seconds.
        """
        mark = self._mark()
        if mark is not None:
            mark = mark, self._readies
        now, wall = self._now(), self._wall()
        kept = self._kept
        kept.begin(mark)
        self._health.begin(mark)
        self._of_today.begin(mark)
        with self._store.reading() as session:
            claimed = kept.get("claims", lambda: claims(session, wall))
            mine = tuple(number for number, claim in claimed.items() if claim.who == request.who)
            rulebook = self._rulebook = kept.get(
                "rulebook", lambda: self._rulebooks.current(session)
            )
            office, district = kept.get("office", lambda: _office(rulebook, now))
            load = self._of_today.get(day_bounds(now), lambda: self._workload.get(session, now))
            page = look = None
            if request.viewport is not None:
                look = Look(request.filter, request.order, mine if request.filter.mine else ())
                page = self._page(session, look, request.viewport, now, office, load)
            number = (
                _ticket_at_cursor(page, request.viewport) if request.preview else request.ticket
            )
            ticket, explanation = kept.get(
                ("ticket", number), lambda: self._ticket(session, number, rulebook)
            )
            return Snapshot(
                at=now,
                wall=wall,
                district=district,
                office=office,
                short_names=kept.get("names", lambda: _short_names(rulebook)),
                claims=claimed,
                counters=load.counters,
                health=self._health.get("health", lambda: health(session, now)),
                units=load.units,
                cards=load.cards,
                newest_red=load.newest_red,
                queues=queues(session, now, wall, self._speed) if request.queues else (),
                answers=message_answers(session, request.answers),
                failures=failures(session) if request.failures else None,
                page=page,
                look=look,
                left=frozenset(_left(session, request, mine, now, office)),
                detail=ticket,
                explanation=explanation,
                broker=self._probe.get(),
                **self._asked_for(session, request, now),
            )

    def _asked_for(
        self, session: Session, request: SnapshotRequest, now: datetime
    ) -> dict[str, Any]:
        """Read the parts that only some screens show."""
        day = day_bounds(now)
        of_today = self._of_today
        reads: dict[str, tuple[object, Callable[[], object]]] = {
            "curve": (
                request.curve,
                lambda: of_today.get(("curve", day), lambda: self._curve.get(session, now)),
            ),
            "history": (
                request.history,
                lambda: of_today.get(("history", day), lambda: self._history.get(session, now)),
            ),
            "days": (request.days, lambda: self._days.get(session, now)),
            "handover": (request.handover, lambda: handover(session, now)),
            "rates": (request.rates, lambda: self._rates.get(session, now)),
            "calls": (request.calls, lambda: owed_calls(session, now, request.calls or "")),
            "work": (request.work, lambda: self._work(session, request.work or "", now)),
        }
        return {
            name: self._kept.get((name, asked), read)
            for name, (asked, read) in reads.items()
            if asked
        }

    def _page(
        self,
        session: Session,
        look: Look,
        viewport: Viewport,
        now: datetime,
        office: OfficeCalendar,
        load: Workload,
    ) -> TicketPage:
        page = self._kept.find(look)
        if page is None or not covers(page, viewport):
            page = self._pages.read(session, look, viewport, now, office, load.counters)
            self._kept.put(look, page)
        return page

    def _work(self, session: Session, kind: str, now: datetime) -> DeskWork:
        return DeskWork(self._desk_counts.get(session, now), kind, desk_items(session, kind))

    def _coming_days(self, session: Session, now: datetime) -> tuple[ComingDay, ...]:
        if (rulebook := self._rulebook) is None or not rulebook.policies:
            return ()
        policy = in_force(list(rulebook.policies.values()), now)
        return coming_days(session, now, RuleContext(policy, rulebook.calendar))

    @staticmethod
    def _ticket(
        session: Session, number: str | None, rulebook: Rulebook
    ) -> tuple[TicketDetail | None, Explanation | None]:
        if number is None:
            return None, None
        try:
            ticket = ticket_detail(session, number)
        except TicketNotFound:
            return None, None
        clock = deciding_clock(ticket.state)
        if clock is None or ticket.policy_id is None:
            return ticket, None
        return ticket, explain(clock, ticket.state, rulebook.context_for(ticket.policy_id))


def _left(
    session: Session,
    request: SnapshotRequest,
    mine: tuple[str, ...],
    now: datetime,
    office: OfficeCalendar,
) -> set[str]:
    if not request.selected:
        return set()
    return numbers_left(session, request.filter.at(now, office, mine), request.selected)


def _ticket_at_cursor(page: TicketPage | None, viewport: Viewport | None) -> str | None:
    """Return the followed ticket, if it is still there, or the one at the cursor's row."""
    if page is None or viewport is None:
        return None
    numbers = [row.number for row in page.rows]
    if viewport.followed in numbers:
        return viewport.followed
    index = min(viewport.first + viewport.row, page.total - 1) - page.offset
    return numbers[index] if 0 <= index < len(numbers) else None


def _office(rulebook: Rulebook, now: datetime) -> tuple[OfficeCalendar, str]:
    if not rulebook.policies:
        return DEFAULT_OFFICE, ""
    policy = in_force(list(rulebook.policies.values()), now)
    return office_calendar(rulebook.calendar, policy), policy.district


def office_calendar(calendar: Calendar, policy: Policy) -> OfficeCalendar:
    """Return what a policy counts terms in; a handling term's time is seen by its end."""
    names = (name for name in ClockName if name is not ClockName.HANDLING)
    terms = ((name, policy.terms.of_hotline(name)) for name in names)
    wall_clocks = (name for name, term in terms if term is not None and term.wall is not None)
    return OfficeCalendar(calendar, policy.office, frozenset(wall_clocks))


def _short_names(rulebook: Rulebook) -> dict[str, str]:
    """Map unit names to their first alias where it is shorter; a sub-district keeps its own."""
    return {
        name: unit.aliases[0]
        for name, unit in rulebook.directory.units.items()
        if unit.kind != "street" and unit.aliases and cell_len(unit.aliases[0]) < cell_len(name)
    }
