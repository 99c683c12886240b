"""Go through a table in batches, each in a transaction of its own."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Select, tuple_

from models.database import Session, Store
from models.sql_types import AnyColumn, SelectedRow

_SIZE = 500


def in_batches(
    store: Store,
    query: Select[Any],
    keys: Sequence[AnyColumn],
    change: Callable[[Session, Sequence[SelectedRow]], None],
) -> None:
    """Have `change` called with the rows of a query, a batch a transaction, in the order of `keys`.

    The keys are columns of the query that tell its rows apart. Nobody waits for the whole; if it
    is interrupted, what was committed stays, and it may be begun again.
    """
    after: tuple[Any, ...] | None = None
    while True:
        with store.writing() as session:
            rest = query if after is None else query.where(tuple_(*keys) > after)
            rows = session.execute(rest.order_by(*keys).limit(_SIZE)).all()
            if not rows:
                return
            change(session, rows)
        after = tuple(getattr(rows[-1], key.name) for key in keys)
