"""The migrations and the tables tell the same story, on both databases."""

import os
import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from models.database import Store
from models.migrations import upgrade
from models.schema import NEWEST
from models.security.encryption import Cipher


def _store(url: str) -> Store:
    return Store(url, Cipher([bytes(32)]))


def test_tables_and_migrations_agree(store_url: str) -> None:
    """The migrations make the tables of the models; running them twice changes nothing."""
    store = _store(store_url)
    upgrade(store)
    upgrade(store)
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
        assert context.get_current_revision() == NEWEST
    store.close()


def test_several_processes_may_upgrade_at_once(store_url: str, tmp_path: Path) -> None:
    """Workers that start together each bring the store to its newest shape; one does it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    variables = {"HOTLINE_HOME": str(tmp_path / "home"), "HOTLINE_DATABASE_URL": store_url}
    command = [sys.executable, "-P", "-m", "scripts", "db", "upgrade"]
    started = [subprocess.Popen(command, env=kept | variables) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    store = _store(store_url)
    with store.engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() is not None
    store.close()
