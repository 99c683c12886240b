"""The `store` of a test: a store with the shipped policy and units, once on each database.

A test or a module that wants another one says so with a mark, whose arguments are the fields of
`Wanted`:

    pytestmark = pytest.mark.store(databases=["sqlite"], units=simple_units(), fill=three_tickets)
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from models.database import Store
from models.operations.units import replace_units
from models.queries.verification import verify
from models.rules.routing.directory import UnitsFile
from tests.scripts.hotline_in_process import InProcessHotline
from tests.servers.postgres import Databases
from tests.store.factories import at, prepared_store, put_key, unlocked_store
from tests.store.templates import copy_prepared, prepared_template

DATABASES = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Wanted:
    """The databases that a test runs on, and the contents of its store."""

    databases: Sequence[str] = DATABASES
    policy: str | None = None
    """The text of another policy."""
    units: UnitsFile | None = None
    """Other units than the shipped ones."""
    fill: Callable[[Store], object] | None = None
    """Called with a new store, of which a test gets a copy."""
    shared: bool = False
    """True if the tests of a module share one: they only read it, or use tickets of their own."""
    whole: bool = False
    """True if the verification must find nothing in the store at the end of the test."""


def wanted_by(node: pytest.Item | pytest.Collector) -> Wanted:
    """The mark that is closest to a test or module, as a value."""
    mark = node.get_closest_marker("store")
    return Wanted(**mark.kwargs) if mark else Wanted()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that asks for a store, or for its URL, once on each database that it wants."""
    if "database" in metafunc.fixturenames:
        wanted = wanted_by(metafunc.definition)
        # A test on one database only keeps its plain name: the snapshots are named after it.
        ids = None if len(wanted.databases) > 1 else [pytest.HIDDEN_PARAM]
        metafunc.parametrize("database", wanted.databases, ids=ids, indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database that a test runs on."""
    kind: str = request.param
    return kind


@pytest.fixture
def store_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The SQLAlchemy URL of a test's store, or of an empty database where it asks for no store."""
    wanted = wanted_by(request.node) if "store" in request.fixturenames else None
    with _new_database(database, request, tmp_path, wanted) as url:
        yield url


@pytest.fixture
def empty_database_url(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database, for tests that make a store of their own."""
    with _new_database(database, request, tmp_path, None) as url:
        yield url


@pytest.fixture
def further_database_url(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database of the same kind, beside the test's store."""
    folder = tmp_path / "further"
    folder.mkdir(0o700)
    with _new_database(database, request, folder, None) as url:
        yield url


@pytest.fixture
def other_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database of the other kind."""
    (kind,) = set(DATABASES) - {database}
    folder = tmp_path / "other"
    folder.mkdir(0o700)
    with _new_database(kind, request, folder, None) as url:
        yield url


@pytest.fixture
def store(database: str, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store for one test, or the one that the tests of its module share."""
    wanted = wanted_by(request.node)
    if wanted.shared:
        shared: Callable[[str, Wanted], Store] = request.getfixturevalue("shared_stores")
        yield shared(database, wanted)
        return
    with unlocked_store(request.getfixturevalue("store_url")) as opened:
        yield opened
        assert not wanted.whole or verify(opened).findings == []


@pytest.fixture(scope="module")
def shared_stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, Wanted], Store]]:
    """The stores that the tests of a module share, opened when asked for.

    One on each database for each contents that are wanted, in whatever order the tests run.
    """
    opened: dict[tuple[object, ...], Store] = {}
    with ExitStack() as cleanup:

        def shared(database: str, wanted: Wanted) -> Store:
            contents = database, wanted.policy, id(wanted.units), wanted.fill
            if contents not in opened:
                folder = tmp_path_factory.mktemp("store")
                made = _new_database(database, request, folder, wanted)
                url = cleanup.enter_context(made)
                opened[contents] = cleanup.enter_context(unlocked_store(url))
            return opened[contents]

        yield shared


@pytest.fixture
def hotline(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> InProcessHotline:
    """The command with the test's store, and a home of the test's own that holds the key alone."""
    home, outside = tmp_path / "home", str(tmp_path / "outside")
    put_key(home)
    return InProcessHotline(home, monkeypatch, capsys, DATABASE_URL=store.url, ANCHORS=outside)


@contextmanager
def _new_database(
    database: str, request: pytest.FixtureRequest, folder: Path, wanted: Wanted | None
) -> Iterator[str]:
    """The URL of a new database: a copy of one with the contents that are wanted, else empty."""
    make = _maker(wanted.policy, wanted.units, wanted.fill) if wanted else None
    if database == "sqlite":
        url = f"sqlite:///{folder / 'hotline.db'}"
        if make is not None:
            copy_prepared(url, make)
        yield url
        return
    server: Databases = request.getfixturevalue("postgres_server")
    name = server.create(prepared_template(server, make) if make is not None else "template1")
    yield server.url(name, "postgresql+psycopg")
    server.drop(name)


@cache
def _maker(
    policy: str | None, units: UnitsFile | None, fill: Callable[[Store], object] | None
) -> Callable[[str], None]:
    """Return what makes an empty database a store with these contents: one function for each."""

    def make(url: str) -> None:
        with prepared_store(url, policy) as store:
            if units is not None:
                with store.writing() as session:
                    replace_units(session, units, at("2026-01-01T00:00"))
            if fill is not None:
                fill(store)

    return make
