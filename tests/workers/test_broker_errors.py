"""A broker that cannot be used is called what it is, without its address or password."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
from dramatiq.errors import ConnectionClosed
from redis.backoff import NoBackoff
from redis.retry import Retry

from models.i18n import render, speaking
from scripts.service.logs import OncePerMinute
from tests.servers.certificates import Authority, Certificate
from tests.servers.key_value import KeyValueServer, installed_server
from tests.servers.tls_front import tls_front
from workers.broker import connect
from workers.broker_errors import BrokerUrlUnusable, broker_fault

SECRET = "sekrit-of-the-broker"


class Fronts:
    """A server with a password behind TLS fronts; the strict one wants a client's certificate."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.ours, self.theirs = Authority(folder / "ours"), Authority(folder / "theirs")
        server = stack.enter_context(KeyValueServer(folder / "valkey", installed_server()))
        self.plain = server.url
        with redis.Redis.from_url(server.url) as client:
            client.config_set("requirepass", SECRET)

        def front(certificate: Certificate, clients: Path | None = None) -> int:
            return stack.enter_context(tls_front(server.socket, certificate, clients))

        named = self.ours.certify("localhost")
        self.good, self.strict = front(named), front(named, self.ours.file)
        self.ended = front(self.ours.certify("localhost", has_ended=True))

    def url(
        self,
        port: int,
        client: Certificate | None = None,
        *,
        name: str = "localhost",
        ca: Path | None = None,
    ) -> str:
        """The address of a front, as the manual has it; `client` is the client's certificate."""
        url = f"rediss://:{SECRET}@{name}:{port}/0?ssl_ca_certs={ca or self.ours.file}"
        return f"{url}&ssl_certfile={client.file}&ssl_keyfile={client.key}" if client else url


@pytest.fixture(scope="module")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronts]:
    """The fronts, for all tests of this module."""
    with ExitStack() as stack:
        yield Fronts(tmp_path_factory.mktemp("tls"), stack)


def _fault(url: str) -> str:
    """Return what is said in English; in Chinese it is another line, and both show no secret."""
    with pytest.raises(redis.RedisError) as caught, _client(url) as client:
        client.time()
    fault = broker_fault(caught.value, with_tls=url.startswith("rediss:"))
    lines = []
    for language in ("zh", "en"):
        with speaking(language):
            lines.append(render(fault))
    for words in lines:
        assert SECRET not in words
        assert "localhost" not in words
        assert "\n" not in words
    assert lines[0] != lines[1]
    return lines[1]


@contextmanager
def _client(url: str) -> Iterator[redis.Redis]:
    retry = Retry(NoBackoff(), 0)
    with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=retry) as it:
        yield it


def test_whoever_fits_is_let_in(fronts: Fronts) -> None:
    """With the name and the authority checked, and with a client's certificate where one counts."""
    for url in (fronts.url(fronts.good), fronts.url(fronts.strict, fronts.ours.certify("client"))):
        with _client(url) as client:
            assert client.ping()


def test_a_servers_certificate_that_does_not_fit_is_called_so(fronts: Fronts) -> None:
    """Of another authority, for another name, too old, or a file of authorities that is missing."""
    assert "not of an authority" in _fault(fronts.url(fronts.good, ca=fronts.theirs.file))
    assert "another name" in _fault(fronts.url(fronts.good, name="127.0.0.1"))
    assert "has ended" in _fault(fronts.url(fronts.ended))
    assert "ssl_ca_certs" in _fault(fronts.url(fronts.good, ca=Path("/nowhere.pem")))


def test_a_clients_certificate_that_does_not_fit_is_called_so(fronts: Fronts) -> None:
    """None, one of another authority, one that has ended, and a file that is missing."""
    assert "wants a client's certificate" in _fault(fronts.url(fronts.strict))
    foreign = fronts.theirs.certify("client")
    assert "does not take this client's" in _fault(fronts.url(fronts.strict, foreign))
    ended = fronts.ours.certify("client", has_ended=True)
    assert "client's certificate has ended" in _fault(fronts.url(fronts.strict, ended))
    nowhere = Certificate(Path("/nowhere.pem"), Path("/nowhere.key"))
    assert "ssl_certfile" in _fault(fronts.url(fronts.strict, nowhere))


def test_a_missing_tls_is_called_so(fronts: Fronts) -> None:
    assert "wants rediss://" in _fault(f"redis://:{SECRET}@localhost:{fronts.good}/0")


def test_a_password_is_wrong_or_missing(fronts: Fronts) -> None:
    """Neither is a server that has to be started."""
    for url in (fronts.plain, fronts.plain.replace("unix://", "unix://:wrong@")):
        assert "user or the password" in _fault(url)


def test_nobody_listens(tmp_path: Path) -> None:
    assert "start" in _fault(f"unix://{tmp_path}/nobody.sock")


def test_an_option_that_does_not_exist_is_refused() -> None:
    """Before anything is asked, in a line."""
    for option in ("nosuch=1", "socket_timeout=soon"):
        with pytest.raises(BrokerUrlUnusable):
            connect(f"redis://localhost:1/0?{option}", "0" * 16)


def test_the_log_has_the_reason_without_the_address(fronts: Fronts) -> None:
    """Dramatiq writes what its consumer raises; the client's own words have the address."""
    broker = connect(fronts.url(fronts.good, ca=fronts.theirs.file), "0" * 16)
    with pytest.raises(ConnectionClosed) as caught:
        next(iter(broker.consume("intake", prefetch=1, timeout=1)))
    broker.close()
    assert "not of an authority" in str(caught.value)
    assert "localhost" not in str(caught.value)


def test_each_reason_is_logged_once_a_minute() -> None:
    """Every queue has a consumer, which tries again every three seconds."""
    once = OncePerMinute("cut off")

    def passes(text: str, second: float) -> bool:
        record = logging.LogRecord("any", logging.ERROR, "", 0, text, (), None)
        record.created = second
        return once.filter(record)

    lines = [("cut off: a", 0), ("cut off: a", 3), ("cut off: b", 3), ("x", 3), ("x", 4)]
    assert [passes(*line) for line in lines] == [True, False, True, True, True]
    assert not passes("cut off: a", 59)
    assert passes("cut off: a", 61)
    assert not passes("cut off: a", 62)
