"""The only place that reads a clock; everything else is given the time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf

from models.errors import HotlineError
from models.i18n import _

Now = Callable[[], datetime]
"""Returns the present as an aware instant in UTC."""


class InvalidClock(HotlineError):
    """The description of a demo clock cannot be read."""


def system_clock() -> datetime:
    """Return the present by this machine's clock, UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds that only go forward, for measuring and waiting; no time of day."""
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class DemoClock:
    """A clock that shows `start` when the real time is `began`, and runs `speed` times as fast.

    At `end`, if there is one, it stands still. Every process of a demo gets the same values, so
    that their clocks agree.
    """

    began: datetime
    start: datetime
    speed: float
    end: datetime | None = None

    def __call__(self) -> datetime:
        """Return the present on the demo clock, UTC."""
        present = self.start + (system_clock() - self.began) * self.speed
        return present if self.end is None else min(present, self.end)

    def real_seconds(self, span: timedelta) -> float:
        """Return how many real seconds `span` on this clock takes."""
        return span.total_seconds() / self.speed

    def __str__(self) -> str:
        end = f",{self.end.isoformat()}" if self.end is not None else ""
        return f"{self.began.isoformat()},{self.start.isoformat()},{self.speed}{end}"


def parse_clock(text: str | None) -> Now:
    """Parse a clock: the system's for an empty text, a demo's for `began,start,speed[,end]`.

    `began`, `start` and `end` are instants with their offset, `speed` is a positive number.

    Raises InvalidClock.
    """
    if not text:
        return system_clock
    try:
        began, start, speed, *ends = text.split(",")
        moments = [datetime.fromisoformat(moment) for moment in (began, start, *ends)]
        clock = DemoClock(moments[0], moments[1], float(speed), *moments[2:])
    except (TypeError, ValueError) as error:
        raise InvalidClock(
            _("write a clock as began,start,speed or began,start,speed,end")
        ) from error
    if any(moment.tzinfo is None for moment in moments) or not 0 < clock.speed < inf:
        raise InvalidClock(
            _("a clock's instants need an offset, as 2026-12-01T09:00+08:00; its speed is over 0")
        )
    return clock


def clock_speed(now: Now) -> float:
    """Return how many seconds pass on this clock in a real one."""
    return now.speed if isinstance(now, DemoClock) else 1.0


def has_ended(now: Now) -> bool:
    """Return whether this is the clock of a demo that stands still at its end."""
    return isinstance(now, DemoClock) and now.end is not None and now() >= now.end
