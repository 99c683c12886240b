"""SQLite's pages: rows that have become short share them."""

import pytest
from sqlalchemy import text

from models.bulk import insert_rows, settle_rows, update_rows
from models.database import Session, Store
from models.tables.core import TICKET

pytestmark = pytest.mark.store(databases=["sqlite"])

_IDS = range(1, 101)


def _pages(session: Session) -> int:
    pages: int = session.scalar(text("PRAGMA page_count"))
    free: int = session.scalar(text("PRAGMA freelist_count"))
    return pages - free


def test_rows_that_have_become_short_share_pages(store: Store) -> None:
    """Each filled a page of its own; shortened alone, they leave the rest of it empty."""
    with store.writing() as session:
        row = {"status": "archived", "category": "", "title": "", "provisional": False,
               "seq": 0, "hash": b""}  # fmt: skip
        rows = [row | {"id": n, "number": f"T{n}", "state": "x" * 2_200} for n in _IDS]
        insert_rows(session.connection(), TICKET, rows)
        update_rows(session.connection(), TICKET, [{"id": n, "state": "x" * 300} for n in _IDS])
        before = _pages(session)
        settle_rows(session.connection(), TICKET, list(_IDS))
        assert _pages(session) < before - len(_IDS) * 0.6
        assert session.scalar(text("SELECT count(*) FROM ticket WHERE length(state) = 300")) == 100
