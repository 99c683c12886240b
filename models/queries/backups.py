"""When the store was backed up."""

from datetime import datetime

from sqlalchemy import select

from models.database import Session
from models.rules.vocabulary import AccessOutcome, Permission
from models.tables.core import ACCESS


def last_backup_at(session: Session) -> datetime | None:
    """Return when `hotline backup` was last done, as the access log says; None for never.

    A restored store knows of those before its own.
    """
    done = (ACCESS.c.act == Permission.BACKUP, ACCESS.c.outcome == AccessOutcome.DONE)
    # backwards: the last one is among the newest lines, but where there is none
    at: datetime | None = session.scalar(
        select(ACCESS.c.at).where(*done).order_by(ACCESS.c.id.desc()).limit(1)
    )
    return at
