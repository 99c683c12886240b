"""Migrations: every earlier revision of the store can be upgraded in place."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from models.clock import Now, system_clock
from models.database import Store, StoreNotReady, StoreUnreachable
from models.errors import HotlineError
from models.i18n import _
from models.operations.store_closing import require_open
from models.operations.store_secret import ensure_secret, unlock
from models.queries.health import last_seen
from models.schema import NEWEST, StoreMissing, StoreNewer, schema_of, wrong_schema
from models.shared_clock import store_clock
from models.store_errors import StoreError, is_passing_outage, is_transient, outage_reason

if TYPE_CHECKING:
    from alembic.config import Config

_FIRST_RELEASE = ("0001", "0002")
"""The revisions of stores that had no secret."""

_MAY_RUN_FOR = timedelta(minutes=1)
"""A process that has reported within this time may still be at work: it reports every 2 s."""


class OlderProcesses(HotlineError):
    """Processes of an earlier release may still write into the store that is to be upgraded."""

    def __init__(self, name: str, seen: timedelta) -> None:
        text = _(
            "{name} of the earlier release was at work {n} s ago: stop all processes, then try "
            "again (`hotline db upgrade --anyway` if none of them runs)"
        )
        super().__init__(text.format(name=name, n=round(seen.total_seconds())))


def upgrade(store: Store, now: Now = system_clock) -> None:
    """Bring the store to the newest revision and check that its key fits; repeating it is safe.

    An empty database becomes a store. Raises KeyUnusable, StoreNewer, StoreUnreachable, and
    StoreClosed for one that was moved.
    """
    # loaded here, like Alembic, which takes longer than most commands: others upgrade nothing
    from models.operations.store_forms import (  # noqa: PLC0415
        ensure_anchored,
        keep_first_hashes,
        refresh_hashes,
    )

    with _reaching():
        require_open(store)
        if (former := revision(store)) is not None and former > NEWEST:
            raise StoreNewer(former)
        if former != NEWEST:
            from alembic import command  # noqa: PLC0415

            config = config_of(store)
            if former in _FIRST_RELEASE:
                config.attributes["at the end"] = partial(keep_first_hashes, store)
            command.upgrade(config, "head")
        refresh_hashes(store, ensure_secret(store))
        ensure_anchored(store, now)


def require_upgraded(store: Store) -> None:
    """Unlock a store that has this program's schema, as every command does that upgrades none.

    Raises KeyUnusable, StoreUnreachable, WrongSchema, and StoreClosed for one that was moved.
    """
    with _reaching():
        require_open(store)
        if (schema := revision(store)) is None:
            text = _("the database holds no store: `hotline db upgrade` makes one")
            raise StoreMissing(f"HOTLINE_DATABASE_URL: {text}")
        if schema != NEWEST:
            raise wrong_schema(schema)
        unlock(store)


def require_idle(store: Store) -> None:
    """Raise OlderProcesses where a worker or timekeeper of an earlier release may still run."""
    now = store_clock(store)()
    with store.reading() as session:
        last = last_seen(session)
    if last is not None and now - last.seen_at < _MAY_RUN_FOR:
        raise OlderProcesses(last.name, now - last.seen_at)


@contextmanager
def _reaching() -> Iterator[None]:
    """Raise StoreUnreachable where the database is busy or away."""
    try:
        yield
    except StoreError as error:
        if not is_transient(error):
            raise
        kind = StoreNotReady if is_passing_outage(error) else StoreUnreachable
        raise kind(outage_reason(error)) from error


def lay_tables(store: Store) -> None:
    """Make the tables of an empty database, without a secret or anchors: its rows bring them.

    Raises StoreUnreachable.
    """
    from alembic import command  # noqa: PLC0415  (rarely needed)

    with _reaching():
        if revision(store) is None:
            command.upgrade(config_of(store), "head")


def revise(store: Store, message: str) -> None:
    """Write a migration from the store's revision to the tables; for developers."""
    from alembic import command  # noqa: PLC0415
    from sqlmodel import SQLModel  # noqa: PLC0415

    from models.tables.partial_index import add_conditions  # noqa: PLC0415

    add_conditions(SQLModel.metadata)
    command.revision(config_of(store), message, autogenerate=True)


def config_of(store: Store) -> "Config":
    """Return Alembic's configuration for this store."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = store.engine
    return config


def revision(store: Store) -> str | None:
    """Return the revision of the store; None where it has none yet. Raises StoreUnreachable."""
    with _reaching(), store.reading() as session:
        return schema_of(session.connection())
