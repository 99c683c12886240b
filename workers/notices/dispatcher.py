"""The dispatcher of a worker: routes notices, sends the local ones, queues the others by channel.

The database is never kept waiting for a network: a notice is routed and held in one transaction,
sent in none, and its outcome recorded in another.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from models.clock import Now, monotonic
from models.database import Store
from models.operations.notices.outgoing import ChannelFailed, OutgoingNotice, ready_notices
from models.operations.notices.route import store_routes
from models.rules.policy import Policy
from workers.notices.builtin_channels import BuiltInChannel, FileChannel, log_channel
from workers.notices.channel_worker import ChannelWorker
from workers.notices.channels import FILE, LOG, ChannelsConfig
from workers.notices.context import DeliveryContext
from workers.notices.routing import routes_of

_END_WITHIN = 3.0
"""Real seconds that a worker waits for what its channels are sending when it is told to stop."""


class RoutedNotices(NamedTuple):
    """Notices that may go out now, by their channel, and the policy in force."""

    policy: Policy
    by_channel: Mapping[str, Sequence[OutgoingNotice]]


class NoticeDispatcher:
    """Sends notices; without a channels file everything goes into `notices.jsonl` in the home."""

    def __init__(
        self, store: Store, now: Now, home: Path, channels: ChannelsConfig | None, language: str
    ) -> None:
        self._context = DeliveryContext(store, now, channels or ChannelsConfig(), language)
        self._built_in: dict[str, BuiltInChannel] = {
            FILE: FileChannel(home / "notices.jsonl"),
            LOG: log_channel,
        }
        self._workers = {
            name: ChannelWorker(name, channel, self._context)
            for name, channel in self._context.channels.channel.items()
        }

    @property
    def sent(self) -> int:
        """The number of notices sent."""
        return self._context.sent

    @property
    def dropped(self) -> int:
        """The number of notices that were not sent, as their occasion was over."""
        return self._context.dropped

    @property
    def failed(self) -> int:
        """The number of notices given up after their last try."""
        return self._context.failed

    def route(self, rows: Sequence[int]) -> RoutedNotices:
        """Store which channels take these notices; returns those that may go out now."""
        context = self._context
        now = context.now()
        if not context.channels.rule:  # then there is nothing to store
            with context.store.reading() as session:
                notices = ready_notices(session, rows, now)
                return RoutedNotices(context.policy(session, now), {FILE: notices})
        with context.store.writing() as session:
            policy = context.policy(session, now)
            notices = ready_notices(session, rows, now, lock=True)
            notices = context.drop_over(session, notices, now)
            channels = context.channels_now(session)
            quiet = context.quiet_hours(session, policy)
            routes = {n.row: routes_of(n, channels, policy.notices, quiet, now) for n in notices}
            return RoutedNotices(policy, store_routes(session, notices, routes, now))

    def send(self, routed: RoutedNotices) -> None:
        """Send notices that may go out now.

        Those for the file or the log are sent when this returns; external channels send in threads
        of their own.
        """
        for name, notices in routed.by_channel.items():
            if name in self._workers:
                self._workers[name].put([notice.row for notice in notices])
        for name, notices in routed.by_channel.items():
            if name in self._built_in and notices:
                self._send_built_in(name, notices, routed.policy)

    def postpone(self, row: int, error: Exception) -> None:
        """Leave a notice for later that cannot be sent."""
        self._context.postpone(row, error)

    def close(self) -> None:
        """Let what is being sent come to its end; the rest is rung for again."""
        for worker in self._workers.values():
            worker.close()
        until = monotonic() + _END_WITHIN
        for worker in self._workers.values():
            worker.join(max(0.0, until - monotonic()))

    def _send_built_in(self, name: str, notices: Sequence[OutgoingNotice], policy: Policy) -> None:
        context = self._context
        standing = [notice for notice in notices if notice.over is None]
        error = None
        try:
            self._built_in[name](standing, context.texts(policy).line)
        except ChannelFailed as failure:
            error = str(failure)
        # first that they were sent: they would be sent again if dropping others failed
        context.record_outcomes(dict.fromkeys((notice.row for notice in standing), error), name)
        if over := [notice for notice in notices if notice.over is not None]:
            with context.store.writing() as session:
                context.drop_over(session, over, context.now())
