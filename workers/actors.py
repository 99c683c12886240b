"""The actors: each takes row ids and calls one operation.

Bells of rows that another worker held are rung again a little later. An actor never raises: an
error is logged without its text, which may quote a citizen, and the timekeeper rings again.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
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
from models.operations.refold import ForgedLog, MessagesGone
from models.operations.ticket_work import (
    ForgedEnd,
    ForgedTicket,
    goes_on_after_end,
    has_forged_row,
    quarantine,
    read_waiting_alone,
    refuse_rows,
    refuse_waiting,
    waiting_ids,
)
from models.queries.bell_rows import rows_of_tickets, tickets_of_rows
from models.queries.inbox_rows import ForgedMessage
from models.queries.own_tables import ForgedTable
from models.rulebook import Rulebook, RulebookCache, RulebookUnusable, hold_rulebook
from models.rules.limits import LOGGED_IDS
from models.rules.queues import DELIVERY, EMERGENCY, ESCALATION, QUEUES
from models.rules.routing.directory import Directory
from models.schema import WrongSchema
from models.security.encryption import KeyUnusable
from models.store_errors import is_transient, is_unreadable, outage_reason
from workers.broker import TIME_LIMIT_MS, actor_name, max_ids_per_bell
from workers.halving import by_halves, is_nobodys_fault
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
        elif isinstance(error, (KeyUnusable, ForgedTable, RulebookUnusable, WrongSchema)):
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
        context.dispatcher.postpone(row, error)

    for part in _parts(ids, context.store.batch_size):
        # nothing is sent before all have been read with what recording them needs
        for routed in by_halves(part, context.dispatcher.route, notice_failed):
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
            if is_nobodys_fault(error):
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
    without_key = dict[str, KeyUnusable]()

    def ticket_failed(number: str, error: Exception) -> None:
        context.count_failure(queue)
        if isinstance(error, KeyUnusable):
            # its key file has yet to come: it is rung for again
            without_key[number] = error
        else:
            _ticket_failed(context, queue, number, error)

    done = sum(by_halves(numbers, partial(_advance, context, queue), ticket_failed))
    if without_key:
        number, error = next(iter(without_key.items()))
        log.error("tickets wait: %s", error, extra={"ticket": number, "of": len(without_key)})
    return done


def _ticket_failed(context: WorkerContext, queue: str, number: str, error: Exception) -> None:
    """Refuse what waits for a ticket that no rule can carry on.

    Where some of what waits cannot be read, only that is refused; where the ticket itself is not as
    the service left it, all of it waits, and so do its levels: nobody knows what it would change.
    """
    with context.store.reading() as session:
        # by a rulebook that cannot be had nobody is judged
        directory = context.rulebooks.current(session).directory
        waiting = waiting_ids(session, number)
        unreadable = [row for row in waiting if not _is_readable(session, row, directory)]
        if has_forged_row(session, number):
            # its messages are not to blame
            error, unreadable = ForgedTicket(number), []
        elif goes_on_after_end(session, number):
            # its next line cannot be written
            error, unreadable = ForgedEnd(number), []
        is_of_ticket = not unreadable and _is_of_ticket(error, waiting)
    if is_of_ticket:
        _quarantine(context, queue, number, error)
        return
    described = describe_safely(error)
    log.error("ticket set aside: %s", described, extra={"ticket": number})
    why = lazy("could not be processed: {error}", error=described)
    with context.store.writing() as session:
        if unreadable:
            refuse_rows(session, unreadable, why)
        else:
            refuse_waiting(session, number, why)


def _is_of_ticket(error: Exception, waiting: Collection[int]) -> bool:
    """Return whether a ticket, its log or what it had before is to blame, and nothing that waits.

    What waits can be read.
    """
    if isinstance(error, ForgedMessage):
        return error.row_id not in waiting
    of_ticket = ForgedEnd, ForgedLog, ForgedTicket, MessagesGone
    return isinstance(error, of_ticket) or is_unreadable(error)


def _is_readable(session: Session, row: int, directory: Directory) -> bool:
    try:
        read_waiting_alone(session, row, directory)
    except Exception as error:
        if is_nobodys_fault(error):
            raise
        return isinstance(error, KeyUnusable)
    return True


def _quarantine(context: WorkerContext, queue: str, number: str, why: Exception) -> None:
    """Let what waits for a ticket wait until that is what it was; it is looked at again."""
    log.error("ticket quarantined: %s", outage_reason(why), extra={"ticket": number})
    with context.store.writing() as session:
        quarantine(session, number, context.now())
        _ring_later(context, session, queue, rows_of_tickets(session, queue, [number]))


def _ring_later(context: WorkerContext, session: Session, queue: str, rows: Sequence[int]) -> None:
    later = context.now() + _LATER * clock_speed(context.now)
    ring_again(session, {queue: rows}, later)


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
