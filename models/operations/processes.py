"""Reports of workers and timekeepers that they run, and what they do."""

from datetime import datetime, timedelta

from sqlalchemy import delete

from models.database import Session
from models.tables.core import PROCESS

_FORGOTTEN_AFTER = timedelta(days=1)


def report_process(
    session: Session,
    now: datetime,
    *,
    name: str,
    role: str,
    started_at: datetime,
    doing: str,
    lateness_ms: int,
    done: int,
    failed: int,
    patience_ms: int | None = None,
) -> None:
    """Insert or renew a process's row; `now` is by the system's clock, also in a demo."""
    row = {
        "name": name,
        "role": role,
        "started_at": started_at,
        "seen_at": now,
        "doing": doing,
        "lateness_ms": lateness_ms,
        "done": done,
        "failed": failed,
        "patience_ms": patience_ms,
    }
    insert = session.insert(PROCESS).values(row)
    new = {column: insert.excluded[column] for column in row if column != "name"}
    session.execute(insert.on_conflict_do_update(index_elements=["name"], set_=new))


def remove_process(session: Session, name: str, now: datetime) -> None:
    """Delete the row of a process that ends in order, and those not renewed for a day."""
    old = PROCESS.c.seen_at < now - _FORGOTTEN_AFTER
    session.execute(delete(PROCESS).where((PROCESS.c.name == name) | old))
