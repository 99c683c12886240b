"""A broker that cannot be used is called what it is, without its address or password."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from models.i18n import render
from tests.servers.key_value import KeyValueServer, installed_server
from tests.servers.tls_front import make_certificate, tls_front
from workers.broker import connect
from workers.broker_errors import BrokerUrlUnusable, broker_fault

SECRET = "sekrit-of-the-broker"


class Fronts:
    """A server with a password behind two TLS fronts; the strict one wants a certificate."""

    def __init__(self, plain: str, port: int, strict_port: int, certificate: Path) -> None:
        self.plain, self.port, self.strict_port = plain, port, strict_port
        self.certificate = certificate

    def url(self, *, port: int, name: str = "localhost", ca: Path | str = "") -> str:
        """The address of a front, by TLS."""
        asked = ca or self.certificate
        return f"rediss://:{SECRET}@{name}:{port}/0?ssl_ca_certs={asked}"


@pytest.fixture(scope="module")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronts]:
    """The fronts, for all tests of this module."""
    folder = tmp_path_factory.mktemp("tls")
    certificate = make_certificate(folder, "localhost")
    other = make_certificate(folder, "other")
    with ExitStack() as stack:
        server = stack.enter_context(KeyValueServer(folder / "valkey", installed_server()))
        with redis.Redis.from_url(server.url) as client:
            client.config_set("requirepass", SECRET)
        front = stack.enter_context(tls_front(str(server.socket), certificate))
        strict = stack.enter_context(tls_front(str(server.socket), certificate, other[0]))
        yield Fronts(server.url, front, strict, certificate[0])


def _fault(url: str) -> str:
    with pytest.raises(redis.RedisError) as caught, _client(url) as client:
        client.time()
    words = render(broker_fault(caught.value, with_tls=url.startswith("rediss:")))
    assert SECRET not in words
    assert "localhost" not in words
    return words


@contextmanager
def _client(url: str) -> Iterator[redis.Redis]:
    retry = Retry(NoBackoff(), 0)
    with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=retry) as it:
        yield it


def test_the_right_address_is_answered(fronts: Fronts) -> None:
    with _client(fronts.url(port=fronts.port)) as client:
        assert client.ping()


def test_a_certificate_that_does_not_fit_is_called_so(fronts: Fronts, tmp_path: Path) -> None:
    """Of another authority, for another name, or a file of authorities that is not there."""
    other, _key = make_certificate(tmp_path, "localhost")
    assert "not of an authority" in _fault(fronts.url(port=fronts.port, ca=other))
    assert "another name" in _fault(fronts.url(port=fronts.port, name="127.0.0.1"))
    assert "ssl_ca_certs" in _fault(fronts.url(port=fronts.port, ca="/nowhere.pem"))


def test_a_missing_clients_certificate_and_a_missing_tls_are_called_so(fronts: Fronts) -> None:
    assert "client's certificate" in _fault(fronts.url(port=fronts.strict_port))
    assert "wants rediss://" in _fault(f"redis://:{SECRET}@localhost:{fronts.port}/0")


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
