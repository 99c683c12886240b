"""The actors: row ids in, one operation, its rows rung for again where another worker held them."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from sqlalchemy import select
from structlog.contextvars import bind_contextvars, clear_contextvars

from models.clock import Now, clock_speed
from models.database import Session, Store, is_transient
from models.errors import describe_safely
from models.i18n import lazy
from models.operations.advance import advance
from models.operations.bells import ring_again
from models.operations.ticket_work import refuse_waiting
from models.rulebook import RulebookCache
from models.rules.queues import DELIVERY, EMERGENCY, ESCALATION, QUEUES
from models.security.encryption import KeyUnusable
from models.tables.core import INBOX, TICKET
from models.tables.inbox import WAITING
from workers.broker import TIME_LIMIT_MS, actor_name, max_ids_per_bell
from workers.notices.dispatcher import NoticeDispatcher

log = logging.getLogger("hotline.worker")

_SOON = timedelta(seconds=0.2)
"""Real time after which rows that another worker held are rung for again."""

_PRIORITIES = {EMERGENCY: 0, ESCALATION: 5, DELIVERY: 20}
"""Among the bells that a worker has fetched: emergencies first, then clocks, notices last."""


class QueueCounters:
    """How many rows of each queue have been dealt with, and how many failed; for any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._dealt: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()

    def add(self, dealt: Mapping[str, int], failed: Mapping[str, int]) -> None:
        """Count these too."""
        with self._lock:
            self._dealt.update(dealt)
            self._failed.update(failed)

    def take(self) -> tuple[Counter[str], Counter[str]]:
        """What was dealt with and what failed since this was last asked."""
        with self._lock:
            taken = self._dealt, self._failed
            self._dealt, self._failed = Counter(), Counter()
            return taken


@dataclass
class WorkerContext:
    """What a worker works with: the store, the time, the post room that sends notices."""

    store: Store
    now: Now
    dispatcher: NoticeDispatcher
    rulebooks: RulebookCache = field(default_factory=RulebookCache)
    doing: str = ""
    done: int = 0
    failed: int = 0
    counters: QueueCounters = field(default_factory=QueueCounters)


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
        declare(_answering(context, queue, _deliver if queue == DELIVERY else _carry_on))
    # nothing is delayed in the broker; a worker would ask for each of these twenty times a second
    broker.delay_queues.clear()


_LARGEST_ID = 2**63 - 1
_IDS_TOLD = 20

Work = Callable[[WorkerContext, str, Sequence[int]], int]


def _answering(context: WorkerContext, queue: str, work: Work) -> Callable[..., None]:
    def answer(*given: object, **more: object) -> None:
        # whoever reaches the broker can put a message there: it may name rows, and nothing else
        if (ids := _row_ids(queue, given)) is None or more:
            context.failed += 1
            log.warning("refused a bell that does not carry row ids", extra={"queue": queue})
            return
        context.doing = f"{queue} {len(ids)}"
        bind_contextvars(queue=queue, rows=ids[:_IDS_TOLD], of=len(ids))
        try:
            done = work(context, queue, ids)
            context.done += done
            log.info("answered", extra={"done": done})
        except Exception as wrong:
            # the rows are rung for again by the timekeeper; what went wrong is told without data
            context.failed += 1
            context.counters.add({}, {queue: 1})
            if is_transient(wrong):
                log.warning("the store was busy or away (%s)", type(wrong).__name__)
            elif isinstance(wrong, KeyUnusable):
                log.error("%s", wrong)
            else:
                log.error("failed: %s", describe_safely(wrong))
        finally:
            clear_contextvars()
            context.doing = ""

    return answer


def _row_ids(queue: str, given: Sequence[object]) -> list[int] | None:
    match given:
        case [list(ids)] if len(ids) <= max_ids_per_bell(queue):
            if all(type(i) is int and 0 < i <= _LARGEST_ID for i in ids):
                return ids
    return None


def _carry_on(context: WorkerContext, queue: str, ids: Sequence[int]) -> int:
    with context.store.reading() as session:
        numbers = _numbers(session, queue, ids)
    size = context.store.batch_size
    parts = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    return sum(_carry_on_some(context, queue, part) for part in parts)


def _carry_on_some(context: WorkerContext, queue: str, numbers: Sequence[str]) -> int:
    try:
        return _advance(context, queue, numbers)
    except Exception as wrong:
        if _may_pass(wrong):
            raise
        log.error("the batch failed: %s", describe_safely(wrong), extra={"tickets": len(numbers)})
    done = 0
    for number in numbers:
        try:
            done += _advance(context, queue, [number])
        except Exception as wrong:
            if _may_pass(wrong):
                raise
            # one ticket that no rule can carry on must not hold up the others
            context.failed += 1
            context.counters.add({}, {queue: 1})
            what = {"ticket": number}
            log.error("ticket set aside: %s", describe_safely(wrong), extra=what)
            with context.store.writing() as session:
                why = lazy("could not be processed: {error}", error=describe_safely(wrong))
                refuse_waiting(session, number, why)
    return done


def _may_pass(wrong: Exception) -> bool:
    """Whether the tickets are not to blame: the store is away, or a key file has not come yet."""
    return is_transient(wrong) or isinstance(wrong, KeyUnusable)


def _numbers(session: Session, queue: str, ids: Sequence[int]) -> Sequence[str]:
    if queue == ESCALATION:
        found = select(TICKET.c.number).where(session.is_in(TICKET.c.id, ids))
        return session.scalars(found).all()
    found = select(INBOX.c.ticket).where(session.is_in(INBOX.c.id, ids), INBOX.c.state == WAITING)
    return session.scalars(found.distinct()).all()


def _ids(session: Session, queue: str, numbers: Sequence[str]) -> list[int]:
    """What a bell of this queue would carry for these tickets."""
    if queue == ESCALATION:
        found = select(TICKET.c.id).where(session.is_in(TICKET.c.number, numbers))
    else:
        waits = session.is_in(INBOX.c.ticket, numbers) & (INBOX.c.state == WAITING)
        found = select(INBOX.c.id).where(waits, INBOX.c.queue == queue)
    return list(session.scalars(found))


def _advance(context: WorkerContext, queue: str, numbers: Sequence[str]) -> int:
    if not numbers:
        return 0
    with context.store.writing(skip_queue=queue == EMERGENCY) as session:
        now = context.now()
        result = advance(session, numbers, context.rulebooks.current(session), now)
        if result.skipped:
            again_at = now + _SOON * clock_speed(context.now)
            ring_again(session, {queue: _ids(session, queue, result.skipped)}, again_at)
    moments = {queue: result.tickets} if queue == ESCALATION else {}
    context.counters.add(result.by_queue + Counter(moments), result.refused_by_queue)
    return result.tickets


def _deliver(context: WorkerContext, _queue: str, ids: Sequence[int]) -> int:
    size = context.store.batch_size
    for start in range(0, len(ids), size):
        context.dispatcher.deliver(ids[start : start + size])
    return len(ids)
