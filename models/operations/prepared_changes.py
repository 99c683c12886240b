"""Changes of tickets that are computed and not yet written, and whether they may still be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from models.bulk import RowValues
from models.database import Session
from models.membership import is_in
from models.operations.duplicates import DuplicateCheck
from models.operations.log_rows import LogRows
from models.operations.ticket_work import MessageOutcome, waiting_bodies
from models.rulebook import Rulebook
from models.tables.core import TICKET

StoredTicket = tuple[bytes | None, datetime | None]
"""The hash of a ticket's row, which covers all of it, and since when it is quarantined."""


@dataclass(frozen=True)
class PreparedChanges:
    """The rows that advancing tickets writes, and everything that they were computed from.

    `rows`, `outcomes` and the rows of the inbox that are `finished` by them, by id, are written
    once. `tickets` are the rows that were there by number, `bodies` the messages that waited by the
    row's id, both as stored; `skipped` are the numbers of tickets that another worker had locked.
    `key` is the number of the key that encrypted the texts.
    """

    numbers: Sequence[str]
    rulebook: Rulebook
    now: datetime
    key: int
    rows: LogRows
    outcomes: Sequence[MessageOutcome]
    finished: Mapping[int, RowValues]
    skipped: Sequence[str]
    tickets: Mapping[str, StoredTicket]
    bodies: Mapping[int, bytes]
    duplicates: DuplicateCheck

    def still_holds(self, session: Session, rulebook: Rulebook) -> bool:
        """Return whether the same would be computed now: nothing it was computed from has changed.

        Whoever has changed a ticket otherwise, as by erasing its texts, has changed its row's hash.
        """
        return (
            rulebook is self.rulebook
            and session.cipher.keyring.active == self.key
            and self._stored_tickets(session) == self.tickets
            and waiting_bodies(session, self.numbers, self.now) == self.bodies
            and self.duplicates.still_holds(session)
        )

    def _stored_tickets(self, session: Session) -> dict[str, StoredTicket]:
        columns = TICKET.c.number, TICKET.c.row_hash, TICKET.c.quarantined_at
        rows = session.execute(select(*columns).where(is_in(TICKET.c.number, self.numbers)))
        return {row.number: (row.row_hash, row.quarantined_at) for row in rows}
