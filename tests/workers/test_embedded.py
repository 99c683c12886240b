"""The embedded key-value server keeps its data, is private, and never outlives its service."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import redis

from workers import embedded
from workers.embedded import EmbeddedServer, ServerNotStarted

# A service that is killed: it starts a server, says its process id, and waits for its end.
pytestmark = pytest.mark.usefixtures("starts_servers")

SERVICE = """\
import sys, time
from pathlib import Path
from workers.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(60)
"""


def becomes_true(fact: Callable[[], bool], within: float = 5.0) -> bool:
    until = time.monotonic() + within
    while not fact():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def write(server: EmbeddedServer, key: str, value: str) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.set(key, value)


def read(server: EmbeddedServer, key: str) -> bytes | str | None:
    with redis.Redis.from_url(server.url) as client:
        value = client.get(key)
    assert value is None or isinstance(value, bytes | str)
    return value


def test_what_was_written_is_there_after_a_stop_and_a_start(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "valkey")
    assert not server.is_alive()
    url = server.start()
    write(server, "bell", "1")
    assert server.is_alive()
    server.stop()
    assert not server.is_alive()
    assert server.pid is None
    server.stop()

    assert server.start() == url
    assert read(server, "bell") == b"1"
    server.stop()


def test_what_was_written_survives_a_killed_server(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        write(server, "bell", "1")
        first = server.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert becomes_true(lambda: server.pid is None)

        server.start()
        assert server.pid != first
        assert read(server, "bell") == b"1"


def test_only_its_user_can_reach_it(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "valkey") as server:
        assert server.pid is not None
        listening = [c.laddr for c in psutil.Process(server.pid).net_connections("inet")]
        assert listening == []
        assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


def test_it_refuses_rather_than_forgets_and_keeps_a_log(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        settings = client.config_get("maxmemory-policy", "appendonly", "appendfsync", "save")
        assert settings == {
            "maxmemory-policy": "noeviction",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
        }


def test_ctrl_c_in_the_services_terminal_does_not_end_it(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        assert server.pid is not None
        assert os.getpgid(server.pid) != os.getpgid(os.getpid())


def test_it_ends_with_a_killed_service_and_the_next_one_takes_over(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SERVICE, str(tmp_path)]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert service.stdout is not None
    with service.stdout as output:
        pid = int(output.readline())
        mine = EmbeddedServer(tmp_path)
        with redis.Redis.from_url(mine.url) as client:
            client.set("bell", "1")
        service.kill()
        service.wait()

        with mine:
            assert gone(pid)
            assert read(mine, "bell") == b"1"


def test_a_second_service_on_the_same_data_is_told_so(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as first:
        with pytest.raises(ServerNotStarted, match="already runs"):
            EmbeddedServer(tmp_path).start()
        assert first.is_alive()


@pytest.mark.parametrize(
    "name", ["two words", "濠江区", "it's", 'a "b" c', "100%2Fa?b#c", "back\\slash"]
)
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    with EmbeddedServer(tmp_path / name) as server:
        write(server, "bell", "1")
        assert read(server, "bell") == b"1"
        assert any((tmp_path / name).glob("appendonlydir/*.aof"))


def test_a_deep_home_gets_a_short_private_socket_of_the_same_name_each_time(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with EmbeddedServer(deep) as server:
        assert len(os.fsencode(server.socket)) < embedded.MAX_SOCKET_PATH
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
        assert server.url == EmbeddedServer(deep).url != EmbeddedServer(deep / "f").url
        write(server, "bell", "1")

    server.socket.parent.chmod(0o755)
    with pytest.raises(ServerNotStarted, match="Somebody else made"):
        server.start()
    server.socket.parent.rmdir()


def test_a_server_that_ends_at_once_says_why(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        write(server, "bell", "1")
    manifest = next((tmp_path / "appendonlydir").glob("*.manifest"))
    manifest.write_text("nonsense\n", encoding="utf-8")

    with pytest.raises(ServerNotStarted, match=r"ended: .*manifest.*valkey\.log") as raised:
        server.start()
    assert raised.value.log == tmp_path / "valkey.log"
    assert server.pid is None


def test_a_server_that_does_not_answer_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\necho still thinking\nexec sleep 60\n", encoding="utf-8")
    silent.chmod(0o700)
    monkeypatch.setattr(embedded, "server_binary", lambda: silent)
    monkeypatch.setattr(embedded, "START_TIMEOUT", 0.5)
    server = EmbeddedServer(tmp_path / "valkey")

    with pytest.raises(ServerNotStarted, match="does not answer: still thinking"):
        server.start()
    assert server.pid is None


def test_a_frozen_server_is_not_alive_and_can_be_stopped(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    server.start()
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    assert not server.is_alive()
    server.stop(timeout=0.2)
    assert gone(pid)


def test_a_socket_left_behind_does_not_matter(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(server.socket))
    with server:
        assert server.is_alive()


def test_a_machine_without_the_wheel_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "find_spec", lambda _name: None)
    with pytest.raises(ServerNotStarted, match="HOTLINE_BROKER_URL"):
        EmbeddedServer(tmp_path).start()
