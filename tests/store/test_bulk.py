"""Rows by COPY: its errors are those that any other statement would raise."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from models.bulk import insert_rows
from models.database import Store
from models.store_errors import is_transient
from models.tables.core import TICKET

_WAITING = (
    "SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY ticket%' AND wait_event_type = 'Lock'"
)


# Only PostgreSQL has COPY.
pytestmark = pytest.mark.store(databases=["postgresql"])


@contextmanager
def _tickets_locked(store: Store) -> Iterator[None]:
    with store.engine.connect() as other, other.begin():
        other.execute(text("LOCK TABLE ticket IN ACCESS EXCLUSIVE MODE"))
        yield


def _copy_one(store: Store) -> None:
    with store.writing() as session:
        session.execute(text("SET LOCAL lock_timeout = '3s'"))
        insert_rows(session.connection(), TICKET, [{"number": "T1", "state": "", "seq": 0}])


def test_a_table_that_is_locked_too_long_is_a_busy_store(store: Store) -> None:
    """No ticket is to blame for it, so no message may be refused."""
    with _tickets_locked(store), pytest.raises(OperationalError, match="lock timeout") as raised:
        _copy_one(store)
    assert is_transient(raised.value)


def test_a_connection_cut_in_mid_copy_is_a_busy_store(store: Store) -> None:
    """The connection is given up, and the next transaction gets another."""

    def cut() -> None:
        # each look a transaction of its own: within one, what is looked at stands still
        looking = store.engine.execution_options(isolation_level="AUTOCOMMIT")
        with looking.connect() as other:
            while not (pids := other.scalars(text(_WAITING)).all()):
                sleep(0.02)
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pids[0]})

    cutting = threading.Thread(target=cut)
    with _tickets_locked(store):
        cutting.start()
        with pytest.raises(OperationalError) as raised:
            _copy_one(store)
        cutting.join()
    assert is_transient(raised.value)
    assert raised.value.connection_invalidated
    with store.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM ticket")) == 0
