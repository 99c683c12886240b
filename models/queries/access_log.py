"""The access log: every time that somebody saw personal data in clear or searched by it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Boolean, func, literal_column, select

from models.database import Session
from models.json_types import Json
from models.rules.vocabulary import AccessAct
from models.security.chain import AccessLine, LogEnd
from models.tables.core import ACCESS

ALARM_FOR = timedelta(hours=24)
"""The time for which supervisors are told that somebody went beyond the limit of an hour."""

# in words: an index has the same
BEYOND_LIMIT = literal_column("outcome IN ('beyond', 'stopped')", Boolean)
"""The lines of whoever saw more in clear than the limit, or was stopped there."""


class LimitPassed(NamedTuple):
    """Somebody who went beyond the limit: how often, and when last."""

    who: str
    times: int
    last_at: datetime


def limits_passed(session: Session, now: datetime) -> list[LimitPassed]:
    """Return who has lately seen more in clear than the limit of an hour, or tried to."""
    rows = session.execute(
        select(ACCESS.c.who, func.sum(ACCESS.c.amount), func.max(ACCESS.c.at))
        .where(BEYOND_LIMIT, ACCESS.c.at > now - ALARM_FOR)
        .group_by(ACCESS.c.who)
        .order_by(ACCESS.c.who)
    )
    return [LimitPassed(*row) for row in rows]


def reason_given(session: Session, line: AccessLine) -> Json:
    """Return the reason of a line in clear, None where none was given."""
    return session.decrypt(ACCESS.c.reason, line) if line.reason is not None else None


def access_log_begin(session: Session) -> LogEnd:
    """Return the last line that was removed from the access log as too old, 0 where none was.

    The line that says so is chained to those that are left.
    """
    removed = select(ACCESS.c.fields).where(ACCESS.c.act == AccessAct.LOG_PRUNED)
    fields = session.scalar(removed.order_by(ACCESS.c.id.desc()).limit(1))
    try:
        return LogEnd(int(fields[0]), bytes.fromhex(fields[1])) if fields else LogEnd(0, b"")
    except (ValueError, TypeError, IndexError, KeyError):
        # the verification says that the line was altered
        return LogEnd(0, b"")


def access_log(session: Session, ticket: str | None = None) -> Iterator[AccessLine]:
    """Return the access log in its order, of one ticket or whole."""
    lines = select(*(ACCESS.c[name] for name in AccessLine._fields)).order_by(ACCESS.c.id)
    if ticket is not None:
        lines = lines.where(ACCESS.c.ticket == ticket)
    for row in session.execute(lines.execution_options(yield_per=1_000)):
        yield AccessLine(*row)
