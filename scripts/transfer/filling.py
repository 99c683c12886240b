"""Fill an empty store with the rows of another one, all of them or none."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

from models.clock import monotonic
from models.database import Session, Store, sqlite_file
from models.errors import HotlineError
from models.i18n import _
from models.migrations import lay_tables
from models.operations.store_closing import Closing, closing_of, reopen
from models.operations.store_copy import StoreNotEmpty
from models.queries.store_users import is_open_elsewhere
from models.store_rows import empty, is_unused

_ENDING, _PAUSE = 2.0, 0.05
"""Seconds for which a server may still list a connection that was closed."""


class ServiceRuns(HotlineError):
    """A service still uses the store that is to be filled."""

    def __init__(self) -> None:
        super().__init__(_("the store is in use: stop all processes of the service first"))


@contextmanager
def filling(store: Store) -> Iterator[Session]:
    """Give a transaction on a store that nobody else uses, with its tables made.

    What a move that broke off has left in it is removed first, and so is what a new store begins
    with. A SQLite file that was not there is removed again where filling fails. Raises
    ServiceRuns, StoreNotEmpty.
    """
    file = sqlite_file(store.url)
    # to open a store makes its file
    is_new = file is not None and (not file.exists() or file.stat().st_size == 0)
    try:
        lay_tables(store)
        # connections that are kept open would count as somebody else's
        store.close()
        with store.writing() as session:
            closing = closing_of(session)
            if closing == Closing.MOVED or (closing is None and not is_unused(session)):
                raise StoreNotEmpty
            _require_alone(session, file)
            if closing == Closing.FILLING:
                reopen(session, Closing.FILLING)
            empty(session)
            yield session
    except BaseException:
        store.close()
        if file is not None and is_new:
            for end in ("", "-wal", "-shm", "-door", "-desk"):
                file.with_name(file.name + end).unlink(missing_ok=True)
        raise


def _require_alone(session: Session, file: Path | None) -> None:
    """Raise ServiceRuns where somebody else uses the store, also a moment later."""
    deadline = monotonic() + _ENDING
    while is_open_elsewhere(session, file):
        if monotonic() > deadline:
            raise ServiceRuns
        sleep(_PAUSE)
