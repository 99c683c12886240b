"""One look at the store: everything that a screen shows, from one reading transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rich.cells import cell_len

from models.clock import Now, clock_speed
from models.database import Session, Store
from models.queries.answers import MessageAnswer, MessageKey, answers
from models.queries.detail import TicketDetail, detail
from models.queries.failures import Failures, failures
from models.queries.health import Health, health
from models.queries.listing import ALL_OPEN, TicketPage, count, listing, queue_position
from models.queries.log import TicketNotFound
from models.queries.overview import (
    Card,
    Counters,
    HourlyCounts,
    UnitLoad,
    curve,
    latest_cards,
    workload,
)
from models.queries.owed_calls import Calls, calls
from models.queries.queues import QueueRow, queues
from models.queries.units import UnitRates, unit_rates
from models.rulebook import Rulebook, RulebookCache
from models.rules.explain import Explanation, deciding_clock, explain
from models.rules.policy import in_force
from monitor.background import BrokerProbe, CachedRead
from monitor.filters import Filter
from monitor.formatting import STANDARD, Office
from monitor.widgets.tickets import Viewport

_RATES_EVERY = 60.0
"""Real seconds that the rates of the units are good for: they look at a month."""

_CURVE_EVERY = 10.0

_PATIENCE = timedelta(seconds=30)
"""How long after its ringing a row is rung for again, real: as the timekeeper has it."""


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """What a screen wants to show; what it leaves out is not read.

    With `preview` the ticket is the one at the cursor's place, whichever stands there by now.
    """

    cards: bool = False
    curve: bool = False
    rates: bool = False
    calls: str | None = None
    queues: bool = False
    failures: bool = False
    answers: tuple[MessageKey, ...] = ()
    filter: Filter = field(default_factory=Filter)
    place: Viewport | None = None
    ticket: str | None = None
    preview: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The store at one moment. `at` is by the service's clock, `wall` by the system's."""

    at: datetime
    wall: datetime
    district: str = ""
    office: Office = STANDARD
    short: dict[str, str] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    health: Health = field(default_factory=Health)
    units: tuple[UnitLoad, ...] = ()
    cards: tuple[Card, ...] = ()
    curve: HourlyCounts = field(default_factory=HourlyCounts)
    rates: dict[str, UnitRates] = field(default_factory=dict)
    calls: Calls | None = None
    queues: tuple[QueueRow, ...] = ()
    failures: Failures | None = None
    answers: dict[MessageKey, MessageAnswer] = field(default_factory=dict)
    page: TicketPage | None = None
    detail: TicketDetail | None = None
    explained: Explanation | None = None
    broker: bool | None = None


class SnapshotReader:
    """Reads what a screen asks for; used by one thread at a time."""

    def __init__(
        self,
        store: Store,
        now: Now,
        wall: Now,
        broker_ok: Callable[[], bool] | None = None,
        landed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._now = now
        self._wall = wall
        self._lamp = BrokerProbe(broker_ok)
        self._patience = _PATIENCE * clock_speed(now)
        self._rulebooks = RulebookCache()
        self._landed = landed
        self._load = CachedRead(store, now, landed, workload)
        self._counted = Filter()
        self._total: CachedRead[int] | None = None
        self._rates: CachedRead[dict[str, UnitRates]] = CachedRead(
            store, now, landed, unit_rates, _RATES_EVERY, blank={}
        )
        self._curve = CachedRead(store, now, landed, curve, _CURVE_EVERY)

    def read(self, request: SnapshotRequest) -> Snapshot:
        """A snapshot of the present; raises one of OUTAGES where the store cannot be read."""
        now, wall = self._now(), self._wall()
        with self._store.reading() as session:
            rulebook = self._rulebooks.current(session)
            office, district = _office(rulebook, now)
            stands = self._load.get(session, now)
            page = self._page(session, request, now, office, stands.counters.open)
            number = _under_cursor(page, request.place) if request.preview else request.ticket
            found, why = self._ticket(session, number, rulebook)
            return Snapshot(
                at=now,
                wall=wall,
                district=district,
                office=office,
                short=_short_names(rulebook),
                counters=stands.counters,
                health=health(session, now),
                units=stands.units,
                cards=latest_cards(session, now) if request.cards else (),
                curve=self._curve.get(session, now) if request.curve else HourlyCounts(),
                rates=self._rates.get(session, now) if request.rates else {},
                calls=calls(session, now, request.calls) if request.calls else None,
                queues=queues(session, now, wall, self._patience) if request.queues else (),
                answers=answers(session, request.answers),
                failures=failures(session) if request.failures else None,
                page=page,
                detail=found,
                explained=why,
                broker=self._lamp.get(),
            )

    def _page(
        self,
        session: Session,
        request: SnapshotRequest,
        now: datetime,
        office: Office,
        all_open: int,
    ) -> TicketPage | None:
        if (place := request.place) is None:
            return None
        wanted = request.filter.at(now, office)
        first = place.first
        if place.follow is not None:
            at = queue_position(session, wanted, place.follow)
            if at is not None:
                first = max(0, at - place.row)
        total = all_open
        if wanted != ALL_OPEN:
            if self._total is None or self._counted != request.filter:
                chosen = self._counted = request.filter
                self._total = CachedRead(
                    self._store,
                    self._now,
                    self._landed,
                    lambda s, at: count(s, chosen.at(at, office)),
                )
            total = self._total.get(session, now)
        # as much again above and below, so that a page up or down is there at once
        offset = max(0, min(first, total - place.seen) - place.seen)
        return listing(session, wanted, offset=offset, limit=3 * place.seen, total=total)

    @staticmethod
    def _ticket(
        session: Session, number: str | None, rulebook: Rulebook
    ) -> tuple[TicketDetail | None, Explanation | None]:
        if number is None:
            return None, None
        try:
            found = detail(session, number)
        except TicketNotFound:
            return None, None
        clock = deciding_clock(found.state)
        if clock is None or found.policy_id is None:
            return found, None
        return found, explain(clock, found.state, rulebook.context_for(found.policy_id))


def _under_cursor(page: TicketPage | None, place: Viewport | None) -> str | None:
    """The ticket that is followed, if it is still there, or the one in the cursor's place."""
    if page is None or place is None:
        return None
    numbers = [row.number for row in page.rows]
    if place.follow in numbers:
        return place.follow
    inside = min(place.first + place.row, page.total - 1) - page.offset
    return numbers[inside] if 0 <= inside < len(numbers) else None


def _office(rulebook: Rulebook, now: datetime) -> tuple[Office, str]:
    if not rulebook.policies:
        return STANDARD, ""
    policy = in_force(list(rulebook.policies.values()), now)
    return Office(rulebook.calendar, policy.office), policy.district


def _short_names(rulebook: Rulebook) -> dict[str, str]:
    """The first of a unit's other names where it is shorter; a sub-district keeps its own."""
    return {
        name: unit.aliases[0]
        for name, unit in rulebook.directory.units.items()
        if unit.kind != "street" and unit.aliases and cell_len(unit.aliases[0]) < cell_len(name)
    }
