"""Periodic side jobs of workers and timekeepers: samples, pruning, missing bells and more."""

import logging
from collections.abc import Callable
from copy import copy
from datetime import datetime

import redis

from models.clock import Now, clock_speed, monotonic, system_clock
from models.database import Store
from models.operations.bells import has_bells_of_no_row, mend_bells
from models.operations.missing_bells import BellSearch, set_missing_bells
from models.operations.pruning import new_pruners
from models.operations.samples import record_sample
from models.queries.own_tables import require_own
from models.queries.queue_depths import SAMPLE_SPAN
from models.queries.service_status import CALENDAR_WARNING, first_provisional_day
from models.rulebook import RulebookCache, load_calendar
from models.rules.calendar import SHANGHAI
from models.rules.policy import Keep, Policy, in_force
from models.rules.queues import DELIVERY
from models.security.heads import HeadKind
from models.store_errors import is_transient
from workers.actors import WorkerContext
from workers.broker_keys import remove_old_keys

log = logging.getLogger("hotline.main")

SAMPLE_INTERVAL = SAMPLE_SPAN.total_seconds() + 0.1
"""Real seconds between two samples: never two in the same span of time."""

ANALYZE_INTERVAL = 600.0
"""Real seconds between two looks of SQLite at how its tables are filled."""

PRUNE_INTERVAL = 86_400.0
"""Real seconds between two removals of what need not be kept."""

BELL_SEARCH_INTERVAL = 300.0
"""Real seconds from the end of a search for missing bells to the next one."""

CALENDAR_INTERVAL = 86_400.0
"""Real seconds between two looks how far working days are known."""

OLD_KEYS_INTERVAL = 3_600.0
"""Real seconds between two looks for keys of earlier releases in the broker."""

PruneFiles = Callable[[Keep, datetime], object]
"""Removes files of the home, and lines of them, that need not be kept."""

_FIRST_PRUNING_AFTER = 600.0
_PRUNING_PAUSE = 1.0
_SEARCH_PAUSE = 0.1


class QueueSampler:
    """Stores a sample of the queues every few seconds, from which the monitor draws its curves."""

    def __init__(self, context: WorkerContext, process: str) -> None:
        self._context = context
        self._process = process
        self._next = monotonic() + SAMPLE_INTERVAL
        self._notices_done = self._given_up = 0
        self._analyze_at = self._next

    def __call__(self) -> None:
        """Store one, if it is time to; where the store is away, the next one holds this too."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + SAMPLE_INTERVAL
        context = self._context
        self._count_notices()
        processed, failed = context.counters.take()
        try:
            with context.store.writing(skip_queue=True, is_report=True) as session:
                record_sample(
                    session,
                    self._process,
                    processed,
                    failed,
                    context.now(),
                    system_clock(),
                    clock_speed(context.now),
                )
            if monotonic() >= self._analyze_at:
                self._analyze_at = monotonic() + ANALYZE_INTERVAL
                context.store.analyze()
        except Exception as error:
            if not is_transient(error):
                raise
            context.counters.add(processed, failed)

    def _count_notices(self) -> None:
        """Count what was sent, dropped and given up since the last sample."""
        dispatcher = self._context.dispatcher
        given_up = dispatcher.failed - self._given_up
        done = dispatcher.sent + dispatcher.dropped + dispatcher.failed - self._notices_done
        self._notices_done, self._given_up = self._notices_done + done, self._given_up + given_up
        self._context.counters.add({DELIVERY: done}, {DELIVERY: given_up})


class Pruning:
    """Removes what need not be kept, once a day, a little at a time; files of the home at last."""

    def __init__(self, store: Store, now: Now, prune_files: PruneFiles | None = None) -> None:
        self._store = store
        self._now = now
        self._prune_files = prune_files
        self._rulebooks = RulebookCache()
        self._pruners = new_pruners()
        self._next = monotonic() + _FIRST_PRUNING_AFTER

    def __call__(self) -> None:
        """Remove some more, if it is time to; where the store is away, try again later."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + _PRUNING_PAUSE
        now = self._now()
        try:
            with self._store.reading() as session:
                policies = self._rulebooks.current(session).policies
            policy = in_force(list(policies.values()), now)
            more = self._remove_some(policy, now)
        except Exception as error:
            if not is_transient(error):
                raise
            return
        if not more:
            self._end_kind()

    def _remove_some(self, policy: Policy, now: datetime) -> bool:
        """Remove some of the present kind, files at last; returns whether there may be more."""
        try:
            if not self._pruners:
                if self._prune_files is not None:
                    self._prune_files(policy.keep, now)
                return False
            # one that has moved on counts only once that is committed
            pruner = copy(self._pruners[0])
            with self._store.writing() as session:
                more = pruner.prune_batch(session, now, policy)
            self._pruners[0] = pruner
        except Exception as error:
            if not is_transient(error):
                # what is wrong with one kind keeps no other from being removed
                self._end_kind()
            raise
        if not more:
            log.info("%s: %d removed", type(pruner).__name__, pruner.removed)
        return more

    def _end_kind(self) -> None:
        if self._pruners:
            self._pruners.pop(0)
        else:
            self._pruners = new_pruners()
            self._next = monotonic() + PRUNE_INTERVAL


class MissingBells:
    """Sets bells that are missing, at the start and every few minutes, a little at a time."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now
        self.begin_anew()

    def begin_anew(self) -> None:
        """Look at all rows from now on: some have just lost their bells."""
        self._search, self._begins, self._next = BellSearch(), True, monotonic()

    def __call__(self) -> None:
        """Look at some more rows, if it is time to; where the store is away, try again later."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + _SEARCH_PAUSE
        try:
            with self._store.reading() as session:
                is_mendable = self._begins and has_bells_of_no_row(session)
                unrung = self._search.next_batch(session)
            if is_mendable:
                with self._store.writing() as session:
                    dropped = mend_bells(session, self._now())
                log.error("bells that name no row are dropped: %d", dropped)
            self._begins = False
            if unrung:
                with self._store.writing() as session:
                    count = set_missing_bells(session, unrung, self._now())
                log.warning("%d rows waited without a bell; it is set again", count)
        except Exception as error:
            if not is_transient(error):
                raise
        if self._search.ended:
            self.begin_anew()
            self._next += BELL_SEARCH_INTERVAL


class CalendarWatch:
    """Warns at the start and once a day where working days are soon known by guess only."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now
        self._next = monotonic()

    def __call__(self) -> None:
        """Look, if it is time to; where the store is away, try again a day later."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + CALENDAR_INTERVAL
        today = self._now().astimezone(SHANGHAI).date()
        try:
            with self._store.reading() as session:
                require_own(session, (HeadKind.DAY, HeadKind.YEAR))
                calendar = load_calendar(session)
        except Exception as error:
            if not is_transient(error):
                raise
            return
        guess = first_provisional_day(calendar, today, CALENDAR_WARNING.days + 1)
        if guess is not None:
            log.warning("working days from %s on are a guess; see `hotline doctor`", guess)


class OldKeys:
    """Removes keys of earlier releases from the broker, at the start and once an hour."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._next = monotonic()

    def __call__(self) -> None:
        """Look for some, if it is time to; a broker that is away is asked an hour later."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + OLD_KEYS_INTERVAL
        try:
            remove_old_keys(self._client)
        except redis.RedisError as error:
            log.warning("the broker's old keys stay (%s)", type(error).__name__)
