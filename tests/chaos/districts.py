"""Two districts on the same servers, two hosts each, TLS, and a failover of PostgreSQL under load.

    make districts ARGS="--seconds 120 --copies 8 --seed 7"

Each host is a network namespace with a worker and a timekeeper of each district, and reaches
database and key-value server by TLS alone. In the middle the first PostgreSQL server is killed and
its replica promoted. Without root the processes run on this host.
"""

import argparse
import json
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import redis
from sqlalchemy import func, make_url, select

from models.clock import DemoClock, system_clock
from models.database import Store
from models.migrations import require_upgraded
from models.security.encryption import Cipher
from models.security.keys import Key, KeyRing, format_keys
from models.store_errors import is_transient
from models.tables.core import TICKET
from tests.chaos.district_host import FED
from tests.chaos.known_feed import LENGTH, START, FeedLine, known_feed, reference_run, write_feed
from tests.chaos.network import SERVERS, NoNamespaces, network, on_host
from tests.chaos.verdict import Verdict, compare_with_reference, is_quiet
from tests.servers.certificates import Authority
from tests.servers.key_value import KeyValueServer, installed_server
from tests.servers.postgres_pair import PostgresPair
from tests.servers.tls_front import tls_front
from tests.store.factories import prepared_store
from tests.workers.processes import environment
from workers.broker_keys import old_keys, other_stores

_NAMES = ("one", "two")
_BEGINS_IN = 2.0
_QUIET_WITHIN = 120.0
_LOOPBACK = "127.0.0.1"


@dataclass
class District:
    """A district: its feed, its store by the sockets of both servers, and what must result."""

    home: Path
    lines: list[FeedLine]
    store: Store
    database: str
    reference: Store

    def is_half_done(self) -> bool:
        """Return whether half of the tickets are there."""
        expected = {line.body["ticket"] for line in self.lines}
        with self.store.reading() as session:
            tickets = session.scalar(select(func.count(TICKET.c.id))) or 0
        return tickets * 2 >= len(expected)

    def is_done(self) -> bool:
        """Return whether all was fed and nothing waits."""
        try:
            with self.store.reading() as session:
                return (self.home.parent / FED).exists() and is_quiet(session)
        except Exception as error:
            if not is_transient(error):
                raise
            return False


class Servers:
    """One key-value server and two PostgreSQL servers, each behind TLS at `address`."""

    def __init__(self, stack: ExitStack, folder: Path, address: str) -> None:
        self.address = address
        self.pair = PostgresPair(stack)
        self.broker = stack.enter_context(KeyValueServer(folder / "valkey", installed_server()))
        self.authority = Authority(folder / "authority")
        certificate = self.authority.certify(address)
        fronts = [ExitStack() for _ in range(3)]
        behind = [server.home / ".s.PGSQL.5432" for server in (self.pair.first, self.pair.second)]
        self.ports = [
            front.enter_context(tls_front(path, certificate, asks_first=asks_first, host=address))
            for front, path, asks_first in zip(
                fronts, [*behind, self.broker.socket], (True, True, False), strict=True
            )
        ]
        for front in fronts:
            stack.callback(front.close)
        self._first_front = fronts[0]

    def settings(self, database: str) -> tuple[str, str]:
        """Return the addresses of a district's database and of the broker for its hosts."""
        query = {
            "host": f"{self.address},{self.address}",
            "port": f"{self.ports[0]},{self.ports[1]}",
            "target_session_attrs": "read-write",
            "sslmode": "verify-full",
            "sslrootcert": str(self.authority.file),
        }
        url = make_url(f"postgresql+psycopg://hotline@/{database}").set(query=query)
        broker = f"rediss://{self.address}:{self.ports[2]}/0?ssl_ca_certs={self.authority.file}"
        return url.render_as_string(hide_password=False), broker

    def fail_over(self) -> None:
        """Kill the first PostgreSQL server, so that nobody answers there, and promote the other."""
        self._first_front.close()
        self.pair.first.crash()
        self.pair.promote()

    def connections(self) -> Iterator[str]:
        """Say who has how many connections."""
        question = "SELECT application_name, count(*) FROM pg_stat_activity GROUP BY 1 ORDER BY 1"
        with psycopg.connect(self.pair.first.url()) as connection:
            for name, count in connection.execute(question):
                if name.startswith("hotline"):
                    yield f"{name}: {count} connections to PostgreSQL"
        with redis.Redis.from_url(self.broker.url) as client:
            yield f"{len(client.client_list()) - 1} connections to the key-value server"


def _districts(
    stack: ExitStack, servers: Servers, folder: Path, arguments: argparse.Namespace
) -> list[District]:
    districts = []
    for number, name in enumerate(_NAMES):
        rng = random.Random(arguments.seed + number)
        lines = _some(known_feed(arguments.copies, rng), arguments.share)
        database = servers.pair.first.create()
        ring = KeyRing((Key(secrets.token_bytes(32)),), 0)
        home = folder / name / "home"
        home.mkdir(parents=True, mode=0o700)
        (home / "hotline.key").write_text(format_keys(ring))
        (home / "hotline.key").chmod(0o600)
        url = servers.pair.first.url(database, "postgresql+psycopg")
        with prepared_store(url, ring=ring) as store:
            store_id = store.cipher.store_id
        pair = servers.pair
        store = Store(pair.address(database, pair.first, pair.second), Cipher(ring))
        stack.callback(store.close)
        require_upgraded(store)
        assert store.cipher.store_id == store_id
        write_feed(lines, folder / name / "feed.jsonl")
        reference = reference_run(folder / name / "reference", lines)
        stack.callback(reference.close)
        districts.append(District(home, lines, store, database, reference))
    servers.pair.replicate()
    return districts


def _some(lines: list[FeedLine], share: int) -> list[FeedLine]:
    """One in `share` of the tickets, with all of their messages."""
    numbers = sorted({line.body["ticket"] for line in lines})
    kept = set(numbers[::share])
    return [line for line in lines if line.body["ticket"] in kept]


@contextmanager
def _hosts(
    servers: Servers, districts: Sequence[District], clock: str, prefix: str, log: Path
) -> Iterator[None]:
    """Two hosts, each with a worker and a timekeeper of each district; the first feeds."""
    started = []
    try:
        for name in _NAMES:
            parts = []
            for district in districts:
                env = environment(district.home, *servers.settings(district.database))
                part = {k: v for k, v in env.items() if k.startswith("HOTLINE_")}
                part |= {"clock": clock, "HOTLINE_ANCHORS": "none"}
                if name == _NAMES[0]:
                    part["feed"] = str(district.home.parent / "feed.jsonl")
                parts.append(part)
            file = log.with_name(f"host-{name}.json")
            file.write_text(json.dumps(parts), "utf-8")
            command = [sys.executable, "-m", "tests.chaos.district_host", str(file), str(log)]
            words = on_host(f"{prefix}-{name}") if prefix else []
            with log.open("ab") as output:
                started.append(subprocess.Popen([*words, *command], stdout=output, stderr=output))
        yield
    finally:
        for host in started:
            host.terminate()
        for host in started:
            host.wait(30)


def run_districts(arguments: argparse.Namespace, folder: Path) -> bool:
    """Run both districts, print what was lost and what came twice; True where nothing did."""
    address = SERVERS if arguments.inside else _LOOPBACK
    with ExitStack() as stack:
        servers = Servers(stack, folder, address)
        districts = _districts(stack, servers, folder, arguments)
        speed = LENGTH.total_seconds() / arguments.seconds
        begin = START - timedelta(seconds=speed * _BEGINS_IN)
        clock = DemoClock(system_clock(), begin, speed)
        log = folder / "hosts.log"
        where = "network namespaces" if arguments.inside else "no namespaces: all on this host"
        _print(f"seed {arguments.seed}, two hosts ({where}), TLS to all servers at {address}")
        began = time.monotonic()
        with _hosts(servers, districts, str(clock), arguments.inside, log):
            _wait_for(District.is_half_done, districts, arguments.seconds)
            for line in servers.connections():
                _print(f"  {line}")
            waiting = [not district.is_done() for district in districts]
            servers.fail_over()
            _print(
                f"{time.monotonic() - began:6.1f} s: PostgreSQL failed over, work left: {waiting}"
            )
            good = all(waiting) and _wait_for(District.is_done, districts, arguments.seconds)
            _print(f"{time.monotonic() - began:6.1f} s: nothing left to do: {good}")
        for name, district in zip(_NAMES, districts, strict=True):
            verdict = compare_with_reference(
                district.store, district.reference, district.lines, district.home / "notices.jsonl"
            )
            good &= verdict.good
            _print_verdict(name, verdict)
        with redis.Redis.from_url(servers.broker.url) as client:
            ids = {district.store.cipher.store_id for district in districts}
            foreign = {other.store_id for other in other_stores(client, "")} ^ ids
            good &= not foreign and not old_keys(client)
            _print(
                f"keys of {len(ids)} stores in the key-value server, of nobody else: {not foreign}"
            )
        if not good:
            _print(log.read_text(errors="replace")[-20_000:])
    return good


def _wait_for(
    condition: Callable[[District], bool], districts: Sequence[District], seconds: float
) -> bool:
    """Wait until all districts are so far; returns whether they are before the time is over."""
    until = time.monotonic() + seconds + _QUIET_WITHIN
    while not all(map(condition, districts)):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _print_verdict(name: str, verdict: Verdict) -> None:
    _print(
        f"district {name}: {verdict.messages} messages, {verdict.notices} notices, "
        f"lost {len(verdict.lost)}, twice {len(verdict.twice)}, different {len(verdict.different)}"
    )
    for line in [*verdict.lost, *verdict.twice, *verdict.different][:20]:
        _print(f"  {line}")


def _print(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    """Run in the namespace of the servers if there can be one, else here."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--copies", type=int, default=6)
    parser.add_argument("--share", type=int, default=1)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--inside", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.inside:
        try:
            with network() as prefix:
                command = [sys.executable, "-m", "tests.chaos.districts", *sys.argv[1:]]
                command += ["--seed", str(arguments.seed), "--inside", prefix]
                return subprocess.run([*on_host(f"{prefix}-hub"), *command], check=False).returncode
        except NoNamespaces as why:
            _print(str(why))
    with tempfile.TemporaryDirectory(prefix="hl-", dir="/tmp") as folder:
        return 0 if run_districts(arguments, Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
