"""What a screen asks to be read of the store, and what was read at one moment."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from models.queries.claims import Claim
from models.queries.coming_days import ComingDay
from models.queries.desk_work import DeskItem
from models.queries.detail import TicketDetail
from models.queries.event_counts import DailyCounts, HourlyCounts
from models.queries.failures import Failures
from models.queries.health import Health
from models.queries.message_answers import MessageAnswer, MessageKey
from models.queries.overview import Card, Counters, UnitLoad
from models.queries.owed_calls import OwedCalls
from models.queries.queue_depths import QueueRow
from models.queries.shift_notes import Handover
from models.queries.ticket_list import TicketPage
from models.queries.ticket_order import QUEUE_ORDER, TicketOrder
from models.queries.units import UnitRates
from models.rules.explain import Explanation
from monitor.filters import Filter
from monitor.formatting import DEFAULT_OFFICE, OfficeCalendar
from monitor.ticket_pages import Look, Viewport

KEPT_FOR = 5.0
"""Seconds of the service's clock for which what nobody has changed is neither read nor drawn."""


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """The parts of a snapshot that a screen shows; the others are not read.

    `who` is whoever looks, as the logs name them: their claims are `mine` in a filter.

    With `preview` the ticket is the one at the viewport's cursor, whichever that is by now.
    """

    curve: bool = False
    history: bool = False
    days: bool = False
    handover: bool = False
    rates: bool = False
    calls: str | None = None
    work: str | None = None
    queues: bool = False
    failures: bool = False
    answers: tuple[MessageKey, ...] = ()
    who: str = ""
    filter: Filter = field(default_factory=Filter)
    order: TicketOrder = QUEUE_ORDER
    viewport: Viewport | None = None
    selected: tuple[str, ...] = ()
    ticket: str | None = None
    preview: bool = False


@dataclass(frozen=True, slots=True)
class DeskWork:
    """The number of each kind of the desk's work, and what waits of one kind."""

    counts: dict[str, int]
    kind: str
    items: tuple[DeskItem, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The store at one moment. `at` is by the service's clock, `wall` by the system's.

    `look` says which list the `page` is of; `left` are those of the selected tickets that have left
    it.
    """

    at: datetime
    wall: datetime
    district: str = ""
    office: OfficeCalendar = DEFAULT_OFFICE
    short_names: dict[str, str] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    health: Health = field(default_factory=Health)
    units: tuple[UnitLoad, ...] = ()
    cards: tuple[Card, ...] = ()
    newest_red: datetime | None = None
    curve: HourlyCounts = field(default_factory=HourlyCounts)
    history: DailyCounts = field(default_factory=DailyCounts)
    days: tuple[ComingDay, ...] = ()
    handover: Handover | None = None
    rates: dict[str, UnitRates] = field(default_factory=dict)
    calls: OwedCalls | None = None
    work: DeskWork | None = None
    queues: tuple[QueueRow, ...] = ()
    failures: Failures | None = None
    answers: dict[MessageKey, MessageAnswer] = field(default_factory=dict)
    page: TicketPage | None = None
    look: Look | None = None
    left: frozenset[str] = frozenset()
    detail: TicketDetail | None = None
    explanation: Explanation | None = None
    broker: bool | None = None

    def looks_like(self, older: Self) -> bool:
        """Return whether a screen need not be drawn again that shows an older snapshot.

        What is left of a term is told in minutes: it stays so for a few seconds. Only the queues'
        screen tells of the processes.
        """
        if self.queues or abs(self.at - older.at) >= timedelta(seconds=KEPT_FOR):
            return False
        health = replace(self.health, processes=older.health.processes)
        as_then = replace(self, at=older.at, wall=older.wall, broker=older.broker, health=health)
        return as_then == older
