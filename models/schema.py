"""The schema of a store: which one it has, and whether this program may work with it."""

from pathlib import Path

from sqlalchemy import Connection, inspect

from models.errors import HotlineError
from models.i18n import _

_MIGRATIONS = Path(__file__).parent / "migrations" / "versions"

NEWEST = max(path.name for path in _MIGRATIONS.glob("[0-9]*.py"))[:4]
"""The schema of this program's tables: the number of the last migration."""

_QUESTION = "SELECT version_num FROM alembic_version"


class WrongSchema(HotlineError):
    """The store is not as this program needs it; the message says what to do."""


class StoreMissing(WrongSchema):
    """There is no store where one was looked for."""


class StoreOlder(WrongSchema):
    """An earlier release wrote the store."""

    def __init__(self, schema: str) -> None:
        text = _(
            "the store is of an earlier release (schema {schema}, this program needs {newest}): "
            "make a backup, then run `hotline db upgrade`"
        )
        super().__init__(text.format(schema=schema, newest=NEWEST))


class StoreNewer(WrongSchema):
    """A later release has upgraded the store."""

    def __init__(self, schema: str) -> None:
        text = _(
            "the store is newer than this program (schema {schema}, this program has {newest}): "
            "install the release that upgraded it, and start again"
        )
        super().__init__(text.format(schema=schema, newest=NEWEST))


class StoreExchanged(WrongSchema):
    """The file of the database was exchanged or taken away while this process had it open."""

    def __init__(self, path: Path) -> None:
        text = _("{path} is another file now than this process has open: start it again")
        super().__init__(text.format(path=path))


def schema_of(connection: Connection) -> str | None:
    """Return the schema of a database; None where it holds no store."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    schema: str | None = connection.exec_driver_sql(_QUESTION).scalar()
    return schema


def require_newest(connection: Connection) -> None:
    """Raise StoreOlder or StoreNewer unless a store has this program's schema.

    On PostgreSQL no migration begins before the transaction that asks has ended.
    """
    if (schema := connection.exec_driver_sql(_QUESTION).scalar()) != NEWEST:
        raise wrong_schema(str(schema))


def wrong_schema(schema: str) -> WrongSchema:
    """Return the error of a store with another schema than this program's."""
    # numbers of one length; what is none is of a program that is not known here
    return StoreOlder(schema) if schema < NEWEST else StoreNewer(schema)
