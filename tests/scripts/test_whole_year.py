"""A store of the release before goes through all that an administrator does to one, and is whole.

Upgraded, moved to the other database, exported, imported into an empty store, erased in part,
backed up and restored: after each step every chain verifies, and the figures of the bulletin are
the same.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.database import Store
from models.security.encryption import Cipher
from models.security.keys import parse_keys
from models.tables.core import TICKET
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import restored
from tests.store.test_kept_store import KEPT

MONTHS = ("2026-10", "2026-11")
REQUEST = ("--ground", "consent_withdrawn", "--asked-by", "本人 2026-12-20 来函")


class Year:
    """The store as it goes from one database and home to the next, and what it must still show."""

    def __init__(self, hotline: InProcessHotline, url: str) -> None:
        self.hotline = hotline
        self.place: dict[str, Any] = {"DATABASE_URL": url}
        self._figures: list[Any] = []

    def __call__(self, *command: str | Path, code: int = 0) -> str:
        """Run a command where the store is."""
        return self.hotline(*command, code=code, **self.place).stdout

    def go_on_at(self, **place: str) -> None:
        """Look for the store somewhere else from now on."""
        self.place = place

    def verify(self) -> None:
        """Require whole chains of all tickets."""
        verified = self.hotline.json("log", "--verify", **self.place)
        assert (verified["findings"], verified["tickets"]) == ([], 96)

    def compare(self) -> None:
        """Require the figures that were there at the beginning."""
        figures = [self.hotline.json("report", "--month", m, **self.place) for m in MONTHS]
        assert sum(month["total"]["tickets"] for month in figures) > 50
        self._figures = self._figures or figures
        assert figures == self._figures


def _archived(url: str) -> list[str]:
    store = Store(url, Cipher(parse_keys((KEPT / "hotline.key").read_text("ascii"), "key")))
    with closing(store), store.reading() as session:
        archived = select(TICKET.c.number).where(TICKET.c.status == "archived")
        return list(session.scalars(archived.order_by(TICKET.c.number)))


def test_a_year_of_an_administrator(
    empty_database_url: str,
    other_url: str,
    further_database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Once from SQLite to PostgreSQL and back, and once the other way round."""
    homes = [tmp_path / "home", tmp_path / "new"]
    for home in homes:
        home.mkdir(0o700)
        (home / "hotline.key").write_bytes((KEPT / "hotline.key").read_bytes())
        (home / "hotline.key").chmod(0o600)
    hotline = InProcessHotline(homes[0], monkeypatch, capsys, ANCHORS=str(tmp_path / "outside"))
    restored(KEPT, empty_database_url).close()
    year = Year(hotline, empty_database_url)

    assert "db upgrade" in hotline("queue", code=1, **year.place).stderr
    year("db", "upgrade")
    year.verify()
    year.compare()

    # the commands that fill a store verify it at their end, and fail where anything is wrong
    assert "moved: 96 tickets" in year("db", "move", "--to", other_url)
    year.go_on_at(DATABASE_URL=other_url)
    year.compare()

    year("export", tmp_path / "whole", "--whole")
    year.go_on_at(DATABASE_URL=further_database_url)
    assert "imported: 96 tickets" in year("import", tmp_path / "whole")
    year.compare()

    erased = _archived(further_database_url)[:6]
    assert len(erased) == 6
    assert year("erase", *erased, "--dry-run").count("would erase") == 6
    assert year("erase", *erased, *REQUEST).count(": erased") == 6
    year.verify()
    year.compare()
    ticket = hotline.json("show", erased[0], **year.place)
    assert (ticket["title"], ticket["claimant"]["phone"]) == ("(erased)", "")

    year("backup", tmp_path / "year.backup")
    year.go_on_at(HOME=str(homes[1]), DATABASE_URL="")
    assert "the chain is whole" in year("restore", tmp_path / "year.backup")
    year.compare()
    assert hotline.json("show", erased[0], **year.place) == ticket
