"""The store's shape over time; every version of it can be upgraded in place."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from models.database import Store
from models.operations.keys import unlock


def _config(store: Store) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = store.engine
    return config


def upgrade(store: Store) -> None:
    """Bring the store to the newest shape, and see that its key fits; twice is as good as once.

    Raises KeyWrong.
    """
    command.upgrade(_config(store), "head")
    unlock(store)


def revise(store: Store, message: str) -> None:
    """Write a migration for what the tables have and the store has not; for developers."""
    command.revision(_config(store), message, autogenerate=True)
