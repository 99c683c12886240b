"""The store's shape over time; every version of it can be upgraded in place."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from models.database import Store
from models.operations.keys import unlock


def config_of(store: Store) -> Config:
    """How Alembic reaches this store and its migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = store.engine
    return config


def upgrade(store: Store) -> None:
    """Bring the store to the newest shape, and see that its key fits; twice is as good as once.

    Raises KeyWrong.
    """
    command.upgrade(config_of(store), "head")
    unlock(store)


def shapes(store: Store) -> tuple[str | None, str | None]:
    """The shape that the store has, and the newest that there is."""
    with store.engine.connect() as connection:
        own = MigrationContext.configure(connection).get_current_revision()
    return own, ScriptDirectory.from_config(config_of(store)).get_current_head()


def revise(store: Store, message: str) -> None:
    """Write a migration for what the tables have and the store has not; for developers."""
    command.revision(config_of(store), message, autogenerate=True)
