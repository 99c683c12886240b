"""Find earlier tickets of the same claimant with the same facts (Regulation 2.2.6)."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import ColumnElement, and_, func, or_, select

from models.database import Session
from models.membership import is_in
from models.operations.blind_index import facts_hash
from models.queries.checked_rows import read_checked
from models.rules.messages import Message, TicketReceived
from models.rules.screening import EarlierTickets
from models.rules.vocabulary import Status
from models.store_errors import is_unreadable
from models.tables.core import TICKET

_DISMISSED = or_(
    TICKET.c.status == Status.DECLINED,
    and_(TICKET.c.status == Status.ARCHIVED, TICKET.c.completed_at.is_(None)),
)
"""The condition of rules.screening.is_dismissed, for rows."""


_COLUMNS = TICKET.c.facts, TICKET.c.received_at, TICKET.c.number

_Stored: TypeAlias = tuple[bytes, datetime, str]
"""Facts, receipt and number of a ticket."""


class DuplicateCheck:
    """Compares new tickets with those in the store, and with each other in order of their receipt.

    `received` are the first messages of the new tickets, by number; `dismissed` are tickets that
    the same transaction declines or withdraws, and when. New ones are added to it.
    """

    def __init__(
        self,
        session: Session,
        received: Mapping[str, Message],
        dismissed: Mapping[str, datetime],
    ) -> None:
        self._received = received
        self._earlier = EarlierTickets(dismissed)
        # more are added to it by what comes after
        self._dismissed = list(dismissed)
        self._hashes: dict[str, bytes] = {}
        for number, message in received.items():
            content = message.content
            if isinstance(content, TicketReceived):
                hashed = facts_hash(session.cipher, content)
                if hashed is not None:
                    self._hashes[number] = hashed
        self._stored = self._read_stored(session)
        for key, at, number in self._stored:
            self._earlier.add(key, (at, number))

    def still_holds(self, session: Session) -> bool:
        """Return whether the store has the same tickets with these facts as when they were read."""
        return self._read_stored(session) == self._stored

    def facts(self, ticket: str) -> bytes | None:
        """Return the keyed hash of who wrote a new ticket about what."""
        return self._hashes.get(ticket)

    def find_earlier(self, ticket: str) -> str | None:
        """Return the first ticket that a new one repeats, and let the next be compared with it."""
        hashed, at = self._hashes.get(ticket), self._received[ticket].at
        if hashed is None:
            return None
        earlier = self._earlier.find(hashed, (at, ticket), at)
        self._earlier.add(hashed, (at, ticket))
        return earlier

    def _read_stored(self, session: Session) -> list[_Stored]:
        """Read the first ticket with the facts of each new one, and those just dismissed."""
        if not self._hashes:
            return []
        try:
            return self._query(session)
        except Exception as error:
            if not is_unreadable(error):
                raise
        return self._read_past_unreadable(session)

    def _query(self, session: Session) -> list[_Stored]:
        first = (
            func.row_number()
            .over(partition_by=TICKET.c.facts, order_by=(TICKET.c.received_at, TICKET.c.number))
            .label("place")
        )
        still_taken = self._same, ~_DISMISSED, ~self._just_dismissed
        numbered = select(*_COLUMNS, first).where(*still_taken).subquery()
        rows = [*session.execute(select(numbered).where(numbered.c.place == 1))]
        if self._dismissed:
            rows += session.execute(select(*_COLUMNS).where(self._same, self._just_dismissed))
        return [(row.facts, row.received_at, row.number) for row in rows]

    def _read_past_unreadable(self, session: Session) -> list[_Stored]:
        """Read the same, all rows of it: one that something else has written over is no earlier."""
        taken = or_(~_DISMISSED, self._just_dismissed)
        rows = read_checked(session, _COLUMNS, lambda query: query.where(self._same, taken))
        readable = [(r.facts, r.received_at, r.number) for r in rows if not r.unreadable]
        first: dict[bytes, _Stored] = {}
        for row in sorted(readable, key=lambda stored: stored[1:]):
            if row[2] not in self._dismissed:
                first.setdefault(row[0], row)
        return [*first.values(), *(row for row in readable if row[2] in self._dismissed)]

    @property
    def _same(self) -> ColumnElement[bool]:
        return is_in(TICKET.c.facts, sorted(set(self._hashes.values())))

    @property
    def _just_dismissed(self) -> ColumnElement[bool]:
        return is_in(TICKET.c.number, self._dismissed)
