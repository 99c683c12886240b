"""Reports of workers and timekeepers that they run, and what they do."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete

from models.database import Session
from models.tables.core import PROCESS

_FORGOTTEN_AFTER = timedelta(days=1)


def report_process(session: Session, now: datetime, **row: Any) -> None:
    """Insert or renew a process's row; `now` is by the system's clock, also in a demo."""
    insert = session.insert(PROCESS).values(**row, seen_at=now)
    new = {k: insert.excluded[k] for k in (*row, "seen_at") if k != "name"}
    session.execute(insert.on_conflict_do_update(index_elements=["name"], set_=new))


def remove_process(session: Session, name: str, now: datetime) -> None:
    """Delete the row of a process that ends in order, and those not renewed for a day."""
    old = PROCESS.c.seen_at < now - _FORGOTTEN_AFTER
    session.execute(delete(PROCESS).where((PROCESS.c.name == name) | old))
