"""Choose the channels of a notice, and from when on each may send it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from models.operations.notices.outgoing import OutgoingNotice
from models.operations.notices.route import ChannelRoute
from models.rules.policy import Notices
from models.rules.quiet_hours import QuietHours
from workers.notices.channels import BUILT_IN, ChannelsConfig


def routes_of(
    notice: OutgoingNotice,
    channels: ChannelsConfig,
    rules: Notices,
    quiet: QuietHours,
    now: datetime,
) -> list[ChannelRoute]:
    """Return the routes of a notice: by the channel it has, else by the first rule that fits.

    `rules` are the policy's: what is urgent, and what is gathered; the rest waits for the end of
    the `quiet` hours.
    """
    if notice.channel is not None and notice.channel in (*BUILT_IN, *channels.channel):
        names: Sequence[str] = (notice.channel,)
    else:
        names = channels.channels_for(notice.kind, notice.role, notice.unit, notice.emergency)
    gathered = notice.channel is None and (
        notice.kind in rules.digest
        # an emergency that nobody has been told of waits for no other caller
        or (notice.kind in rules.similar and not notice.emergency)
    )
    earliest = now + gathering_time(rules) if gathered else now
    return [_route(name, notice, channels, rules, quiet, now, earliest) for name in names]


def gathering_time(rules: Notices) -> timedelta:
    """Return the time that a notice waits for others to the same person."""
    return rules.gather.span if rules.digest or rules.similar else timedelta()


def _route(
    name: str,
    notice: OutgoingNotice,
    channels: ChannelsConfig,
    rules: Notices,
    quiet: QuietHours,
    now: datetime,
    earliest: datetime,
) -> ChannelRoute:
    channel = channels.channel.get(name)
    if channel is None:  # a built-in one: it disturbs nobody
        return ChannelRoute(name, now)
    if channels.lacks_address(name, notice.role, notice.unit):
        return ChannelRoute(name, now, f"no address of {notice.recipient} in the channels file")
    urgent = notice.emergency or notice.kind in rules.urgent
    if channel.quiet and not urgent:
        return ChannelRoute(name, quiet.end_after(earliest))
    return ChannelRoute(name, earliest)
