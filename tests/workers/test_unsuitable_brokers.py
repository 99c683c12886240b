"""A node of a cluster and a sentinel hold no queues: whoever names one is told so at once."""

from pathlib import Path

import pytest

from scripts.service.broker_checks import check_broker
from scripts.service.check_result import PROBLEM
from tests.scripts.hotline_process import HotlineProcess
from tests.servers.key_value import KeyValueServer, installed_server
from tests.store.factories import prepared_home
from workers.broker import require_broker
from workers.broker_errors import BrokerUnsuitable

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
