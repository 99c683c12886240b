"""Hand over from one shift to the next by a note; it is no event of any ticket."""

from datetime import datetime

from sqlalchemy import delete, update

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.rules.policy import Policy
from models.rules.text import clean
from models.rules.vocabulary import Permission
from models.security.encryption import Encrypted
from models.security.roles import Actor
from models.tables.core import SHIFT_NOTE

LONGEST_NOTE = 2_000
"""The most characters of a note."""


class InvalidShiftNote(HotlineError):
    """A note says nothing, or more than a note may."""

    def __init__(self) -> None:
        super().__init__(_("write a note of 1 to {n} characters").format(n=LONGEST_NOTE))


def write_shift_note(session: Session, actor: Actor, text: str, now: datetime) -> None:
    """Write a note for the next shift. Raises NotAllowed, InvalidShiftNote."""
    actor.require(Permission.ACT)
    text = clean(text)
    if not 0 < len(text) <= LONGEST_NOTE:
        raise InvalidShiftNote
    # the text is bound to the row's number, which the database gives
    new = session.insert(SHIFT_NOTE).values(at=now, who=actor.name, text=Encrypted(b""))
    row = session.execute(new.returning(SHIFT_NOTE)).one()
    encrypted = session.encrypt(SHIFT_NOTE.c.text, text, row)
    session.execute(update(SHIFT_NOTE).where(SHIFT_NOTE.c.id == row.id).values(text=encrypted))


def acknowledge_shift_notes(session: Session, actor: Actor, last_id: int, now: datetime) -> int:
    """Say that the notes up to one have been read; returns how many nobody had read before.

    One's own notes are for others to read. Raises NotAllowed.
    """
    actor.require(Permission.ACT)
    unread = SHIFT_NOTE.c.id <= last_id, SHIFT_NOTE.c.read_at.is_(None)
    read = update(SHIFT_NOTE).where(*unread, SHIFT_NOTE.c.who != actor.name)
    marked = read.values(read_by=actor.name, read_at=now).returning(SHIFT_NOTE.c.id)
    return len(session.execute(marked).all())


def prune_shift_notes(session: Session, now: datetime, policy: Policy) -> None:
    """Remove the notes that were read and are older than the policy says."""
    before = now - policy.keep.shift_notes.span
    old = SHIFT_NOTE.c.at < before, SHIFT_NOTE.c.read_at.is_not(None)
    session.execute(delete(SHIFT_NOTE).where(*old))
