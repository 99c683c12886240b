"""The store's shape over time; every version of it can be upgraded in place."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from models.database import Store


def _config(store: Store) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = store.engine
    return config


def upgrade(store: Store) -> None:
    """Bring the store to the newest shape; does nothing where it is there already."""
    command.upgrade(_config(store), "head")


def revise(store: Store, message: str) -> None:
    """Write a migration for what the tables have and the store has not; for developers."""
    command.revision(_config(store), message, autogenerate=True)
