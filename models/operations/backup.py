"""Copy a SQLite store while the service runs."""

from pathlib import Path

from models.database import Store


def copy_sqlite(store: Store, target: Path) -> None:
    """Write the store, as of one moment, into a file that exists and is empty."""
    with store.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        # by the driver itself: VACUUM must run in no transaction
        raw.execute("VACUUM INTO ?", (str(target),))
