"""The letters that tickets' titles come from, and the titles of older stores."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select

from models.bulk import update_rows
from models.database import Session, Store
from models.json_types import Json
from models.operations.batches import in_batches
from models.queries.letter import read_corrected
from models.rulebook import load_rulebook
from models.rules.particulars import Particulars, read_particulars
from models.rules.titles import redacted_title
from models.sql_types import SelectedRow
from models.tables.core import TICKET

_COLUMNS = ("id", "number", "title", "claimant", "category", "policy_id")


def stored_particulars(
    session: Session, numbers: Sequence[str], waiting: Iterable[Mapping[str, Json]] = ()
) -> dict[str, Particulars]:
    """Return the particulars of tickets by number, as received and corrected since.

    `waiting` are corrections that are not applied yet. Tickets without a letter are left out.
    """
    return {
        number: read_particulars(received.letter, [*received.corrections, *waiting])
        for number, received in read_corrected(session, numbers).items()
    }


def redact_titles(store: Store) -> int:
    """Make the titles of all tickets anew from their letters; returns how many have changed.

    For a store whose titles were made by older rules. A batch of tickets is a transaction, so it
    may be stopped and begun again.
    """
    with store.reading() as session:
        rulebook = load_rulebook(session)
    changed = 0

    def redact(session: Session, tickets: Sequence[SelectedRow]) -> None:
        nonlocal changed
        letters = stored_particulars(session, [ticket.number for ticket in tickets])
        rows = []
        for ticket in tickets:
            particulars = letters.get(ticket.number) or _of_row(session, ticket)
            limit = rulebook.context_for(ticket.policy_id).policy.intake.title_characters
            title = redacted_title(particulars, ticket.category, limit)
            if title != ticket.title:
                rows.append({"id": ticket.id, "title": title})
        update_rows(session.connection(), TICKET, rows)
        changed += len(rows)

    in_batches(store, select(*(TICKET.c[name] for name in _COLUMNS)), [TICKET.c.id], redact)
    return changed


def _of_row(session: Session, ticket: SelectedRow) -> Particulars:
    """Return the particulars of a ticket whose letter is not there, as far as its row has them."""
    person = session.texts(TICKET.c.claimant, ticket)
    return Particulars(ticket.title, person)
