"""The timekeeper: rings for every row that is due. Any number may run at the same time."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event

import redis

from models.clock import Now, clock_speed, monotonic
from models.database import Store
from models.operations.bells import DueRows, claim_due, first_bells, mend_bells, ring_again
from models.queries.health import DEFAULT_PATIENCE
from models.store_errors import is_transient, is_unreadable, outage_reason
from workers.broker import Bells

log = logging.getLogger("hotline.timekeeper")

POLL_INTERVAL = 0.05
"""Real seconds between two reads of the store; less where something is known to fall due sooner."""

LATENESS_KEPT = 5.0
"""Real seconds for which the lateness of a ring is reported: longer than between two reports."""

MAX_ROWS_PER_RING = 5_000
MAX_ROWS_OF_ONE_WRITER = 2_000
"""On SQLite everybody waits while rows are claimed."""

RUSH_ROWS, RUSH_LASTS = 1_000, 2.0
"""The rows that make a ring a rush, and the real seconds that a rush lasts after it."""

_LONGEST_PAUSE = 5.0


class Timekeeper:
    """Rings for what is due, until told to stop.

    `lateness` is how long after its time the latest row of the last ring was rung for, in real
    seconds, 0 where nothing has been due for a while. `broker_ok` and `store_ok` say whether the
    last try reached them. `rung` counts rows, `failed` failures to reach the broker or the store.
    """

    def __init__(
        self,
        store: Store,
        bells: Bells,
        now: Now,
        patience: timedelta = DEFAULT_PATIENCE,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._patience = patience
        self._bells = bells
        self._now = now
        self._most = MAX_ROWS_OF_ONE_WRITER if store.has_one_writer else MAX_ROWS_PER_RING
        self.lateness = 0.0
        self._rang_at = 0.0
        self.rung = 0
        self.failed = 0
        self.mended = 0
        self.broker_ok = True
        self.store_ok = True
        self._rushed_at = -RUSH_LASTS
        self._next_at: datetime | None = None

    @property
    def is_rushed(self) -> bool:
        """Whether rows have just been rung for by the thousand: all else had better wait."""
        return self._clock() - self._rushed_at < RUSH_LASTS

    def ring_due(self) -> int:
        """Ring for everything that is due now; returns for how many rows.

        Raises the store's errors; where the broker cannot be reached the rows stay due.
        """
        now = self._now()
        with self._store.reading() as session:
            first = first_bells(session)
        queues = [queue for queue, at in first.items() if at <= now]
        self._next_at = min((at for at in first.values() if at > now), default=None)
        if not queues:
            if self._clock() - self._rang_at > LATENESS_KEPT:
                self.lateness = 0.0
            return 0
        due = DueRows()
        try:
            # the broker is asked outside of any transaction: one that hangs must hold no lock
            capacity = self._bells.free_capacity()
            most = {q: min(capacity[q], self._most) for q in queues if capacity[q]}
            if most:
                with self._store.writing(skip_queue=True) as session:
                    again_at = now + self._patience * clock_speed(self._now)
                    due = claim_due(session, now, again_at, most)
                self._bells.ring(due.ids)
        except redis.RedisError as error:
            self._broker_lost(error)
            if due.count:
                with self._store.writing() as session:
                    ring_again(session, due.ids, self._now())
            return 0
        self._broker_reached()
        if most:
            self._rang_at = self._clock()
            if due.count >= RUSH_ROWS:
                self._rushed_at = self._rang_at
            self.lateness = due.lateness.total_seconds() / clock_speed(self._now)
            self.rung += due.count
        return due.count

    def run(self, stop: Event, on_turn: Callable[[], None]) -> None:
        """Ring until `stop` is set; calls `on_turn` at each turn."""
        pause = POLL_INTERVAL
        while not stop.is_set():
            try:
                rung = self._ring_or_mend()
                self.store_ok = True
                pause = POLL_INTERVAL if self.broker_ok else min(pause * 2, _LONGEST_PAUSE)
                if rung >= self._most:
                    continue
            except Exception as error:
                if not is_transient(error):
                    raise
                if self.store_ok:
                    log.warning("the store cannot be reached: %s", outage_reason(error))
                self.store_ok = False
                self.failed += 1
                pause = min(pause * 2, _LONGEST_PAUSE)
            on_turn()
            stop.wait(min(pause, self._until_next()) if pause == POLL_INTERVAL else pause)

    def _ring_or_mend(self) -> int:
        """Ring; a bell that something else has written over keeps no others from being rung."""
        try:
            return self.ring_due()
        except Exception as error:
            if not is_unreadable(error):
                raise
            with self._store.writing() as session:
                mended = mend_bells(session, self._now())
        if mended:  # another timekeeper may have been first
            log.error("bells that could not be read are set anew: %d", mended)
        self.mended += mended
        return self.ring_due()

    def _until_next(self) -> float:
        """Return the real seconds until something falls due, as far as the last read knows."""
        if self._next_at is None:
            return POLL_INTERVAL
        left = (self._next_at - self._now()).total_seconds() / clock_speed(self._now)
        return max(0.0, left)

    def _broker_reached(self) -> None:
        if not self.broker_ok:
            log.warning("the broker is back")
        self.broker_ok = True

    def _broker_lost(self, error: redis.RedisError) -> None:
        if self.broker_ok:
            log.warning("the broker cannot be reached: %s", self._bells.fault(error))
        self.broker_ok = False
        self.failed += 1
