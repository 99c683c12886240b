"""PostgreSQL by TLS: who gets in, and what is said to whoever does not."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError

from models.database import Store
from models.i18n import speaking
from models.queries.service_status import database_server
from models.security.encryption import Cipher
from models.store_errors import is_transient, outage_reason
from tests.servers.certificates import Authority, Certificate
from tests.servers.postgres import Databases
from tests.servers.tls_front import tls_front
from tests.store.factories import KEY

SECRET = "sekrit-of-the-database"
AUTHORITY = "its certificate has ended, or is not of the authority in sslrootcert"
WANTED = "it wants a client's certificate: the files of sslcert and sslkey"
REFUSED = "it does not take this client's certificate"


class Fronts:
    """TLS fronts before one server; the strict one wants a client's certificate."""

    def __init__(self, folder: Path, databases: Databases, stack: ExitStack) -> None:
        self.ours, self.theirs = Authority(folder / "ours"), Authority(folder / "theirs")
        plain = make_url(databases.url())
        if not (place := str(plain.query.get("host", ""))).startswith("/"):
            pytest.skip("the server that was given has no socket to stand before")
        behind = Path(place) / f".s.PGSQL.{plain.query['port']}"
        self._url = plain.set(drivername="postgresql+psycopg", password=SECRET)

        def front(certificate: Certificate, clients: Path | None = None) -> int:
            return stack.enter_context(tls_front(behind, certificate, clients, asks_first=True))

        named = self.ours.certify("localhost")
        self.good, self.strict = front(named), front(named, self.ours.file)
        self.ended = front(self.ours.certify("localhost", has_ended=True))
        self.other = front(self.ours.certify("elsewhere.example"))

    def url(self, port: int, client: Certificate | None = None, **more: str) -> URL:
        """The address of a front, as the manual has it; `client` is the client's certificate."""
        options = {"sslmode": "verify-full", "sslrootcert": str(self.ours.file)}
        options |= {"host": "localhost", "port": str(port)}
        if client is not None:
            options |= {"sslcert": str(client.file), "sslkey": str(client.key)}
        return self._url.set(query=options | more)


@pytest.fixture(scope="module")
def fronts(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: Databases
) -> Iterator[Fronts]:
    """The fronts, for all tests of this module."""
    with ExitStack() as stack:
        yield Fronts(tmp_path_factory.mktemp("tls"), postgres_server, stack)


def _ask(url: URL) -> str:
    store = Store(url.render_as_string(hide_password=False), Cipher([KEY]))
    try:
        with store.reading() as session:
            return database_server(session).version
    finally:
        store.close()


def _fault(url: URL) -> str:
    """Return what is said in English; in Chinese it is another line, and both show no secret."""
    with pytest.raises(DBAPIError) as caught:
        _ask(url)
    assert is_transient(caught.value)
    lines = []
    for language in ("zh", "en"):
        with speaking(language):
            lines.append(outage_reason(caught.value))
    for words in lines:
        for secret in (SECRET, "localhost", "127.0.0.1", "elsewhere"):
            assert secret not in words
        assert "\n" not in words
    assert lines[0] != lines[1]
    return lines[1]


def test_whoever_fits_is_let_in(fronts: Fronts) -> None:
    """With the name and the authority checked, and with a client's certificate where one counts."""
    assert _ask(fronts.url(fronts.good))
    assert _ask(fronts.url(fronts.strict, fronts.ours.certify("hotline")))


def test_a_servers_certificate_that_does_not_fit_is_called_so(fronts: Fronts) -> None:
    assert _fault(fronts.url(fronts.good, sslrootcert=str(fronts.theirs.file))) == AUTHORITY
    assert _fault(fronts.url(fronts.ended)) == AUTHORITY
    assert _fault(fronts.url(fronts.other)) == "its certificate is for another name"
    missing = "the file of sslrootcert is missing or cannot be read"
    assert _fault(fronts.url(fronts.good, sslrootcert="/nowhere.pem")) == missing


def test_a_clients_certificate_that_does_not_fit_is_called_so(fronts: Fronts) -> None:
    """None, one of another authority, one that has ended, and a key that others can read."""
    assert _fault(fronts.url(fronts.strict)) == WANTED
    assert _fault(fronts.url(fronts.strict, fronts.theirs.certify("hotline"))).startswith(REFUSED)
    ended = fronts.ours.certify("hotline", has_ended=True)
    assert _fault(fronts.url(fronts.strict, ended)).startswith(
        "this client's certificate has ended"
    )
    open_to_all = fronts.ours.certify("careless")
    open_to_all.key.chmod(0o644)
    assert "mode 600" in _fault(fronts.url(fronts.strict, open_to_all))


def test_a_server_that_has_tls_alone_is_called_so(fronts: Fronts) -> None:
    assert "wants TLS" in _fault(fronts.url(fronts.good, sslmode="disable"))
