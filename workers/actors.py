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

from models.clock import Now, speed_of
from models.database import Session, Store, is_busy
from models.errors import told_safely
from models.labels import say
from models.operations.advance import advance
from models.operations.cases import set_aside
from models.operations.ringing import ring_again
from models.queries.rulebook import Rulebooks
from models.rules.queues import DELIVERY, EMERGENCY, ESCALATION, QUEUES
from models.sealing import KeyWrong
from models.tables.core import INBOX, TICKET
from models.tables.inbox import WAITING
from workers.broker import TIME_LIMIT_MS, actor_of, ids_in_a_bell
from workers.channels.post import Post

log = logging.getLogger("hotline.worker")

_SOON = timedelta(seconds=0.2)
"""Real time after which rows that another worker held are rung for again."""

_PRIORITIES = {EMERGENCY: 0, ESCALATION: 5, DELIVERY: 20}
"""Among the bells that a worker has fetched: emergencies first, then clocks, notices last."""


class Tally:
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
class Desk:
    """What a worker works with: the store, the time, the post room that sends notices."""

    store: Store
    now: Now
    post: Post
    rulebooks: Rulebooks = field(default_factory=Rulebooks)
    doing: str = ""
    done: int = 0
    failed: int = 0
    tally: Tally = field(default_factory=Tally)


def register(broker: RedisBroker, desk: Desk, queues: Sequence[str] = QUEUES) -> None:
    """Declare the actors of these queues to the broker; an emergency's come first (3.4)."""
    for queue in queues:
        declare = dramatiq.actor(
            actor_name=actor_of(queue),
            queue_name=queue,
            broker=broker,
            priority=_PRIORITIES.get(queue, 10),
            time_limit=TIME_LIMIT_MS,
        )
        declare(_answering(desk, queue, _deliver if queue == DELIVERY else _carry_on))
    # nothing is delayed in the broker; a worker would ask for each of these twenty times a second
    broker.delay_queues.clear()


_LARGEST_ID = 2**63 - 1
_IDS_TOLD = 20

Work = Callable[[Desk, str, Sequence[int]], int]


def _answering(desk: Desk, queue: str, work: Work) -> Callable[..., None]:
    def answer(*given: object, **more: object) -> None:
        # whoever reaches the broker can put a message there: it may name rows, and nothing else
        if (ids := _row_ids(queue, given)) is None or more:
            desk.failed += 1
            log.warning("refused a bell that does not carry row ids", extra={"queue": queue})
            return
        desk.doing = f"{queue} {len(ids)}"
        bind_contextvars(queue=queue, rows=ids[:_IDS_TOLD], of=len(ids))
        try:
            done = work(desk, queue, ids)
            desk.done += done
            log.info("answered", extra={"done": done})
        except Exception as wrong:
            # the rows are rung for again by the timekeeper; what went wrong is told without data
            desk.failed += 1
            desk.tally.add({}, {queue: 1})
            if is_busy(wrong):
                log.warning("the store was busy or away (%s)", type(wrong).__name__)
            elif isinstance(wrong, KeyWrong):
                log.error("%s", wrong)
            else:
                log.error("failed: %s", told_safely(wrong))
        finally:
            clear_contextvars()
            desk.doing = ""

    return answer


def _row_ids(queue: str, given: Sequence[object]) -> list[int] | None:
    match given:
        case [list(ids)] if len(ids) <= ids_in_a_bell(queue):
            if all(type(i) is int and 0 < i <= _LARGEST_ID for i in ids):
                return ids
    return None


def _carry_on(desk: Desk, queue: str, ids: Sequence[int]) -> int:
    with desk.store.reading() as session:
        numbers = _numbers(session, queue, ids)
    size = desk.store.at_once
    parts = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    return sum(_carry_on_some(desk, queue, part) for part in parts)


def _carry_on_some(desk: Desk, queue: str, numbers: Sequence[str]) -> int:
    try:
        return _advance(desk, queue, numbers)
    except Exception as wrong:
        if _may_pass(wrong):
            raise
        log.error("the batch failed: %s", told_safely(wrong), extra={"tickets": len(numbers)})
    done = 0
    for number in numbers:
        try:
            done += _advance(desk, queue, [number])
        except Exception as wrong:
            if _may_pass(wrong):
                raise
            # one ticket that no rule can carry on must not hold up the others
            desk.failed += 1
            desk.tally.add({}, {queue: 1})
            what = {"ticket": number}
            log.error("ticket set aside: %s", told_safely(wrong), extra=what)
            with desk.store.writing() as session:
                why = say("could not be processed: {error}", error=told_safely(wrong))
                set_aside(session, number, why)
    return done


def _may_pass(wrong: Exception) -> bool:
    """Whether the tickets are not to blame: the store is away, or a key file has not come yet."""
    return is_busy(wrong) or isinstance(wrong, KeyWrong)


def _numbers(session: Session, queue: str, ids: Sequence[int]) -> Sequence[str]:
    if queue == ESCALATION:
        found = select(TICKET.c.number).where(session.among(TICKET.c.id, ids))
        return session.scalars(found).all()
    found = select(INBOX.c.ticket).where(session.among(INBOX.c.id, ids), INBOX.c.state == WAITING)
    return session.scalars(found.distinct()).all()


def _ids(session: Session, queue: str, numbers: Sequence[str]) -> list[int]:
    """What a bell of this queue would carry for these tickets."""
    if queue == ESCALATION:
        found = select(TICKET.c.id).where(session.among(TICKET.c.number, numbers))
    else:
        waits = session.among(INBOX.c.ticket, numbers) & (INBOX.c.state == WAITING)
        found = select(INBOX.c.id).where(waits, INBOX.c.queue == queue)
    return list(session.scalars(found))


def _advance(desk: Desk, queue: str, numbers: Sequence[str]) -> int:
    if not numbers:
        return 0
    with desk.store.writing(soon=queue == EMERGENCY) as session:
        now = desk.now()
        result = advance(session, numbers, desk.rulebooks.current(session), now)
        if result.skipped:
            again_at = now + _SOON * speed_of(desk.now)
            ring_again(session, {queue: _ids(session, queue, result.skipped)}, again_at)
    moments = {queue: result.tickets} if queue == ESCALATION else {}
    desk.tally.add(result.by_queue + Counter(moments), result.refused_by_queue)
    return result.tickets


def _deliver(desk: Desk, _queue: str, ids: Sequence[int]) -> int:
    size = desk.store.at_once
    for start in range(0, len(ids), size):
        desk.post.deliver(ids[start : start + size])
    return len(ids)
