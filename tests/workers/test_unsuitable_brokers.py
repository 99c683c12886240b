"""A node of a cluster and a sentinel hold no queues: whoever names one is told so at once."""

import time
from pathlib import Path

import pytest
import redis
from dramatiq.errors import ConnectionClosed

from scripts.service.broker_checks import check_broker
from scripts.service.check_result import PROBLEM
from tests.scripts.hotline_process import HotlineProcess
from tests.servers.key_value import KeyValueServer, installed_server
from tests.store.factories import prepared_home
from workers.broker import connect, connect_client, require_broker
from workers.broker_errors import BrokerUnsuitable, is_refusal

pytestmark = pytest.mark.usefixtures("starts_servers")


class ClusterNode(KeyValueServer):
    """A server that is one node of a cluster."""

    def _command(self, binary: Path) -> list[str]:
        # it binds a second port, ten thousand above its own
        return [*super()._command(binary), "--cluster-enabled", "yes"]


class Sentinel(KeyValueServer):
    """A server that watches others."""

    def _command(self, binary: Path) -> list[str]:
        command = super()._command(binary)
        file = self.data / "sentinel.conf"
        file.write_text(f"port 0\nunixsocket {self.socket}\ndir {self.data}\n")
        return [*command[: command.index(str(binary)) + 1], str(file), "--sentinel"]


@pytest.mark.parametrize(
    ("kind", "words", "command"),
    [(ClusterNode, "node of a cluster", "worker"), (Sentinel, "sentinel", "timekeeper")],
)
def test_a_server_without_queues_is_refused_at_once(
    kind: type[KeyValueServer], words: str, command: str, tmp_path: Path
) -> None:
    """By the processes that use it, and by the doctor; a cluster let them wait for ever."""
    hotline = HotlineProcess(prepared_home(tmp_path / "home"), tmp_path)
    with kind(tmp_path / "kind", installed_server()) as server:
        line = hotline(command, code=1, BROKER_URL=server.url).stderr
        assert line.startswith("hotline: HOTLINE_BROKER_URL: it is a ")
        assert words in line
        with pytest.raises(BrokerUnsuitable, match=words):
            # as `hotline up` does before it starts anything
            require_broker(server.url)
        (result,) = check_broker(server.url, None)
    assert result.state == PROBLEM
    assert words in result.text


def _consumers_fault(server: KeyValueServer) -> str:
    """Return what a worker's consumer stops for, as its log has it."""
    broker = connect(server.url, "0" * 16)
    with pytest.raises(ConnectionClosed) as caught:
        next(iter(broker.consume("intake", prefetch=1, timeout=1)))
    broker.close()
    return str(caught.value)


def test_a_replica_is_called_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At the start, while it is asked, and by the doctor; it may be the first server later."""
    words = "it is a replica and can only be read"
    with KeyValueServer(tmp_path / "kind", installed_server()) as server:
        with redis.Redis.from_url(server.url) as client:
            client.replicaof("127.0.0.1", "1")
        require_broker(server.url)
        assert words in caplog.text
        assert words in _consumers_fault(server)
        (result,) = check_broker(server.url, None)
    assert (result.state, words in result.text) == (PROBLEM, True)


def test_a_server_that_cannot_save_is_called_so(tmp_path: Path) -> None:
    """Or has no database of that number; neither is a fault of this program."""
    with KeyValueServer(tmp_path / "kind", installed_server()) as server:
        with connect_client(f"{server.url}?db=99") as client:
            with pytest.raises(redis.ResponseError) as caught:
                client.ping()
            assert is_refusal(caught.value)
        with redis.Redis.from_url(server.url) as client:
            # what cannot be replaced by a file
            (tmp_path / "kind" / "dump.rdb").mkdir()
            client.config_set("save", "1 1")
            client.bgsave()
            until = time.monotonic() + 10
            while client.info("persistence")["rdb_last_bgsave_status"] == "ok":
                assert time.monotonic() < until
        assert "it cannot save" in _consumers_fault(server)
