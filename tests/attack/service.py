"""A whole service under attack, and what must be true of it afterwards."""

import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from sqlalchemy import select

from models.database import Store
from models.queries.verification import verify
from models.tables.core import TICKET
from tests.attack.attackers import (
    Attacker,
    BrokerAttacker,
    FolderAttacker,
    PageAttacker,
    ShellAttacker,
)
from tests.monitor.serving import issued
from tests.secrets.test_clear_columns import in_clear
from tests.servers.key_value import KeyValueServer
from tests.servers.postgres import Databases
from tests.store.factories import letter, prepared_store
from tests.workers.processes import environment, process, wait_until

MARK = "绝密标记"
"""What every letter holds, and nothing in clear may."""

_NOBODY = 65534
_SAMPLES = 4
_MAX_GROWTH = 48
"""MiB that a process may grow in the second half."""
_COMMANDS = (("status",), ("log", "A0"), ("log", "--verify"), ("failures",), ("tickets",))
_MAX_BYTES = 600 << 20
"""Bytes that a process may hold at the end."""


@dataclass
class AttackResult:
    """What was tried, and what went wrong; nothing should have."""

    letters: int = 0
    attempts: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    memory: dict[str, list[int]] = field(default_factory=dict)
    """MiB that each role held, with its children, at equal intervals after the warm-up."""


def attack(
    folder: Path,
    server: KeyValueServer,
    seconds: float,
    seed: int,
    database: Databases | None = None,
) -> AttackResult:
    """Run a service on SQLite or on a server, attack it for so long, and look at what is left."""
    url_of_store = f"sqlite:///{folder / 'home' / 'hotline.db'}"
    if database is not None:
        url_of_store = database.url(database.create(), "postgresql+psycopg")
    home, inbox, log = folder / "home", folder / "in", folder / "log"
    inbox.mkdir()
    home.mkdir(mode=0o700)
    (home / "roles.toml").write_text("")
    (home / "roles.toml").unlink()
    result = AttackResult()
    with server, prepared_store(url_of_store) as store:
        env = environment(home, store.url, server.url, LANG="en", OPERATOR="林")
        (home / "hotline.key").chmod(0o600)
        port = _free_port()
        roles = (
            ("worker",), ("timekeeper",),
            ("feed", "--watch", str(inbox), "--every", "0.1", "--calm", "0.2"),
            ("monitor", "--serve", "--port", str(port)),
        )  # fmt: skip
        with ExitStack() as stack:
            running = [stack.enter_context(process(*role, env=env, log=log)) for role in roles]
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: _has_started(running), 60, "every role has loaded what it needs")
            attackers = _attackers(seed, inbox, home, server.url, url, store)
            with _acting(attackers):
                begun = time.monotonic()
                while (passed := time.monotonic() - begun) < seconds:
                    _drop(inbox, result.letters)
                    result.letters += 1
                    samples = max(map(len, result.memory.values()), default=0)
                    if passed > seconds * (samples + 1) / (_SAMPLES + 1):
                        for role, child in zip(roles, running, strict=True):
                            result.memory.setdefault(role[0], []).append(_memory(child.pid))
                    time.sleep(0.2)
            wanted = {f"A{n}" for n in range(result.letters)}
            try:
                wait_until(
                    lambda: _tickets(store) >= wanted, 60 + seconds, "every letter is a ticket"
                )
            except AssertionError:
                missing = sorted(wanted - _tickets(store))
                result.faults.append(f"no ticket: {', '.join(missing[:10])}")
            for role, child in zip(roles, running, strict=True):
                if role[0] == "feed" and child.poll() is not None:
                    result.faults.append("the watcher has ended")
                result.faults += _too_large(role[0], child.pid)
            result.faults += _outliving(running)
        result.attempts = {type(a).__name__: a.attempts for a in attackers}
        result.faults += _growing(result.memory)
        result.faults += _left_behind(store, home, log, attackers)
        result.faults += _in_clear(store, folder, environment_of_commands=env)
    return result


def _attackers(
    seed: int, inbox: Path, home: Path, broker: str, url: str, store: Store
) -> list[Attacker]:
    attackers: list[Attacker] = [
        FolderAttacker(seed, inbox, home),
        BrokerAttacker(seed + 1, broker, store.cipher.store_id),
        PageAttacker(seed + 2, url, issued(store)),
    ]
    if os.geteuid() == 0:
        attackers.append(ShellAttacker(seed + 3, home, _NOBODY))
    return attackers


@contextmanager
def _acting(attackers: list[Attacker]) -> Iterator[None]:
    for attacker in attackers:
        attacker.start()
    try:
        yield
    finally:
        for attacker in attackers:
            attacker.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _drop(inbox: Path, number: int) -> None:
    """Put a letter into the folder as an honest neighbour does: renamed into place."""
    part = inbox / f"honest-{number}.part"
    more = {
        "content": f"{MARK}，路灯不亮。",
        "claimant": {"name": f"{MARK}某", "phone": "13900001111", "address": f"{MARK}路一号"},
        "suggested_unit": f"{MARK}局",
        f"{MARK}附言": MARK,
    }
    if number % 5 == 4:
        # a unit that nobody knows, a code that is none
        more |= {"unit": f"{MARK}局"}
    body = letter(f"A{number}", "2026-11-02T09:00:00+08:00", **more)
    part.write_text(json.dumps(body, ensure_ascii=False) + "\n", "utf-8")
    part.rename(part.with_suffix(".jsonl"))


def _tickets(store: Store) -> set[str]:
    with store.reading() as session:
        return set(session.scalars(select(TICKET.c.number)).all())


def _too_large(role: str, pid: int) -> list[str]:
    try:
        main = psutil.Process(pid)
        processes = [main, *main.children(recursive=True)]
        sizes = [child.memory_info().rss for child in processes]
    except psutil.NoSuchProcess:
        return []
    return [f"{role} holds {size >> 20} MiB" for size in sizes if size > _MAX_BYTES]


def _memory(pid: int) -> int:
    """The MiB that a role holds, with its web server; tabs come and go, and have a limit each."""
    try:
        first = psutil.Process(pid)
        return (first.memory_info().rss + sum(map(_lasting, first.children()))) >> 20
    except psutil.NoSuchProcess:
        return 0


def _lasting(child: psutil.Process) -> int:
    """The bytes that a child holds, none if it is a tab, which may be just ending."""
    try:
        is_tab = "hotline tab" in " ".join(child.cmdline())
        return 0 if is_tab else int(child.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _has_started(running: Sequence["subprocess.Popen[bytes]"]) -> bool:
    """Return whether the monitor has its web server, and no role has grown for a second."""
    before = [_memory(child.pid) for child in running]
    time.sleep(1)
    served = psutil.Process(running[-1].pid).children()
    return bool(served) and before == [_memory(child.pid) for child in running]


def _growing(memory: Mapping[str, Sequence[int]]) -> Iterator[str]:
    for role, sizes in memory.items():
        warm = sizes[: _SAMPLES // 2]
        if warm and max(sizes) - warm[-1] > _MAX_GROWTH:
            yield f"{role} grows: {sizes} MiB"


def _in_clear(store: Store, folder: Path, environment_of_commands: dict[str, str]) -> Iterator[str]:
    """Yield where a mark stands in clear: in files, in the store, in what commands print."""
    inbox = folder / "in"
    fed = folder / "home" / "watched"
    for path in folder.rglob("*"):
        lies_as_it_came = inbox in path.parents or fed in path.parents
        if path.is_file() and not path.is_symlink() and not lies_as_it_came:
            if MARK.encode() in path.read_bytes():
                yield f"a mark stands in clear in {path.relative_to(folder)}"
            if path.name.startswith("core"):
                yield f"a dump: {path}"
    yield from (
        f"a mark stands in clear: {place[:200]}" for place in in_clear(store) if MARK in place
    )
    for command in _COMMANDS:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "scripts", *command],
            env=environment_of_commands, capture_output=True, check=False,
        )  # fmt: skip
        if MARK.encode() in done.stdout + done.stderr:
            yield f"a mark is printed by hotline {' '.join(command)}"


def _outliving(running: list["subprocess.Popen[bytes]"]) -> list[str]:
    """Stop the service; a fault for each process that does not end with its parent."""
    children = [
        c for parent in running for c in psutil.Process(parent.pid).children(recursive=True)
    ]
    for parent in running:
        parent.terminate()
    for parent in running:
        parent.wait(30)
    _ended, alive = psutil.wait_procs(children, 30)
    return [f"outlives its parent: {' '.join(child.cmdline())}" for child in alive]


def _left_behind(store: Store, home: Path, log: Path, attackers: list[Attacker]) -> Iterator[str]:
    """Yield what an attacker has reached, changed or made public."""
    verification = verify(store)
    if verification.broken is not None:
        yield f"the chain is broken: {verification.broken}"
    for attacker in attackers:
        if isinstance(attacker, ShellAttacker) and attacker.reached:
            yield f"another user reached {attacker.reached[0]}"
    for path in (home, *home.rglob("*")):
        if path.is_symlink():
            yield f"a link in the home: {path}"
        elif path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield f"open to others: {path}"
    if (home / "roles.toml").exists():
        yield "somebody has set roles"
