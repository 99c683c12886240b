"""The notes by which shifts hand over, personal data redacted."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select

from models.database import Session
from models.i18n import _
from models.rules.redaction import redact_text
from models.security.encryption import ForgedValue
from models.sql_types import SelectedRow
from models.tables.core import SHIFT_NOTE

LISTED_TIME = timedelta(days=7)
"""The time for which a note is listed; until it has been read it is listed longer."""

_MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class ShiftNote:
    """A note of one shift for the next, and who has read it for that, None where nobody has."""

    id: int
    at: datetime
    who: str
    text: str
    read_by: str | None = None
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """The note that the next shift should read first, and how many nobody has read."""

    note: ShiftNote
    unread: int


def shift_notes(session: Session, now: datetime) -> list[ShiftNote]:
    """List the notes of the last days, and those that nobody has read, the latest first."""
    query = _listed(now).order_by(SHIFT_NOTE.c.at.desc(), SHIFT_NOTE.c.id.desc())
    return [_note(session, row) for row in session.execute(query.limit(_MOST_LISTED))]


def handover(session: Session, now: datetime) -> Handover | None:
    """Return the latest note that nobody has read, or else the latest one, None without any."""
    is_unread = SHIFT_NOTE.c.read_at.is_(None)
    query = _listed(now).order_by(is_unread.desc(), SHIFT_NOTE.c.at.desc(), SHIFT_NOTE.c.id.desc())
    if (row := session.execute(query.limit(1)).first()) is None:
        return None
    unread = session.scalar(select(func.count(SHIFT_NOTE.c.id)).where(is_unread)) or 0
    return Handover(_note(session, row), unread)


def _listed(now: datetime) -> Select[Any]:
    is_listed = (SHIFT_NOTE.c.at > now - LISTED_TIME) | SHIFT_NOTE.c.read_at.is_(None)
    return select(SHIFT_NOTE).where(is_listed)


def _note(session: Session, row: SelectedRow) -> ShiftNote:
    return ShiftNote(row.id, row.at, row.who, _text(session, row), row.read_by, row.read_at)


def _text(session: Session, row: SelectedRow) -> str:
    try:
        return redact_text(session.decrypt(SHIFT_NOTE.c.text, row))
    except ForgedValue:
        # one altered note must not hide the others
        return _("(altered in the database)")
