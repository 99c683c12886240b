"""Prove with the public key alone that the log of a ticket ended as it is at a moment.

A proof leads from the head of a log, over the transaction that listed it, to a signed anchor.
"""

from collections.abc import Iterable, Iterator

import msgspec
from sqlalchemy import select

from models.anchor_file import AnchorLine, as_line
from models.database import Session
from models.queries.anchor_check import AnchorCheck
from models.security.anchored_heads import TicketHead
from models.security.anchors import Anchor, leaf, merkle_path, root_by_path
from models.security.heads import HeadKind, unpack_heads
from models.tables.core import CHANGE, TICKET


class ChainProof(msgspec.Struct, frozen=True):
    """The proof of a log's end; binary values are hexadecimal.

    `digest` is the beginning of the hash of line `seq`. `heads` are those of the transaction that
    listed it as the change at `position`, and `path` leads from there to the root of the anchor:
    the neighbour at each level, None where there is none.
    """

    ticket: str
    ticket_id: int
    seq: int
    digest: str
    position: int
    heads: str
    place: int
    path: list[str | None]
    anchor: AnchorLine

    def is_valid(self, key: bytes) -> bool:
        """Return whether the proof holds under a public key."""
        try:
            heads, anchor = bytes.fromhex(self.heads), self.anchor.anchor()
            path = [None if node is None else bytes.fromhex(node) for node in self.path]
            root = root_by_path(leaf(self.position, heads), self.place, path)
            listed = any(
                (head.kind, head.key, head.seq, head.digest.hex())
                == (HeadKind.TICKET, self.ticket_id, self.seq, self.digest)
                for head in unpack_heads(heads)
            )
        except (ValueError, msgspec.DecodeError):
            return False
        return listed and root == anchor.root and anchor.is_signed_by(key)


def chain_proofs(session: Session, ids: Iterable[int]) -> Iterator[ChainProof]:
    """Yield the proofs of tickets, by id, in the order of the anchors that cover them.

    A ticket that moved since the last anchor has none.
    """
    check = AnchorCheck(session)
    if check.key is None:
        return
    heads = ((check.heads.tickets.get(ticket), ticket) for ticket in ids)
    listed = sorted((head.position, ticket) for head, ticket in heads if head is not None)
    leaves: list[bytes] = []
    before: Anchor | None = None
    for position, ticket in listed:
        anchor = check.anchor_over(position)
        if anchor is None:
            continue
        if anchor is not before:
            leaves, before = _leaves(session, anchor), anchor
        head = check.heads.tickets[ticket]
        place = position - (anchor.through - anchor.changes + 1)
        yield _proof(session, head, ticket, place, leaves, as_line(anchor, check.key))


def _leaves(session: Session, anchor: Anchor) -> list[bytes]:
    first = anchor.through - anchor.changes + 1
    rows = session.execute(
        select(CHANGE.c.position, CHANGE.c.heads)
        .where(CHANGE.c.position.between(first, anchor.through))
        .order_by(CHANGE.c.position)
    )
    return [leaf(row.position, bytes(row.heads)) for row in rows]


def _proof(
    session: Session,
    head: TicketHead,
    ticket: int,
    place: int,
    leaves: list[bytes],
    anchor: AnchorLine,
) -> ChainProof:
    packed = session.scalar(select(CHANGE.c.heads).where(CHANGE.c.position == head.position))
    number = session.scalar(select(TICKET.c.number).where(TICKET.c.id == ticket)) or head.number
    path = [None if node is None else node.hex() for node in merkle_path(leaves, place)]
    listed = bytes(packed or b"").hex()
    return ChainProof(
        number, ticket, head.seq, head.digest.hex(), head.position, listed, place, path, anchor
    )
