"""Close a store to all writers, of every release: its tables refuse each change from then on.

The refusal names a table that is not there, so that everybody takes it for a fault of the store,
not of a row.
"""

from enum import StrEnum

from sqlalchemy import Table, bindparam, text
from sqlmodel import SQLModel

from models.database import Session, Store, StoreUnusable
from models.i18n import _
from models.store_errors import StoreError, is_transient

_TRIES = 20
_CHANGES = ("INSERT", "UPDATE", "DELETE")


class Closing(StrEnum):
    """Why a store is closed: it was moved, or is being filled."""

    MOVED = "this_store_was_moved"
    FILLING = "this_store_is_being_filled"


class StoreClosed(StoreUnusable):
    """A store was moved to another database, or is not filled to its end yet."""

    def __init__(self, closing: Closing) -> None:
        text_of = {
            Closing.MOVED: _("the store was moved: name the new database (HOTLINE_DATABASE_URL)"),
            Closing.FILLING: _("a move into this store broke off: run `hotline db move` again"),
        }
        super().__init__(text_of[closing])


def closing_of(session: Session) -> Closing | None:
    """Return why a store is closed, None where it is open."""
    marks = {
        _trigger(c, "INSERT", _INBOX) if session.dialect == "sqlite" else c: c for c in Closing
    }
    mark = session.execute(_MARKS[session.dialect], {"names": list(marks)}).scalar()
    return marks[mark] if mark is not None else None


def require_open(store: Store) -> None:
    """Raise StoreClosed where a store is closed."""
    with store.reading() as session:
        closing = closing_of(session)
    if closing is not None:
        raise StoreClosed(closing)


def look_whether_closed(store: Store) -> None:
    """Raise StoreClosed where a process that runs must not go on; an outage tells nothing."""
    try:
        require_open(store)
    except StoreError as error:
        if not is_transient(error):
            raise


def hold_writers(session: Session) -> None:
    """Let nobody else write to the store before the end of the transaction; reading goes on.

    Who writes waits meanwhile. Raises the database's error where somebody writes without an end.
    """
    if session.dialect == "sqlite":
        # there is one writer at a time: this one
        return
    names = ", ".join(f'"{table.name}"' for table in SQLModel.metadata.sorted_tables)
    # it may take long, and nobody notices an idle connection while the other one works
    session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    for attempt in range(_TRIES):
        try:
            with session.begin_nested():
                session.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
        except StoreError as error:
            # whoever locks several rows in another order waits for this one, and it for him
            if not is_transient(error) or attempt == _TRIES - 1:
                raise
        else:
            return


def close(session: Session, closing: Closing) -> None:
    """Close a store, once this transaction is committed; `hold_writers` comes first."""
    if session.dialect == "sqlite":
        for table in SQLModel.metadata.sorted_tables:
            for change in _CHANGES:
                session.execute(
                    text(
                        f'CREATE TRIGGER "{_trigger(closing, change, table)}" '
                        f'BEFORE {change} ON "{table.name}" '
                        f"BEGIN INSERT INTO {closing} VALUES (1); END"
                    )
                )
        return
    session.execute(
        text(
            f"CREATE FUNCTION {closing}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{closing}' USING ERRCODE = 'undefined_table'; END $$"
        )
    )
    for table in SQLModel.metadata.sorted_tables:
        session.execute(
            text(
                f'CREATE TRIGGER {closing} BEFORE INSERT OR UPDATE OR DELETE ON "{table.name}" '
                f"FOR EACH STATEMENT EXECUTE FUNCTION {closing}()"
            )
        )


def reopen(session: Session, closing: Closing) -> None:
    """Open a store again."""
    if session.dialect == "sqlite":
        for table in SQLModel.metadata.sorted_tables:
            for change in _CHANGES:
                session.execute(text(f'DROP TRIGGER "{_trigger(closing, change, table)}"'))
        return
    session.execute(text(f"DROP FUNCTION {closing}() CASCADE"))


_MARKS = {
    "sqlite": text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name IN :names"),
    "postgresql": text(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass('inbox') AND tgname IN :names"
    ),
}
for _dialect, _query in _MARKS.items():
    _MARKS[_dialect] = _query.bindparams(bindparam("names", expanding=True))
_INBOX = SQLModel.metadata.tables["inbox"]


def _trigger(closing: Closing, change: str, table: Table) -> str:
    return f"{closing}_{change.lower()}_{table.name}"
