"""Similar tickets: letters of different claimants that seem to be about the same thing."""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import NamedTuple

from sqlalchemy import ColumnElement, select

from models.database import Session
from models.json_types import JsonObject
from models.membership import is_in
from models.queries.conditions import OPEN_TICKET
from models.queries.letter import letters_to_compare
from models.rules.similarity import SIMILAR_FROM, author_of, bands_of, jaccard, shingles_of
from models.rules.vocabulary import OPEN
from models.tables.core import SIMILARITY, TICKET

_MOST_LETTERS = 5_000

_MOST_NEAR = 500
"""Letters that are decrypted and compared with one."""


@dataclass(frozen=True, slots=True)
class SimilarTicket:
    """A ticket of a group; `title` is redacted, `in_common` its similarity to the first, 0 to 1."""

    ticket: str
    title: str
    status: str
    unit: str | None
    received_at: datetime
    in_common: float


@dataclass(frozen=True, slots=True)
class SimilarTickets:
    """Tickets of several claimants that seem to be about the same thing, the earliest first."""

    tickets: tuple[SimilarTicket, ...]
    claimants: int
    units: tuple[str, ...]

    @property
    def last_at(self) -> datetime:
        """The time when the latest of its tickets was received."""
        return self.tickets[-1].received_at


class _Candidate(NamedTuple):
    """A ticket that shares bands with another, and its letter in clear."""

    number: str
    title: str
    status: str
    unit: str | None
    received_at: datetime
    letter: JsonObject
    bands: Set[int]


@dataclass(slots=True)
class _Group:
    """A group being built; letters are compared with its first one."""

    first: frozenset[str]
    members: list[tuple[_Candidate, float]] = field(default_factory=list)
    claimants: set[str] = field(default_factory=set)


def similar_tickets(
    session: Session,
    since: datetime,
    *,
    until: datetime | None = None,
    topic: str | None = None,
    closed: bool = False,
) -> list[SimilarTickets]:
    """Return the groups with a ticket received from `since` on, the largest first, then the latest.

    Only letters that have bands (operations.similar) are compared, and of these only those received
    before `until` and those of a topic, if that is given. Groups of one claimant alone are left
    out, and those without an open ticket unless `closed`.
    """
    which = TICKET.c.received_at >= since
    if until is not None:
        which &= TICKET.c.received_at < until
    if topic is not None:
        which &= TICKET.c.topic == topic
    matching = []
    for group in _groups(_candidates(session, which)):
        tickets = [ticket for ticket, _share in group.members]
        if len(group.claimants) > 1 and (closed or any(t.status in OPEN for t in tickets)):
            similar = tuple(
                SimilarTicket(t.number, t.title, t.status, t.unit, t.received_at, round(share, 3))
                for t, share in group.members
            )
            units = tuple(dict.fromkeys(t.unit for t in tickets if t.unit))
            matching.append(SimilarTickets(similar, len(group.claimants), units))
    return sorted(matching, key=lambda m: (-len(m.tickets), -m.last_at.timestamp()))


def similar_to(session: Session, number: str) -> list[str]:
    """Return the open tickets that seem to be about the same thing as this one, with it, by number.

    Only letters that have bands (operations.similar) are compared; of those that share a band with
    it the newest.
    """
    own_ticket = select(TICKET.c.id).where(TICKET.c.number == number).scalar_subquery()
    own_hashes = session.scalar(
        select(SIMILARITY.c.hashes).where(SIMILARITY.c.ticket_id == own_ticket)
    )
    own_bands = bands_of(own_hashes or b"")
    newest = session.execute(
        select(TICKET.c.number, SIMILARITY.c.hashes)
        .join(SIMILARITY, SIMILARITY.c.ticket_id == TICKET.c.id)
        .where(OPEN_TICKET)
        .order_by(TICKET.c.received_at.desc(), TICKET.c.number)
    )
    near = (row.number for row in newest if not own_bands.isdisjoint(bands_of(row.hashes)))
    numbers = [number, *islice(near, _MOST_NEAR)]
    first, *_others = group_similar(session, list(dict.fromkeys(numbers)))
    return first


def group_similar(session: Session, numbers: Sequence[str]) -> list[list[str]]:
    """Return tickets by number in groups about the same thing, whoever wrote; each keeps its order.

    Letters are decrypted and each is compared with the first of every group: it is for hundreds.
    """
    letters = letters_to_compare(session, numbers)
    pieces = {number: shingles_of(letter or {}) for number, letter in letters.items()}
    groups: list[tuple[frozenset[str], list[str]]] = []
    for number in numbers:
        mine = pieces.get(number, frozenset())
        shares = ((jaccard(first, mine), members) for first, members in groups)
        share, members = max(shares, key=lambda pair: pair[0], default=(0.0, []))
        if share < SIMILAR_FROM:
            groups.append((mine, [number]))
        else:
            members.append(number)
    return [members for _first, members in groups]


def _candidates(session: Session, which: ColumnElement[bool]) -> list[_Candidate]:
    """Return the tickets that share a band with another, the oldest first."""
    recent = session.execute(
        select(SIMILARITY.c.ticket_id, SIMILARITY.c.hashes)
        .join(TICKET, TICKET.c.id == SIMILARITY.c.ticket_id)
        .where(which)
    )
    bands = {ticket_id: bands_of(hashes) for ticket_id, hashes in recent}
    times = Counter(chain.from_iterable(bands.values()))
    sharing = (t for t, of_letter in bands.items() if any(times[b] > 1 for b in of_letter))
    newest = sorted(sharing)[-_MOST_LETTERS:]
    rows = session.execute(
        select(
            TICKET.c.id,
            TICKET.c.number,
            TICKET.c.title,
            TICKET.c.status,
            TICKET.c.unit,
            TICKET.c.received_at,
        )
        .where(is_in(TICKET.c.id, newest))
        .order_by(TICKET.c.received_at, TICKET.c.number)
    ).all()
    letters = letters_to_compare(session, [row.number for row in rows])
    return [
        _Candidate(
            row.number,
            row.title,
            row.status,
            row.unit,
            row.received_at,
            letter,
            bands[row.id],
        )
        for row in rows
        if (letter := letters.get(row.number)) is not None
    ]


def _groups(candidates: Sequence[_Candidate]) -> Iterable[_Group]:
    """Add each letter to the group it has most in common with, or begin a new one."""
    groups: list[_Group] = []
    by_band: dict[int, list[_Group]] = {}
    for ticket in candidates:
        pieces = shingles_of(ticket.letter)
        near = {id(g): g for band in ticket.bands for g in by_band.get(band, ())}.values()
        shares = [(jaccard(g.first, pieces), g) for g in near]
        share, group = max(shares, key=lambda pair: pair[0], default=(0.0, None))
        if group is None or share < SIMILAR_FROM:
            share, group = 1.0, _Group(pieces)
            groups.append(group)
            # compared with the first one only, so that a group does not drift
            for band in ticket.bands:
                by_band.setdefault(band, []).append(group)
        group.members.append((ticket, share))
        group.claimants.add(author_of(ticket.letter, unknown=ticket.number))
    return groups
