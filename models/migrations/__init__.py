"""Migrations: every earlier revision of the store can be upgraded in place."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from models.clock import Now, system_clock
from models.database import Store, StoreUnreachable
from models.errors import database_message
from models.operations.store_closing import require_open
from models.operations.store_secret import (
    ensure_anchored,
    keep_first_hashes,
    refresh_hashes,
    unlock,
)
from models.store_errors import StoreError, is_transient

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0027"
"""The revision of the tables."""

_FIRST_RELEASE = ("0001", "0002")
"""The revisions of stores that had no secret."""


def upgrade(store: Store, now: Now = system_clock) -> None:
    """Bring the store to the newest revision and check that its key fits; repeating it is safe.

    Raises KeyUnusable, StoreUnreachable, and StoreClosed for one that was moved.
    """
    try:
        require_open(store)
        # every command asks, and loading Alembic takes longer than most of them
        if (former := revision(store)) != NEWEST:
            from alembic import command  # noqa: PLC0415

            config = config_of(store)
            if former in _FIRST_RELEASE:
                config.attributes["at the end"] = partial(keep_first_hashes, store)
            command.upgrade(config, "head")
        refresh_hashes(store, unlock(store))
        ensure_anchored(store, now)
    except StoreError as error:
        if not is_transient(error):
            raise
        raise StoreUnreachable(database_message(error) or type(error).__name__) from error


def lay_tables(store: Store) -> None:
    """Make the tables of an empty database, without a secret or anchors: its rows bring them.

    Raises StoreUnreachable.
    """
    from alembic import command  # noqa: PLC0415  (rarely needed)

    try:
        if revision(store) is None:
            command.upgrade(config_of(store), "head")
    except StoreError as error:
        if not is_transient(error):
            raise
        raise StoreUnreachable(database_message(error) or type(error).__name__) from error


def revise(store: Store, message: str) -> None:
    """Write a migration from the store's revision to the tables; for developers."""
    from alembic import command  # noqa: PLC0415

    command.revision(config_of(store), message, autogenerate=True)


def config_of(store: Store) -> "Config":
    """Return Alembic's configuration for this store."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = store.engine
    return config


def revision(store: Store) -> str | None:
    """Return the revision of the store; None where it has none yet."""
    with store.reading() as session:
        connection = session.connection()
        if not inspect(connection).has_table("alembic_version"):
            return None
        version: str | None = connection.execute(
            text("SELECT version_num FROM alembic_version")
        ).scalar()
        return version
