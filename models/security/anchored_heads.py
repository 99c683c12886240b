"""The newest heads that the feed of changes lists, and whether the anchors over it hold."""

from typing import NamedTuple

import msgspec

from models.security.encryption import Cipher
from models.security.heads import ChangedHead, HeadKind, table_head, unpack_heads, void_head


class TicketHead(NamedTuple):
    """The newest head of a ticket: `position` is where the feed lists it, 0 where it has no place.

    `row` is the digest of its row as of line `row_seq`, `number` its number. From line `forked` on
    the log was written twice, 0 where it was not.
    """

    seq: int
    digest: bytes
    row: bytes
    row_seq: int
    number: str
    position: int
    forked: int = 0


class ClockKey(NamedTuple):
    """A clock that another has replaced: its ticket, its key, its ordinal."""

    ticket: int
    key: str
    ordinal: int


class AnchoredHeads:
    """The newest head of everything that the feed lists, read in its order.

    Nobody can make a head without the key; an old one that is listed again counts for nothing.
    Whoever reads the feed takes the `arrivals` out, which are as many as there are messages.
    """

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self.tickets: dict[int, TicketHead] = {}
        self.first: set[int] = set()
        self.clocks: dict[int, dict[ClockKey, bytes]] = {}
        self.tables: dict[HeadKind, dict[int | str, bytes]] = {}
        self.access: ChangedHead | None = None
        self.arrivals: list[ChangedHead] = []
        self.position = 0
        self._voided: dict[int, int] = {}
        self._waiting: set[bytes] = set()
        self._listed: dict[HeadKind, int] = {}

    def add(self, position: int | None, packed: bytes) -> None:
        """Add what a row of the feed lists; one that cannot be read lists nothing.

        Rows without a position come last, and are added again when they have one.
        """
        is_again = packed in self._waiting
        if position is None:
            self._waiting.add(packed)
        else:
            self._waiting.discard(packed)
            self.position = position
        try:
            heads = unpack_heads(packed)
        except msgspec.DecodeError:
            return
        rest = iter(enumerate(heads))
        for place, head in rest:
            if head.kind == HeadKind.TICKET:
                self._add_ticket(head, position, is_again=is_again)
            elif head.kind == HeadKind.PAST_CLOCK:
                # a later row may have voided it since
                if not is_again:
                    self._add_clock(head)
            elif head.kind == HeadKind.ACCESS:
                if self.access is None or head.seq > self.access.seq:
                    self.access = head
            elif head.kind == HeadKind.ARRIVAL:
                self.arrivals.append(head)
            elif head.key == "":
                self._add_table(head, heads[place + 1 :])
                return

    def close_first(self) -> None:
        """Remember which tickets the first anchor covers: it has just been added."""
        self.first = set(self.tickets)

    def _add_ticket(self, head: ChangedHead, position: int | None, *, is_again: bool) -> None:
        assert isinstance(head.key, int)
        known = self.tickets.get(head.key)
        if known is None:
            known = TicketHead(head.seq, head.digest, head.row, head.seq, head.number, 0)
        elif not is_again and head.seq <= known.seq and (head.seq, head.digest) != known[:2]:
            # the log had this line already: it was cut off, and has grown again
            forked = min(head.seq - head.lines + 1, known.forked or head.seq)
            known = known._replace(forked=forked)
        self.tickets[head.key] = known
        if head.seq >= known.seq:
            row, row_seq = (head.row, head.seq) if head.row else (known.row, known.row_seq)
            self.tickets[head.key] = known._replace(
                seq=head.seq, digest=head.digest, row=row, row_seq=row_seq, position=position or 0
            )

    def _add_clock(self, head: ChangedHead) -> None:
        assert isinstance(head.key, int)
        ticket = head.key
        if head.number:
            key = ClockKey(ticket, head.number, head.seq)
            self.clocks.setdefault(ticket, {})[key] = head.digest
            return
        newer = head.seq > self._voided.get(ticket, -1)
        if newer and head == void_head(self._cipher, ticket, head.seq):
            self._voided[ticket] = head.seq
            self.clocks.pop(ticket, None)

    def _add_table(self, head: ChangedHead, rows: list[ChangedHead]) -> None:
        kind = HeadKind(head.kind)
        newer = head.seq > self._listed.get(kind, 0)
        if newer and head == table_head(self._cipher, kind, head.seq, rows):
            self._listed[kind] = head.seq
            self.tables[kind] = {row.key: row.digest for row in rows}
