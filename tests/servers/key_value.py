"""Key-value servers: one whose address is given, an installed Valkey or Redis, or the wheel's."""

import shutil
from pathlib import Path

from workers.embedded import EmbeddedServer

_PROGRAMS = ("valkey-server", "redis-server")


class KeyValueServer(EmbeddedServer):
    """The embedded server, run with another program where one is installed."""

    def __init__(self, data: Path, program: Path | None = None) -> None:
        super().__init__(data, program)
        self.program = program

    def _command(self, binary: Path) -> list[str]:
        command = super()._command(binary)
        if self.program is not None:
            # Only newer ones know this setting, and distributions compile for their own locales.
            at = command.index("--locale-collate")
            del command[at : at + 2]
        return command


def installed_server(search_path: str | None = None) -> Path | None:
    """The first server program on the search path (this process's by default), if there is one."""
    paths = (shutil.which(name, path=search_path) for name in _PROGRAMS)
    return next((Path(program) for program in paths if program), None)


def own_database(url: str, worker_id: str) -> str:
    """The address of a test process's own database at a given server: gw0 has 1, and so on.

    Database 0 is left alone. A server has 16 databases unless it is told otherwise.
    """
    number = int(worker_id.removeprefix("gw")) + 1 if worker_id != "master" else 1
    return f"{url}{'&' if '?' in url else '?'}db={number}"
