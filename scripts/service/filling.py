"""Fill an empty store with the rows of another one, all of them or none."""

from collections.abc import Iterator
from contextlib import contextmanager

from models.database import Session, Store, sqlite_file
from models.errors import HotlineError
from models.i18n import _
from models.migrations import lay_tables
from models.queries.store_users import is_open_elsewhere


class ServiceRuns(HotlineError):
    """A service still uses the store that is to be filled."""

    def __init__(self) -> None:
        super().__init__(_("the store is in use: stop all processes of the service first"))


@contextmanager
def filling(store: Store) -> Iterator[Session]:
    """Give a transaction on a store that nobody else uses, with its tables made.

    A SQLite file that was not there is removed again where that fails. Raises ServiceRuns.
    """
    file = sqlite_file(store.url)
    is_new = file is not None and not file.exists()
    try:
        lay_tables(store)
        # connections that are kept open would count as somebody else's
        store.close()
        with store.writing() as session:
            if is_open_elsewhere(session, file):
                raise ServiceRuns
            yield session
    except BaseException:
        store.close()
        if file is not None and is_new:
            for end in ("", "-wal", "-shm"):
                file.with_name(file.name + end).unlink(missing_ok=True)
        raise
