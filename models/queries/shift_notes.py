"""The notes by which shifts hand over, personal data redacted."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

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


def shift_notes(session: Session, now: datetime, most: int = _MOST_LISTED) -> list[ShiftNote]:
    """List the notes of the last days, and those that nobody has read, the latest first."""
    is_listed = (SHIFT_NOTE.c.at > now - LISTED_TIME) | SHIFT_NOTE.c.read_at.is_(None)
    query = select(SHIFT_NOTE).where(is_listed)
    rows = session.execute(query.order_by(SHIFT_NOTE.c.at.desc(), SHIFT_NOTE.c.id.desc()))
    return [
        ShiftNote(row.id, row.at, row.who, _text(session, row), row.read_by, row.read_at)
        for row in rows.fetchmany(most)
    ]


def _text(session: Session, row: SelectedRow) -> str:
    try:
        return redact_text(session.decrypt(SHIFT_NOTE.c.text, row))
    except ForgedValue:
        # one altered note must not hide the others
        return _("(altered in the database)")
