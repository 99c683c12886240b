"""The ladder of the handling clock: pre-warning 预警, yellow card 黄牌, red card 红牌 (5.1-5.3)."""

from collections.abc import Sequence
from datetime import datetime

from models.rules.calendar import SHANGHAI, Calendar
from models.rules.policy import Policy
from models.rules.vocabulary import Level


def moments(
    base: datetime, due: datetime, policy: Policy, calendar: Calendar
) -> tuple[tuple[Level, datetime], ...]:
    """Return each level in order with the instant at which it is raised, never before the base."""
    local, opening = due.astimezone(SHANGHAI), policy.office.opening
    return tuple(
        (level, max(moment.of(local, calendar, opening), base))
        for level, moment in policy.ladder.moments
    )


def provisional(
    base: datetime, ladder: Sequence[tuple[Level, datetime]], calendar: Calendar
) -> bool:
    """Return whether any day from the base to the red level's is only a guess of the calendar."""
    first, red = base.astimezone(SHANGHAI), ladder[-1][1].astimezone(SHANGHAI)
    return calendar.provisional(first, max(first, red))
