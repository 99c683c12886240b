"""TLS by the very lines of docs/administrators/servers.md, on the servers that are installed."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy.exc import DBAPIError

from models.database import Store
from models.queries.service_status import database_server
from models.security.encryption import Cipher
from models.settings import load_settings
from models.store_errors import outage_reason
from tests.servers.key_value import KeyValueServer, installed_server
from tests.servers.postgres import NOT_DURABLE, PostgresServer, installed_programs
from tests.store.factories import KEY
from workers.broker import Bells, connect
from workers.embedded import ServerNotStarted

PAGE = Path(__file__).parents[2] / "docs" / "administrators" / "servers.md"
FOLDER = "/etc/hotline/tls"
PASSWORD = "sekrit-of-both"

pytestmark = [
    pytest.mark.usefixtures("starts_servers"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]


def _blocks(heading: str) -> list[str]:
    """Return the blocks under a heading of the page."""
    section = PAGE.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```\w*\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def _here(text: str, folder: Path) -> str:
    """Let the page's lines mean this machine and this folder."""
    for name in ("broker.example", "db.example"):
        text = text.replace(name, "localhost")
    return text.replace(FOLDER, str(folder))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificates that the page's commands make."""
    folder = tmp_path_factory.mktemp("tls")
    (commands,) = _blocks("Certificates")
    made = subprocess.run(
        ["sh", "-euc", _here(commands, folder)], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    (folder / "password").write_text(PASSWORD)
    return folder


def _settings(block: str, folder: Path, port: int) -> tuple[str, str]:
    """Return the addresses of both servers as the settings of a block give them."""
    lines = dict(line.split("=", 1) for line in _here(block, folder).splitlines())
    for name, value in lines.items():
        address = re.sub(r"localhost(:\d+)?/", f"localhost:{port}/", value)
        lines[name] = address if name.endswith("_URL") else str(folder / "password")
    settings = load_settings(lines)
    return str(settings.database_url), str(settings.broker_url)


class TlsPostgres(PostgresServer):
    """An installed server, set up by the lines of the page."""

    def __init__(self, tls: Path) -> None:
        super().__init__(
            NOT_DURABLE | {"listen_addresses": "127.0.0.1", "port": str(_free_port())},
            installed_programs(),
        )
        self.tls = self.home / "tls"
        shutil.copytree(tls, self.tls)
        self.give(self.tls, *self.tls.iterdir())

    def start(self) -> None:
        """Create the cluster, and serve it to the page's user alone."""
        self.initialise("--auth=trust")
        data = self.home / "data"
        server, access, self.settings = _blocks("PostgreSQL by TLS")
        lines = [line for line in server.splitlines() if "listen_addresses" not in line]
        with (data / "postgresql.conf").open("a") as file:
            file.write(_here("\n".join(lines), self.tls) + "\n")
        self.admit(access)
        self.serve()
        with psycopg.connect(self.url(), autocommit=True) as admin:
            admin.execute(f"ALTER ROLE hotline PASSWORD '{PASSWORD}'")
            admin.execute("CREATE DATABASE hotline ENCODING 'UTF8' TEMPLATE template0")

    def admit(self, access: str) -> None:
        """Let in whom this line of pg_hba.conf names, and the tests by the socket."""
        (self.home / "data" / "pg_hba.conf").write_text(f"local all all trust\n{access}")

    def ask_for_certificates(self) -> None:
        """Change to what the page has for certificates of clients."""
        _redis, server, access = _blocks("Certificates of clients")
        self.admit(access)
        with psycopg.connect(self.url(), autocommit=True) as admin:
            name, value = _here(server, self.tls).strip().split(" = ")
            admin.execute(f"ALTER SYSTEM SET {name} = {value}")
            admin.execute("SELECT pg_reload_conf()")


def _ask(url: str) -> str:
    """Return the version of the server, or what is said where it cannot be used."""
    with closing(Store(url, Cipher([KEY]))) as store:
        try:
            with store.reading() as session:
                return database_server(session).version
        except DBAPIError as error:
            return outage_reason(error)


@pytest.fixture(scope="module")
def postgres(tls: Path) -> Iterator[TlsPostgres]:
    """The installed PostgreSQL with TLS."""
    if installed_programs() is None:
        pytest.skip("PostgreSQL is not installed, and the wheel's speaks no TLS")
    with TlsPostgres(tls) as server:
        yield server


def test_postgresql_as_documented(postgres: TlsPostgres, tls: Path) -> None:
    """By TLS with the password; not without it, and not for a client without a certificate."""
    url, _broker = _settings(postgres.settings, tls, int(postgres.port))
    assert re.match(r"\d+", _ask(url))
    assert "pg_hba.conf" in _ask(url.replace("verify-full", "disable"))
    assert "not of the authority" in _ask(url.replace("ca.pem", "hotline.pem"))
    assert "another name" in _ask(url.replace("@localhost", "@127.0.0.1"))
    assert "password" in _ask(url.replace(PASSWORD, "wrong"))

    postgres.ask_for_certificates()
    assert "wants a client's certificate" in _ask(url)
    more = f"&sslcert={tls}/hotline.pem&sslkey={tls}/hotline.key"
    assert re.match(r"\d+", _ask(url + more))
    # the certificate has another name than the user
    assert "refuses this user" in _ask(url + more.replace("/hotline.", "/localhost."))


class TlsRedis(KeyValueServer):
    """An installed server, set up by the lines of the page."""

    def __init__(self, data: Path, tls: Path, **settings: str) -> None:
        super().__init__(data, installed_server())
        block, self.settings = _blocks("Redis or Valkey by TLS")
        self.port = _free_port()
        lines = dict(line.split(" ", 1) for line in _here(block, tls).splitlines())
        # the password is set when it answers
        assert lines.pop("requirepass") == "PASSWORD"
        self._lines = lines | {"tls-port": str(self.port), "bind": "127.0.0.1"} | settings

    def _command(self, binary: Path) -> list[str]:
        more = [f"--{name} {value}".split() for name, value in self._lines.items()]
        return [*super()._command(binary), *(word for words in more for word in words)]


@pytest.mark.parametrize("asks", ["no", "yes"])
def test_redis_as_documented(tls: Path, tmp_path: Path, asks: str) -> None:
    """By TLS with the password; where it asks for certificates, only with one."""
    if installed_server() is None:
        pytest.skip("neither Redis nor Valkey is installed, and the wheel's speaks no TLS")
    server = TlsRedis(tmp_path / "redis", tls)
    if asks == "yes":
        # its first block is the server's line
        name, value = _blocks("Certificates of clients")[0].split()
        server = TlsRedis(tmp_path / "redis", tls, **{name: value})
    try:
        server.start()
    except ServerNotStarted:
        pytest.skip("the server that is installed speaks no TLS")
    with server:
        with redis.Redis.from_url(server.url) as client:
            client.config_set("requirepass", PASSWORD)
        _database, url = _settings(server.settings, tls, server.port)
        more = f"&ssl_certfile={tls}/hotline.pem&ssl_keyfile={tls}/hotline.key"
        assert _bells(url + more) == ""
        if asks == "yes":
            fault = _bells(url)
            assert "client's certificate" in fault
        else:
            assert _bells(url) == ""
            assert "not of an authority" in _bells(url.replace("ca.pem", "hotline.pem"))
            assert "password" in _bells(url.replace(PASSWORD, "wrong"))


def _bells(url: str) -> str:
    """Return nothing where bells can be counted, else what is said."""
    broker = connect(url, "0" * 16)
    bells = Bells(broker)
    try:
        bells.waiting()
    except redis.RedisError as error:
        return bells.fault(error)
    finally:
        broker.close()
    return ""
