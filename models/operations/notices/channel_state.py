"""The state of a channel, shared by all workers: its rate limit, and whether it rests.

A channel that fails several times on end rests for a while, so that its notices don't use up
their tries while it is down. Then one message tries whether it is back (a circuit breaker).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select, update

from models.bulk import RowValues
from models.database import Session
from models.operations.notices.similar import SimilarRules
from models.rules.quiet_hours import QuietHours
from models.rules.vocabulary import NoticeKind
from models.tables.core import CHANNEL

REST_AFTER_FAILURES = 3
"""A channel that has failed so often on end rests."""

_SHORTEST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=10)
"""The first and the longest rest of a channel that fails."""

_UNLIMITED = 1e9
"""Messages that a channel without a limit may send at once: more than there ever are."""


@dataclass(frozen=True, slots=True)
class ChannelLimits:
    """Limits of a channel: messages a minute, and which kinds are gathered over what time.

    Days in which it is `quiet` do not count as days in which it was down.
    """

    per_minute: int | None = None
    digest: tuple[NoticeKind, ...] = ()
    gather: timedelta = timedelta()
    quiet: QuietHours | None = None
    similar: SimilarRules = field(default_factory=SimilarRules)

    @property
    def burst(self) -> float:
        """Messages that may go out at once."""
        return _UNLIMITED if self.per_minute is None else max(1, self.per_minute // 4)

    @property
    def per_second(self) -> float:
        """Messages a second beyond the burst: together never more than `per_minute` a minute."""
        if self.per_minute is None:
            return _UNLIMITED
        return max(self.per_minute - self.burst, self.per_minute / 2) / 60


@dataclass(frozen=True, slots=True)
class ChannelState:
    """A channel's row: `allowance` messages may go out as of `counted_at`."""

    name: str
    allowance: float
    counted_at: datetime
    failures: int
    rest_until: datetime | None
    error: str | None

    def rests(self, now: datetime) -> bool:
        """Return whether nothing is sent by this channel at `now`."""
        return self.rest_until is not None and self.rest_until > now

    @property
    def max_messages(self) -> int:
        """Messages that may be sent now; only one where it has to show that it is back."""
        # less than none where it went out to show that
        return 1 if self.failures >= REST_AFTER_FAILURES else max(0, int(self.allowance))


def lock_channel(
    session: Session, channel: str, limits: ChannelLimits, now: datetime
) -> ChannelState:
    """Lock the channel's row and return its state, with what it may send by `now`."""
    blank = {"name": channel, "allowance": limits.burst, "counted_at": now, "failures": 0}
    session.execute(session.insert(CHANNEL).values(blank).on_conflict_do_nothing())
    query = select(CHANNEL).where(CHANNEL.c.name == channel).with_for_update()
    row = session.execute(query).one()._asdict()
    passed = max((now - row["counted_at"]).total_seconds(), 0.0)
    allowance = min(limits.burst, row["allowance"] + limits.per_second * passed)
    return ChannelState(**row | {"allowance": allowance})


def spend_allowance(session: Session, state: ChannelState, count: int, now: datetime) -> None:
    """Store that `count` messages of the allowance are used."""
    spent = {"allowance": state.allowance - count, "counted_at": now}
    session.execute(update(CHANNEL).where(CHANNEL.c.name == state.name).values(spent))


def record_attempt(
    session: Session,
    channel: str,
    error: str | None,
    now: datetime,
    at_least: timedelta = timedelta(),
) -> datetime | None:
    """Store whether a message could be sent; returns until when the channel rests, if it does.

    A channel that asks for it, or that refused what it was sent, rests `at_least` so long.
    """
    failures, rest_until = 0, None
    if error is not None:
        query = select(CHANNEL.c.failures).where(CHANNEL.c.name == channel).with_for_update()
        failures = (session.scalar(query) or 0) + 1
        pause = at_least
        if failures >= REST_AFTER_FAILURES:
            pause = max(pause, _SHORTEST_REST * 2 ** min(failures - REST_AFTER_FAILURES, 10))
        if pause:
            rest_until = now + min(pause, LONGEST_REST)
    values: RowValues = {"failures": failures, "rest_until": rest_until, "error": error}
    session.execute(update(CHANNEL).where(CHANNEL.c.name == channel).values(values))
    return rest_until
