"""One look at the store: everything that a screen shows, from one reading transaction."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Thread
from typing import TypeVar

from rich.cells import cell_len
from sqlalchemy.exc import SQLAlchemyError

from models.clock import Now
from models.database import Session, Store
from models.errors import HotlineError
from models.queries.detail import Detail, detail
from models.queries.health import Health, health
from models.queries.listing import Page, listing, position
from models.queries.log import TicketNotFound
from models.queries.overview import Counters, Overview, counters, overview
from models.queries.rulebook import Rulebook, Rulebooks
from models.rules.explain import Explained, deciding, explain
from models.rules.policy import in_force
from monitor.filters import Filter
from monitor.present import STANDARD, Office
from monitor.widgets.tickets import Place

T = TypeVar("T")

OUTAGES = (SQLAlchemyError, OSError, HotlineError)
"""What a store can fail with while nothing is wrong with the monitor."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a screen wants to show; what it leaves out is not read."""

    overview: bool = False
    filter: Filter = field(default_factory=Filter)
    place: Place | None = None
    ticket: str | None = None


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
    overview: Overview | None = None
    page: Page | None = None
    detail: Detail | None = None
    explained: Explained | None = None
    broker: bool | None = None


class Reader:
    """Reads what a screen asks for; used by one thread at a time."""

    def __init__(
        self, store: Store, now: Now, wall: Now, broker_ok: Callable[[], bool] | None = None
    ) -> None:
        self._store = store
        self._now = now
        self._wall = wall
        self._broker_ok = broker_ok
        self._rulebooks = Rulebooks()

    def read(self, request: Request) -> Snapshot:
        """A snapshot of the present; raises one of OUTAGES where the store cannot be read."""
        now = self._now()
        with self._store.reading() as session:
            rulebook = self._rulebooks.current(session)
            office, district = _office(rulebook, now)
            whole = overview(session, now) if request.overview else None
            found, why = self._ticket(session, request.ticket, rulebook)
            return Snapshot(
                at=now,
                wall=self._wall(),
                district=district,
                office=office,
                short=_short_names(rulebook),
                counters=whole.counters if whole else counters(session, now),
                health=health(session, now),
                overview=whole,
                page=_page(session, request, now, office),
                detail=found,
                explained=why,
                broker=self._broker_ok() if self._broker_ok else None,
            )

    @staticmethod
    def _ticket(
        session: Session, number: str | None, rulebook: Rulebook
    ) -> tuple[Detail | None, Explained | None]:
        if number is None:
            return None, None
        try:
            found = detail(session, number)
        except TicketNotFound:
            return None, None
        clock = deciding(found.state)
        if clock is None or found.policy_id is None:
            return found, None
        return found, explain(clock, found.state, rulebook.stage_for(found.policy_id))


def _page(session: Session, request: Request, now: datetime, office: Office) -> Page | None:
    if (place := request.place) is None:
        return None
    wanted = request.filter.at(now, office)
    first = place.first
    if place.follow is not None:
        at = position(session, wanted, place.follow)
        if at is not None:
            first = max(0, at - place.row)
    # as much again above and below, so that a page up or down is there at once
    return listing(session, wanted, offset=max(0, first - place.seen), limit=3 * place.seen)


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


async def in_background(work: Callable[[], T]) -> T:
    """Do the work in a thread that nobody waits for at the end.

    The threads of an executor are joined when the program ends: with a database that does not
    answer, the operator's `q` would hang.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, wrong: BaseException | None) -> None:
        if future.cancelled():
            return
        if wrong is not None:
            future.set_exception(wrong)
        else:
            future.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value, failed = None, None
        try:
            value = work()
        except BaseException as wrong:
            failed = wrong
        # the loop may have been closed while the work was done
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, value, failed)

    Thread(target=run, daemon=True, name="hotline-read").start()
    return await future
