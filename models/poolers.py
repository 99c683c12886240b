"""Recognise a pooler between this program and PostgreSQL that gives no session of its own.

PgBouncer with `pool_mode = transaction` gives a connection whichever server process is free, anew
for every transaction. Locks, prepared statements and time-outs of a session are then on another
one, or on somebody else's.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Any

_NO_TRANSACTIONS = "08P01"
"""The code of a pooler of single statements for one that begins a transaction."""

_QUESTION = "SELECT pg_backend_pid()"


def shares_sessions(connection: Any, connect: Callable[[], Any]) -> bool:
    """Return whether a new connection of psycopg may get another server process at any time.

    `connect` opens a second one to the same server. It is not called without a pooler: a server
    tells the number of its process when it is connected to, and a pooler has none to tell.
    """
    connection.autocommit = True
    try:
        mine = _server_process(connection)
        if mine == connection.info.backend_pid:
            return False
        with closing(connect()) as other:
            # a pooler gives what was free last, so a held transaction takes the process from us
            return _server_process(other) == mine or _server_process(connection) != mine
    except Exception as error:
        if getattr(error, "sqlstate", None) == _NO_TRANSACTIONS:
            return True
        raise
    finally:
        connection.autocommit = False


def _server_process(connection: Any) -> int:
    """Return the number of the process that answers; without autocommit it is held from then on."""
    number: int = connection.execute(_QUESTION).fetchone()[0]
    return number
