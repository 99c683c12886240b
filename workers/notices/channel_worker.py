"""The worker of one external channel: a thread, so that a channel that hangs delays no other."""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.clock import clock_speed
from models.errors import HotlineError
from models.operations.notices.batch import (
    NoticeBatch,
    extend_hold,
    gathered_until,
    hold_batches,
    release_notices,
    require_readable,
    rows_taken_along,
)
from models.operations.notices.channel_state import ChannelLimits, record_attempt
from models.operations.notices.similar import SimilarRules
from models.store_errors import is_transient
from workers.halving import by_halves, is_nobodys_fault
from workers.notices.apprise_channel import send_message
from workers.notices.channels import ChannelConfig, ChannelsConfig
from workers.notices.context import DeliveryContext
from workers.notices.routing import gathering_time
from workers.notices.row_queue import RowQueue
from workers.notices.texts import NoticeTexts

log = logging.getLogger("hotline.notices.channel")

HOLD_TIME = timedelta(minutes=2)
"""Real time after which a worker that holds notices counts as dead."""


_READ_AT_ONCE = 500


class _Held(NamedTuple):
    """Messages that are held until then, with the texts and channels as of when they were."""

    batches: list[NoticeBatch]
    texts: NoticeTexts
    channels: ChannelsConfig
    until: datetime


class ChannelWorker:
    """Sends the notices of one channel, a message at a time."""

    def __init__(self, name: str, channel: ChannelConfig, context: DeliveryContext) -> None:
        self._name, self._channel, self._context = name, channel, context
        self._queue = RowQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"channel {name}", daemon=True)
        self._thread.start()

    def put(self, rows: Sequence[int]) -> None:
        """Queue these notices to be sent."""
        self._queue.put(rows)

    def close(self) -> None:
        """Send nothing more but the message under way."""
        self._stop.set()
        self._queue.close()

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended, at most `timeout` seconds."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while (rows := self._queue.take()) is not None and not self._stop.is_set():
            try:
                self._send(rows)
            except Exception as error:
                # the hold on the rows ends in time, and they are rung for again
                if is_transient(error):
                    log.warning("channel %s: the store was busy or away", self._name)
                elif isinstance(error, HotlineError):
                    log.error("channel %s: %s", self._name, error)
                else:
                    log.exception("channel %s", self._name)

    def _send(self, rows: Sequence[int]) -> None:
        context = self._context
        hold = HOLD_TIME * clock_speed(context.now)
        batches, texts, channels, until = self._hold_readable(rows, hold)
        for place, batch in enumerate(batches):
            if self._stop.is_set() or context.now() >= until - hold / 4:
                self._release(batches[place:], context.now())
                return
            if place:
                # a robot takes a long message in pieces, a few seconds each: its time begins now
                with context.store.writing() as session:
                    extend_hold(session, batch.rows, context.now() + hold)
            error = self._send_batch(batch, texts, channels)
            rest_until = self._record(batch, error)
            if rest_until is not None:
                log.warning("channel %s rests until %s: %s", self._name, rest_until, error)
                self._release(batches[place + 1 :], rest_until)
                return

    def _hold_readable(self, rows: Sequence[int], hold: timedelta) -> _Held:
        """Hold what may go out now; before it is tried again, postpone what cannot be read."""
        try:
            return self._hold(rows, hold)
        except Exception as error:
            if is_nobodys_fault(error):
                raise
        unreadable: set[int] = set()

        def postpone(row: int, error: Exception) -> None:
            unreadable.add(row)
            self._context.postpone(row, error)

        # it may be one that they would take along, which nobody asked for
        context = self._context
        with context.store.reading() as session:
            now = context.now()
            until = gathered_until(now, gathering_time(context.policy(session, now).notices))
            taken = rows_taken_along(session, self._name, rows, until)
        for start in range(0, len(taken), _READ_AT_ONCE):
            part = taken[start : start + _READ_AT_ONCE]
            by_halves(part, self._require_readable, postpone)
        return self._hold([row for row in rows if row not in unreadable], hold)

    def _require_readable(self, rows: Sequence[int]) -> None:
        with self._context.store.reading() as session:
            require_readable(session, self._name, rows, self._context.now())

    def _hold(self, rows: Sequence[int], hold: timedelta) -> _Held:
        """Hold what may go out now, in one transaction."""
        context = self._context
        now = context.now()
        until = now + hold
        with context.store.writing() as session:
            policy = context.policy(session, now)
            channels = context.channels_now(session)
            rules = policy.notices
            limits = ChannelLimits(
                self._channel.per_minute,
                rules.digest,
                gathering_time(rules),
                context.quiet_hours(session, policy) if self._channel.quiet else None,
                SimilarRules(rules.similar, rules.similar_again.span),
            )
            held = hold_batches(session, self._name, rows, now, until, limits)
            for row, error in held.unfit.items():
                context.postpone_in(session, row, error)
        context.count_dropped(held.dropped)
        texts = context.texts(policy, self._channel.language)
        return _Held(held.batches, texts, channels, until)

    def _send_batch(
        self, batch: NoticeBatch, texts: NoticeTexts, channels: ChannelsConfig
    ) -> str | None:
        first = batch.notices[0]
        to = channels.recipient_address(self._name, first.role, first.unit) or ""
        subject, text = texts.message(batch)
        return send_message(self._channel, to, batch.id, subject, text)

    def _record(self, batch: NoticeBatch, error: str | None) -> datetime | None:
        """Record the outcome of a message; returns until when the channel rests, if it does."""
        context = self._context
        # the channel and the tickets one after the other: two workers do not deadlock
        with context.store.writing() as session:
            rest_until = record_attempt(session, self._name, error, context.now())
        context.record_outcomes(dict.fromkeys(batch.rows, error), self._name)
        return rest_until

    def _release(self, batches: Sequence[NoticeBatch], again_at: datetime) -> None:
        with self._context.store.writing() as session:
            release_notices(session, [row for batch in batches for row in batch.rows], again_at)
