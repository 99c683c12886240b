"""The post room of a worker: finds each notice's channel, sends it, and records what became of it.

The database is never kept waiting for a network: rows are held in one transaction, sent in none,
and recorded in another.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from models.clock import Now, clock_speed, monotonic
from models.database import Session, Store, is_transient
from models.operations.notices.batch import (
    ChannelLimits,
    ChannelRoute,
    NoticeBatch,
    RoutableNotice,
    hold_batches,
    record_attempt,
    route_notices,
)
from models.operations.notices.record import (
    ChannelFailed,
    OutgoingNotice,
    extend_hold,
    ready_notices,
    record_outcomes,
    release_notices,
)
from models.rulebook import RulebookCache
from models.rules.calendar import SHANGHAI
from models.rules.policy import Notices, Policy, in_force
from workers.notices.builtin_channels import BuiltInChannel, FileChannel, log_channel
from workers.notices.channels import BUILT_IN, FILE, LOG, ChannelConfig, ChannelsConfig
from workers.notices.texts import NoticeTexts

log = logging.getLogger("hotline.post")

HOLD_TIME = timedelta(minutes=2)
"""Real time after which a worker that holds notices counts as dead."""

_END_WITHIN = 3.0
"""Real seconds that a worker waits for what its channels are sending when it is told to stop."""


class NoticeDispatcher:
    """Sends notices; without a channels file everything goes into `notices.jsonl` in the home."""

    def __init__(
        self, store: Store, now: Now, home: Path, channels: ChannelsConfig | None, language: str
    ) -> None:
        self._store = store
        self._now = now
        self._channels = channels or ChannelsConfig()
        self._language = language
        self._rulebooks = RulebookCache()
        self._inside: dict[str, BuiltInChannel] = {
            FILE: FileChannel(home / "notices.jsonl"),
            LOG: log_channel,
        }
        self._speeches: dict[tuple[int, str], NoticeTexts] = {}
        self._couriers = {
            name: _Courier(self, name, channel) for name, channel in self._channels.channel.items()
        }
        self.sent = 0
        self.failed = 0
        self._counting = threading.Lock()

    def deliver(self, rows: Sequence[int]) -> None:
        """Send what of these notices may go out now; what leaves the house is sent meanwhile."""
        now = self._now()
        due: dict[str, list[int]] = {FILE: list(rows)}
        if self._channels.rule:
            with self._store.writing() as session:
                policy = self.policy(session, now)
                due = route_notices(session, rows, lambda one: self._places(one, policy, now), now)
        with self._store.reading() as session:
            policy = self.policy(session, now)
            inside = {
                name: ready_notices(session, due[name], now) for name in BUILT_IN if name in due
            }
        for name, letters in inside.items():
            if letters:
                self._send_inside(name, letters, policy)
        for name, here in due.items():
            if name in self._couriers:
                self._couriers[name].put(here)

    def close(self) -> None:
        """Let what is being sent come to its end; what is not is rung for elsewhere."""
        for courier in self._couriers.values():
            courier.close()
        until = monotonic() + _END_WITHIN
        for courier in self._couriers.values():
            courier.join(max(0.0, until - monotonic()))

    def policy(self, session: Session, now: datetime) -> Policy:
        """The policy that people are disturbed by now."""
        return in_force(list(self._rulebooks.current(session).policies.values()), now)

    def speech(self, policy: Policy, language: str | None) -> NoticeTexts:
        """How notices are told under this policy."""
        key = (id(policy), language or self._language)
        if key not in self._speeches:
            self._speeches[key] = NoticeTexts(policy, key[1])
        return self._speeches[key]

    def recorded(
        self, session: Session, outcome: Mapping[int, str | None], channel: str, now: datetime
    ) -> None:
        """Record what became of notices, and count it."""
        sent, failed = record_outcomes(session, outcome, channel, now)
        with self._counting:
            self.sent += sent
            self.failed += failed

    def _send_inside(self, name: str, letters: Sequence[OutgoingNotice], policy: Policy) -> None:
        error = None
        try:
            self._inside[name](letters, self.speech(policy, None))
        except ChannelFailed as failed:
            error = str(failed)
        with self._store.writing() as session:
            outcome = dict.fromkeys((one.row for one in letters), error)
            self.recorded(session, outcome, name, self._now())

    def _places(self, one: RoutableNotice, policy: Policy, now: datetime) -> list[ChannelRoute]:
        notices = policy.notices
        if one.channel is not None and (one.channel in (*BUILT_IN, *self._channels.channel)):
            names: Sequence[str] = (one.channel,)
        else:
            names = self._channels.of(one.kind, one.role, one.unit, one.emergency)
        gathering = one.channel is None and one.kind in notices.digest
        return [self._place(name, one, notices, now, gathering) for name in names]

    def _place(
        self, name: str, one: RoutableNotice, notices: Notices, now: datetime, gathering: bool
    ) -> ChannelRoute:
        channel = self._channels.channel.get(name)
        if channel is None:
            return ChannelRoute(name, now)
        if (
            channel.needs_recipient
            and self._channels.recipient_address(name, one.role, one.unit) is None
        ):
            whom = f"{one.unit}/{one.role}" if one.unit else one.role
            return ChannelRoute(name, now, f"no address of {whom} in the channels file")
        at = now + gather(notices) if gathering else now
        if channel.quiet and not one.emergency and one.kind not in notices.urgent:
            at = after_quiet(at, notices)
        return ChannelRoute(name, at)


class _Courier:
    """The thread of one channel that leads out of the house."""

    def __init__(self, post: NoticeDispatcher, name: str, channel: ChannelConfig) -> None:
        # imported here: Apprise is only needed where there is such a channel
        from workers.notices.apprise_channel import RetryQueue, send_message  # noqa: PLC0415

        self._send = send_message
        self._post, self._name, self._channel = post, name, channel
        self._tray = RetryQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"channel {name}", daemon=True)
        self._thread.start()

    def put(self, rows: Sequence[int]) -> None:
        """Have these notices sent when it is their turn."""
        self._tray.put(rows)

    def close(self) -> None:
        """Send nothing more but what is under way."""
        self._stop.set()
        self._tray.close()

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while (rows := self._tray.take()) is not None and not self._stop.is_set():
            try:
                self._carry(rows)
            except Exception as wrong:
                # the rows are let go of in time, and rung for again
                if is_transient(wrong):
                    log.warning("channel %s: the store was busy or away", self._name)
                else:
                    log.exception("channel %s", self._name)

    def _carry(self, rows: Sequence[int]) -> None:
        post = self._post
        store, now = post._store, post._now()
        with store.writing() as session:
            policy = post.policy(session, now)
            notices = policy.notices
            limits = ChannelLimits(self._channel.per_minute, notices.digest, gather(notices))
            held = HOLD_TIME * clock_speed(post._now)
            until = now + held
            batches = hold_batches(session, self._name, rows, now, until, limits)
        speech = post.speech(policy, self._channel.language)
        for place, parcel in enumerate(batches):
            if self._stop.is_set() or post._now() >= until - held / 4:
                self._leave(batches[place:], post._now())
                return
            if place:
                # a robot takes a long message in pieces, a few seconds each: its time begins now
                with store.writing() as session:
                    extend_hold(session, [one.row for one in parcel.letters], post._now() + held)
            error = self._hand_over(parcel, speech)
            with store.writing() as session:
                moment = post._now()
                outcome = dict.fromkeys((one.row for one in parcel.letters), error)
                post.recorded(session, outcome, self._name, moment)
                rest_until = record_attempt(session, self._name, error, moment)
            if rest_until is not None:
                log.warning("channel %s rests until %s: %s", self._name, rest_until, error)
                self._leave(batches[place + 1 :], rest_until)
                return

    def _hand_over(self, parcel: NoticeBatch, speech: NoticeTexts) -> str | None:
        first = parcel.letters[0]
        to = self._post._channels.recipient_address(self._name, first.role, first.unit) or ""
        subject, text = speech.message(parcel.letters, parcel.id)
        return self._send(self._channel, to, parcel.id, subject, text)

    def _leave(self, batches: Sequence[NoticeBatch], again_at: datetime) -> None:
        with self._post._store.writing() as session:
            rows = [one.row for parcel in batches for one in parcel.letters]
            release_notices(session, rows, again_at)


def gather(notices: Notices) -> timedelta:
    """How long a notice waits for others to the same person."""
    return (notices.gather.wall or timedelta()) if notices.digest else timedelta()


def after_quiet(at: datetime, notices: Notices) -> datetime:
    """`at`, or the end of the quiet hours where it lies in them, Asia/Shanghai."""
    begins, ends = notices.quiet_from, notices.quiet_until
    if begins is None or ends is None:
        return at
    local = at.astimezone(SHANGHAI)
    hour, day = local.time(), local.date()
    over_night = begins > ends
    quiet = hour >= begins or hour < ends if over_night else begins <= hour < ends
    if not quiet:
        return at
    if over_night and hour >= begins:
        day += timedelta(days=1)
    return datetime.combine(day, ends, SHANGHAI)
