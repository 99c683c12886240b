"""Check the anchors of the store, and read the heads that they cover."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime

from models.database import Session
from models.i18n import LazyText, lazy
from models.queries.anchors import anchor_public_key
from models.queries.arrival_check import check_arrivals
from models.queries.checked_rows import CheckedRow, read_checked
from models.rules.calendar import SHANGHAI
from models.security.anchored_heads import AnchoredHeads
from models.security.anchors import Anchor, leaf, merkle_root
from models.security.findings import Finding, Harm
from models.tables.core import ANCHOR, CHANGE

ANCHORS = lazy("the anchors")

_ARRIVALS = 500
"""Heads of arrivals that are looked at together."""


class AnchorCheck:
    """The anchors of a store with what they cover, as far as it has been read.

    `holding` is the last anchor up to which all of them hold. `heads` are the newest heads of the
    feed, also of what no anchor covers yet. With `with_arrivals` the messages that it lists are
    looked for in the inbox, and `missing` says which are not there.
    """

    def __init__(self, session: Session, *, with_arrivals: bool = False) -> None:
        self.heads = AnchoredHeads(session.cipher)
        self.findings: list[Finding] = []
        self.missing: list[Finding] = []
        self.count = 0
        self.holding: Anchor | None = None
        self.key = anchor_public_key(session)
        self._known: list[Anchor] = []
        self._told: set[int] | None = set() if with_arrivals else None
        self._read(session)
        if not self._known or self.key is None:
            why = lazy("they are gone, with the key that they were signed with")
            if self._known or self.key is not None:
                why = lazy("they are gone") if not self._known else lazy("their key is gone")
            self.findings.append(Finding(Harm.DELETED, ANCHORS, why))

    def refresh(self, session: Session) -> None:
        """Read what has been added since."""
        for row in _feed(session, self.heads.position):
            self._add(session, row)
        self._take_arrivals(session)

    def anchored_at(self, position: int) -> datetime | None:
        """Return when a position of the feed was anchored, None where it was not."""
        anchor = self.anchor_over(position)
        return anchor.at if anchor is not None else None

    def anchor_over(self, position: int) -> Anchor | None:
        """Return the anchor that covers a position of the feed, None where none does."""
        place = bisect_left(self._known, position, key=lambda anchor: anchor.through)
        return self._known[place] if position and place < len(self._known) else None

    def find(self, number: int) -> Anchor | None:
        """Return an anchor of the store."""
        place = bisect_left(self._known, number, key=lambda anchor: anchor.number)
        anchor = self._known[place] if place < len(self._known) else None
        return anchor if anchor is not None and anchor.number == number else None

    def _read(self, session: Session) -> None:
        """Read the feed along with the anchors, and check each."""
        rows = _feed(session, 0)
        row = next(rows, None)
        before: Anchor | None = None
        for anchor in self._anchors(session):
            leaves: list[bytes] = []
            while row is not None and row.position is not None and row.position <= anchor.through:
                packed = row.heads
                self._add(session, row)
                leaves.append(leaf(row.position, packed))
                row = next(rows, None)
            if before is None and anchor.number == 1:
                self.heads.close_first()
            self._judge(anchor, before, leaves)
            before = anchor
            self._known.append(anchor)
            self.count += 1
        while row is not None:
            self._add(session, row)
            row = next(rows, None)
        self._take_arrivals(session)

    def _add(self, session: Session, row: CheckedRow) -> None:
        self.heads.add(row.position, row.heads)
        if len(self.heads.arrivals) >= _ARRIVALS:
            self._take_arrivals(session)

    def _take_arrivals(self, session: Session) -> None:
        """Look for the messages that arrived, and forget that they did."""
        arrivals, self.heads.arrivals = self.heads.arrivals, []
        if self._told is None:
            return
        # what has no place in the feed yet is read again when it has one
        for first, finding in check_arrivals(session, arrivals):
            if first not in self._told:
                self._told.add(first)
                self.missing.append(finding)

    def _anchors(self, session: Session) -> Iterator[Anchor]:
        """Yield the anchors that can be read, and note those that cannot."""
        columns = [ANCHOR.c[name] for name in Anchor.__struct_fields__]
        for row in read_checked(session, columns, lambda query: query.order_by(ANCHOR.c.number)):
            if not row.unreadable:
                yield Anchor(*row[: len(columns)])
                continue
            place = lazy("anchor {n}", n=row.number)
            why = lazy("{columns} cannot be read", columns=", ".join(row.unreadable))
            self.findings.append(Finding(Harm.ALTERED, place, why, seq=row.number))

    def _judge(self, anchor: Anchor, before: Anchor | None, leaves: list[bytes]) -> None:
        """Note what is wrong with an anchor that follows another, and with what it covers."""
        fault = _wrong_with(anchor, before, leaves, self.key)
        if fault is not None:
            harm, why = fault
            at = anchor.at.astimezone(SHANGHAI)
            place = lazy("anchor {n} of {at}", n=anchor.number, at=f"{at:%Y-%m-%d %H:%M}")
            self.findings.append(Finding(harm, place, why, seq=anchor.number))
        elif not self.findings:
            self.holding = anchor


def _wrong_with(
    anchor: Anchor, before: Anchor | None, leaves: list[bytes], key: bytes | None
) -> tuple[Harm, LazyText] | None:
    if anchor.number != (before.number + 1 if before is not None else 1):
        return Harm.DELETED, lazy("those before it are gone")
    if key is not None and not anchor.is_signed_by(key):
        return Harm.ALTERED, lazy("the store's key did not sign it")
    if anchor.previous != (before.digest() if before is not None else b""):
        return Harm.ALTERED, lazy("it does not follow the one before")
    if len(leaves) < anchor.changes:
        gone = anchor.changes - len(leaves)
        return Harm.DELETED, lazy("{n} of the changes that it covers are gone", n=gone)
    if merkle_root(leaves) != anchor.root:
        return Harm.ALTERED, lazy("the changes that it covers are not as they were")
    return None


def _feed(session: Session, after: int) -> Iterator[CheckedRow]:
    """Yield the rows of the feed after a position, those without one last.

    One whose heads cannot be read lists none; one without a place is missed by its anchor.
    """
    columns = [CHANGE.c.position, CHANGE.c.heads]
    settled, waiting = CHANGE.c.position > after, CHANGE.c.position.is_(None)
    for query in (
        lambda query: query.where(settled).order_by(CHANGE.c.position),
        lambda query: query.where(waiting).order_by(CHANGE.c.id),
    ):
        rows = read_checked(session, columns, query)
        for row in rows:
            if "position" not in row.unreadable:
                yield row._replace(heads=row.heads or b"")
