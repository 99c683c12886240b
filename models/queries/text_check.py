"""Check the encrypted texts of a ticket: that they are there, and where they were written."""

from collections.abc import Iterator, Sequence

from models.database import Session
from models.i18n import lazy
from models.queries.checked_rows import CheckedRow
from models.queries.row_check import Wrong
from models.security.chain import EventLine
from models.security.encryption import ForgedValue, KeyUnusable, TextsErased
from models.security.findings import Harm
from models.tables.core import TICKET


def check_texts(
    session: Session, ticket: CheckedRow, lines: Sequence[EventLine]
) -> Iterator[Wrong]:
    """Yield what is wrong with the texts of a ticket: nothing erases them.

    The texts of its lines are checked with these.
    """
    erased = any(line.erased for line in lines)
    if ticket.claimant is not None:
        try:
            session.decrypt(TICKET.c.claimant, ticket)
        except TextsErased:
            erased = True
        except (ForgedValue, KeyUnusable):
            yield Harm.ALTERED, lazy("who its claimant is was written elsewhere or altered")
    if erased:
        yield Harm.DELETED, lazy("its texts cannot be read any more: their salt is gone")
