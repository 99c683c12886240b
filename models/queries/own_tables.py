"""Refuse to go by a protected table that this program has not written as it is."""

import hmac
from collections.abc import Container, Iterable, Iterator

from sqlalchemy import select

from models.database import Session
from models.errors import HotlineError
from models.i18n import LazyText, _, lazy, render
from models.queries.table_check import PLACES
from models.queries.table_heads import table_heads
from models.security.encryption import ForgedValue, KeyUnusable
from models.security.findings import Finding, Harm
from models.security.heads import HeadKind, table_head
from models.sql_types import SelectedRow
from models.store_errors import StoreError, is_unreadable
from models.tables.core import TABLE_HEAD

RULEBOOK = (
    *(HeadKind.POLICY, HeadKind.DAY, HeadKind.YEAR),
    *(HeadKind.UNIT, HeadKind.FORMER_NAME, HeadKind.TERRITORY),
)
"""The tables that make the rulebook."""


class ForgedTable(HotlineError):
    """A protected table is not as the service wrote it, so that nothing may go by it."""

    def __init__(self, kind: HeadKind) -> None:
        text = _("{table} are not as the service wrote them: run `hotline log --verify`, and put ")
        text += _("back what it names, or take them as they are: `hotline db accept`")
        super().__init__(text.format(table=render(PLACES[kind])))


def require_own(session: Session, kinds: Iterable[HeadKind]) -> None:
    """Raise ForgedTable where one of these tables is not as this program wrote it."""
    for kind in kinds:
        if not is_own(session, kind):
            raise ForgedTable(kind)


def is_own(session: Session, kind: HeadKind) -> bool:
    """Return whether a table is as this program wrote it last."""
    head = _stored_head(session, kind)
    while head is not None:
        if _fits(session, kind, head):
            return True
        # whoever changes a table writes its head in the same transaction: where that is another
        # one by now, the rows were perhaps newer than the head that they were compared with
        before, head = head, _stored_head(session, kind)
        if head == before:
            return False
    return False


def check_own(session: Session, named: Container[LazyText | str]) -> Iterator[Finding]:
    """Yield the tables of the rulebook that nothing goes by, but those that are `named` already."""
    for kind in RULEBOOK:
        if PLACES[kind] not in named and not is_own(session, kind):
            why = lazy("their head is not as it was, so that nobody goes by them")
            yield Finding(Harm.ALTERED, PLACES[kind], why)


def _fits(session: Session, kind: HeadKind, head: SelectedRow) -> bool:
    try:
        rows = list(table_heads(session, kind))
        digest = table_head(session.cipher, kind, head.seq, rows).digest
        return hmac.compare_digest(digest, bytes(head.digest))
    except (ForgedValue, KeyUnusable, ValueError, TypeError, AttributeError):
        # values that nothing can read: SQLite takes any in any column
        return False
    except StoreError as error:
        if not is_unreadable(error):
            raise
        return False


def _stored_head(session: Session, kind: HeadKind) -> SelectedRow | None:
    return session.execute(select(TABLE_HEAD).where(TABLE_HEAD.c.kind == int(kind))).first()
