"""The actors: each takes row ids and calls one operation.

Bells of rows that another worker held are rung again a little later. An actor never raises: an
error is logged without its text, which may quote a citizen, and the timekeeper rings again.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Lock
from typing import Protocol, TypeVar

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from models.clock import Now, clock_speed
from models.database import Session, Store
from models.errors import describe_safely
from models.i18n import lazy
from models.operations.advance import advance, prepare
from models.operations.bells import ring_again
from models.operations.raise_levels import KnownLevels, prepare_levels, raise_levels
from models.operations.ticket_work import (
    ForgedTicket,
    has_forged_row,
    quarantine,
    read_waiting_alone,
    refuse_rows,
    refuse_waiting,
    waiting_ids,
)
from models.queries.bell_rows import rows_of_tickets, tickets_of_rows
from models.queries.own_tables import ForgedTable
from models.rulebook import Rulebook, RulebookCache, hold_rulebook
from models.rules.limits import LOGGED_IDS
from models.rules.queues import DELIVERY, EMERGENCY, ESCALATION, QUEUES
from models.schema import WrongSchema
from models.security.encryption import KeyUnusable
from models.store_errors import is_store_fault, is_transient, outage_reason
from workers.broker import TIME_LIMIT_MS, actor_name, max_ids_per_bell
from workers.log_context import logging_about
from workers.notices.dispatcher import NoticeDispatcher

log = logging.getLogger("hotline.worker")

_SOON = timedelta(seconds=0.2)
"""Real time after which bells of rows that another worker held are rung again."""

_LATER = timedelta(minutes=10)
"""Real time after which a ticket that was quarantined is looked at again."""

_PRIORITIES = {EMERGENCY: 0, ESCALATION: 5, DELIVERY: 20}
"""Among the bells that a worker has fetched: emergencies first, then clocks, notices last."""

_MAX_ID = 2**63 - 1


class QueueCounters:
    """Counts for each queue the rows that were processed and those that failed; thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._processed: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()

    def add(self, processed: Mapping[str, int], failed: Mapping[str, int]) -> None:
        """Add to the counts, by queue."""
        with self._lock:
            self._processed.update(processed)
            self._failed.update(failed)

    def take(self) -> tuple[Counter[str], Counter[str]]:
        """Return what was processed and what failed, and begin again at zero."""
        with self._lock:
            taken = self._processed, self._failed
            self._processed, self._failed = Counter(), Counter()
            return taken


@dataclass
class WorkerContext:
    """The state that the actors of a worker share: store, time, dispatcher, and counts.

    `doing` is what is being answered now, `done` and `failed` count since the worker's start.
    """

    store: Store
    now: Now
    dispatcher: NoticeDispatcher
    rulebooks: RulebookCache = field(default_factory=RulebookCache)
    known_levels: KnownLevels = field(default_factory=KnownLevels)
    doing: str = ""
    done: int = 0
    failed: int = 0
    counters: QueueCounters = field(default_factory=QueueCounters)

    def count_failure(self, queue: str) -> None:
        """Count a bell that could not be answered, or a ticket whose messages were refused."""
        self.failed += 1
        self.counters.add({}, {queue: 1})


_T = TypeVar("_T")
_R = TypeVar("_R")
_Prepared_co = TypeVar("_Prepared_co", covariant=True)

Work = Callable[[WorkerContext, str, Sequence[int]], int]
"""Takes the queue and the row ids of a bell; returns how much was done."""


def register_actors(
    broker: RedisBroker, context: WorkerContext, queues: Sequence[str] = QUEUES
) -> None:
    """Declare the actors of these queues to the broker; an emergency's come first (3.4)."""
    for queue in queues:
        declare = dramatiq.actor(
            actor_name=actor_name(queue),
            queue_name=queue,
            broker=broker,
            priority=_PRIORITIES.get(queue, 10),
            time_limit=TIME_LIMIT_MS,
        )
        declare(_actor(context, queue, dispatch_batch if queue == DELIVERY else _advance_rows))
    # nothing is delayed in the broker; a worker would ask for each of these twenty times a second
    broker.delay_queues.clear()


def _actor(context: WorkerContext, queue: str, work: Work) -> Callable[..., None]:
    def answer(*args: object, **kwargs: object) -> None:
        ids = _row_ids(queue, args)
        if ids is None or kwargs:
            context.failed += 1
            log.warning("refused a bell that does not carry row ids", extra={"queue": queue})
            return
        context.doing = f"{queue} {len(ids)}"
        try:
            with logging_about(queue=queue, rows=ids[:LOGGED_IDS], of=len(ids)):
                _answer(context, queue, ids, work)
        finally:
            context.doing = ""

    return answer


def _answer(context: WorkerContext, queue: str, ids: Sequence[int], work: Work) -> None:
    """Do the work of one bell; the only place where its errors end."""
    try:
        done = work(context, queue, ids)
    except Exception as error:
        context.count_failure(queue)
        if is_transient(error):
            log.warning("the store was busy or away: %s", outage_reason(error))
        elif isinstance(error, (KeyUnusable, ForgedTable, WrongSchema)):
            log.error("%s", error)
        else:
            log.error("failed: %s", describe_safely(error))
    else:
        context.done += done
        log.info("answered", extra={"done": done})


def _row_ids(queue: str, args: Sequence[object]) -> list[int] | None:
    """Return the row ids of a bell, or None where it carries anything else.

    Whoever reaches the broker can put a message there: it may name rows, and nothing more.
    """
    match args:
        case [list(ids)] if len(ids) <= max_ids_per_bell(queue):
            if all(type(i) is int and 0 < i <= _MAX_ID for i in ids):
                return ids
    return None


def dispatch_batch(context: WorkerContext, queue: str, ids: Sequence[int]) -> int:
    """Send notices; one that cannot be read is left for later, and the others go out."""

    def notice_failed(row: int, error: Exception) -> None:
        context.count_failure(queue)
        log.error("notice set aside: %s", describe_safely(error), extra={"row": row})
        with context.store.writing() as session:
            _ring_later(context, session, queue, [row])

    for part in _parts(ids, context.store.batch_size):
        # nothing is sent before all are read: so none goes out twice
        for routed in _together(part, context.dispatcher.route, notice_failed):
            context.dispatcher.send(routed)
    return len(ids)


def _advance_rows(context: WorkerContext, queue: str, ids: Sequence[int]) -> int:
    if queue == ESCALATION:
        others = _raise_levels(context, ids)
        raised = len(ids) - len(others)
        context.counters.add({queue: raised}, {})
        return raised + _advance_tickets(context, queue, others)
    return _advance_tickets(context, queue, ids)


def _raise_levels(context: WorkerContext, tickets: Sequence[int]) -> list[int]:
    """Raise the levels of tickets that merely reach one; returns the others."""
    others = []
    for part in _parts(tickets, context.store.batch_size):
        prepared = _ahead(context, partial(prepare_levels, ids=part, known=context.known_levels))
        try:
            with context.store.writing() as session:
                hold_rulebook(session)
                rulebook = context.rulebooks.current(session)
                now = context.now()
                others += raise_levels(session, part, rulebook, now, context.known_levels, prepared)
        except Exception as error:
            if _is_nobodys_fault(error):
                raise
            # whatever it is, one of them alone has it
            log.error("the batch failed: %s", describe_safely(error), extra={"tickets": len(part)})
            others += part
    return others


def _advance_tickets(context: WorkerContext, queue: str, ids: Sequence[int]) -> int:
    if not ids:
        return 0
    with context.store.reading() as session:
        numbers = tickets_of_rows(session, queue, ids)
    parts = _parts(numbers, context.store.batch_size)
    return sum(advance_batch(context, queue, part) for part in parts)


def advance_batch(context: WorkerContext, queue: str, numbers: Sequence[str]) -> int:
    """Advance tickets together, and refuse what waits for one that cannot be."""
    failed = partial(_ticket_failed, context, queue)
    return sum(_together(numbers, partial(_advance, context, queue), failed))


def _ticket_failed(context: WorkerContext, queue: str, number: str, error: Exception) -> None:
    """Refuse what waits for a ticket that no rule can carry on; one with a forged row waits.

    Where some of what waits cannot be read, only that is refused.
    """
    context.count_failure(queue)
    if isinstance(error, KeyUnusable):
        # its key file has yet to come: it is rung for again
        log.error("ticket waits: %s", error, extra={"ticket": number})
        return
    with context.store.reading() as session:
        # where its row cannot be read its messages are not to blame
        is_forged = isinstance(error, ForgedTicket) or has_forged_row(session, number)
    if is_forged:
        _quarantine(context, queue, number)
        return
    described = describe_safely(error)
    log.error("ticket set aside: %s", described, extra={"ticket": number})
    why = lazy("could not be processed: {error}", error=described)
    with context.store.writing() as session:
        waiting = waiting_ids(session, number)
        if unreadable := [row for row in waiting if not _is_readable(context, session, row)]:
            refuse_rows(session, unreadable, why)
        else:
            refuse_waiting(session, number, why)


def _is_readable(context: WorkerContext, session: Session, row_id: int) -> bool:
    try:
        read_waiting_alone(session, row_id, context.rulebooks.current(session).directory)
    except Exception as error:
        if _is_nobodys_fault(error):
            raise
        return isinstance(error, KeyUnusable)
    return True


def _quarantine(context: WorkerContext, queue: str, number: str) -> None:
    """Let what waits for a ticket wait until its row is what it was; it is looked at again."""
    log.error("ticket quarantined: %s", ForgedTicket(number), extra={"ticket": number})
    with context.store.writing() as session:
        quarantine(session, number, context.now())
        _ring_later(context, session, queue, rows_of_tickets(session, queue, [number]))


def _ring_later(context: WorkerContext, session: Session, queue: str, rows: Sequence[int]) -> None:
    later = context.now() + _LATER * clock_speed(context.now)
    ring_again(session, {queue: rows}, later)


def _together(
    items: Sequence[_T],
    work: Callable[[Sequence[_T]], _R],
    on_failure: Callable[[_T, Exception], None],
    *,
    is_half: bool = False,
) -> list[_R]:
    """Do the work of a batch; where that fails, by halves, down to single items.

    `on_failure` is called with each that fails alone, twice. Returns what came of each part. Raises
    what is nobody's fault.
    """
    try:
        return [work(items)]
    except Exception as error:
        if _is_nobodys_fault(error):
            raise
        if not is_half:
            described = describe_safely(error)
            log.error("the batch failed: %s", described, extra={"of": len(items)})
    if len(items) > 1:
        # the others are together again soon: one by one they would hold up clocks for seconds
        middle = len(items) // 2
        halves = items[:middle], items[middle:]
        return [done for h in halves for done in _together(h, work, on_failure, is_half=True)]
    try:
        return [work(items)]
    except Exception as error:
        if _is_nobodys_fault(error):
            raise
        on_failure(items[0], error)
        return []


def _is_nobodys_fault(error: Exception) -> bool:
    """Return whether no ticket is to blame.

    The store is away or newer than this program, or the rulebook is not the service's.
    """
    return is_store_fault(error) or isinstance(error, (ForgedTable, WrongSchema))


def _advance(context: WorkerContext, queue: str, numbers: Sequence[str]) -> int:
    """Advance tickets in one transaction; returns how many, without those that are held."""
    if not numbers:
        return 0
    prepared = _ahead(context, partial(prepare, numbers=sorted(set(numbers))))
    with context.store.writing(skip_queue=queue == EMERGENCY) as session:
        hold_rulebook(session)
        rulebook = context.rulebooks.current(session)
        now = context.now()
        result = advance(session, numbers, rulebook, now, prepared)
        if result.skipped:
            again_at = now + _SOON * clock_speed(context.now)
            rows = rows_of_tickets(session, queue, result.skipped)
            ring_again(session, {queue: rows}, again_at)
    moments = {queue: result.tickets} if queue == ESCALATION else {}
    context.counters.add(result.by_queue + Counter(moments), result.refused_by_queue)
    return result.tickets


class _Prepare(Protocol[_Prepared_co]):
    """Computes in a session, by this rulebook and for this moment, what is to be written."""

    def __call__(self, session: Session, *, rulebook: Rulebook, now: datetime) -> _Prepared_co: ...


def _ahead(context: WorkerContext, prepare: _Prepare[_Prepared_co]) -> _Prepared_co | None:
    """Prepare what is to be written before the store is locked, so that others write meanwhile.

    None where several may write, and where it fails, whatever the error: it is met again, and told,
    when the same is done with the lock.
    """
    if not context.store.has_one_writer:
        return None
    try:
        with context.store.reading() as session:
            return prepare(session, rulebook=context.rulebooks.current(session), now=context.now())
    except Exception:
        return None


def _parts(items: Sequence[_T], size: int) -> list[Sequence[_T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
