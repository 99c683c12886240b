"""The sender of one channel of events: a thread in each worker, of which one at a time sends."""

import logging
import secrets
import threading
from datetime import timedelta

from models.clock import Now, clock_speed
from models.database import Store
from models.errors import HotlineError, describe_safely
from models.i18n import _
from models.operations.changes import settle_waiting
from models.operations.event_channels import (
    HeldChannel,
    begin_page,
    end_page,
    fail_page,
    hold_channel,
)
from models.queries.event_channels import has_events_to_send, may_send_in_clear
from models.queries.event_feed import EventFilter, EventPage, PageLimits, check_cursor, read_page
from models.rulebook import RulebookCache
from models.store_errors import is_transient
from workers.events.config import EventsChannelConfig
from workers.events.page_poster import PageFailure, PagePoster

log = logging.getLogger("hotline.events")

_PAUSE = 1.0
"""Real seconds between two looks at the feed."""

_MARGIN = timedelta(seconds=30)
"""Real time beyond the channel's timeout after which a worker that holds it counts as dead."""


class EventSender:
    """Sends the logs to one channel, in a thread of its own: whatever hangs delays nothing else."""

    def __init__(self, name: str, channel: EventsChannelConfig, store: Store, now: Now) -> None:
        self._name, self._channel, self._store, self._now = name, channel, store, now
        self._holder = secrets.token_hex(8)
        self._hold_time = timedelta(seconds=channel.timeout) + _MARGIN
        self._limits = PageLimits(channel.page)
        self._rulebooks = RulebookCache()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Send what comes, in a thread, until closed."""
        self._thread = threading.Thread(target=self._run, name=f"channel {self._name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send nothing more but the page under way; wait until it was sent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.send_due()
            except Exception as error:
                # the hold ends in time, and some worker goes on where this one has stopped
                if is_transient(error):
                    log.warning("channel %s: the store was busy or away", self._name)
                else:
                    log.error("channel %s: %s", self._name, describe_safely(error))
            self._stop.wait(_PAUSE)

    def send_due(self) -> None:
        """Send page after page until the end of the feed, unless another worker does."""
        settle_waiting(self._store)
        with self._store.reading() as session:
            if not has_events_to_send(session, self._name, self._now()):
                return
        with PagePoster(self._name, self._channel) as poster:
            while not self._stop.is_set() and (held := self._hold()) is not None:
                try:
                    more = self._send_page(held, poster)
                except Exception as error:
                    if not is_transient(error):
                        self._fail(held, PageFailure(_describe(error)))
                    raise
                if not more:
                    break

    def _hold(self) -> HeldChannel | None:
        now = self._now()
        with self._store.writing() as session:
            return hold_channel(
                session,
                self._name,
                self._holder,
                now,
                now + self._hold_time * clock_speed(self._now),
                from_now=self._channel.start == "now",
            )

    def _send_page(self, held: HeldChannel, poster: PagePoster) -> bool:
        """Send the next page; returns whether to go on at once."""
        page, in_clear = self._read_page(held)
        if page.events:
            with self._store.writing() as session:
                now = self._now()
                until = now + self._hold_time * clock_speed(self._now)
                reason = _("sent to another system")
                if not begin_page(
                    session, held, page, now, until, in_clear=in_clear, reason=reason
                ):
                    return False
            failure = poster.post([event.event for event in page.events], self._now())
            if failure is not None:
                self._fail(held, failure)
                return False
        with self._store.writing() as session:
            sent_at = self._now() if page.events else None
            return end_page(session, held, page.end, sent_at) and page.end != held.cursor

    def _read_page(self, held: HeldChannel) -> tuple[EventPage, bool]:
        """Return the page after the cursor, and whether its texts are in clear."""
        channel = self._channel
        with self._store.reading() as session:
            check_cursor(session, held.cursor)
            directory = self._rulebooks.current(session).directory
            units = {name for unit in channel.units for name in directory.all_names(unit)}
            in_clear = channel.reveal and may_send_in_clear(session, self._name)
            page = read_page(
                session,
                held.cursor,
                EventFilter(frozenset(units), frozenset(channel.types)),
                self._limits,
                through=held.through,
                in_clear=in_clear,
            )
        return page, in_clear

    def _fail(self, held: HeldChannel, failure: PageFailure) -> None:
        with self._store.writing() as session:
            rest_until = fail_page(session, held, failure.why, self._now(), failure.rest)
        if rest_until is not None:
            log.warning("channel %s rests until %s: %s", self._name, rest_until, failure.why)


def _describe(error: Exception) -> str:
    return str(error) if isinstance(error, HotlineError) else describe_safely(error)
