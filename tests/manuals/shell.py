"""A shell in which `hotline` is the command of this clone (tests/manuals/command_server.py)."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.manuals.blocks import Block

_NAME_THE_LINE = """trap 'echo "failed: $BASH_COMMAND" >&2' ERR\n"""


@dataclass(frozen=True)
class Shell:
    """A person at a shell, with a home and a folder of files; nothing else is set."""

    user: Path
    folder: Path

    @property
    def home(self) -> Path:
        """The home of hotline, where it lies if nobody says otherwise."""
        return self.user / ".local" / "share" / "hotline"

    def run(self, block: Block) -> str:
        """Run the commands of a block to their end; returns what they print."""
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", _NAME_THE_LINE + block.commands],
            cwd=self.folder,
            env=self._environment(),
            input=block.marks.get("stdin", "").replace("\\n", "\n"),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        report = (
            f"line {block.line}: exit code {done.returncode}\n{done.stdout[-800:]}{done.stderr}"
        )
        assert done.returncode == block.code, report
        assert "Traceback" not in done.stderr, report
        return done.stdout

    def install(self, program: str) -> None:
        """Put the command where the manuals call it."""
        for folder in (self.user / "bin", self.folder / ".venv" / "bin"):
            folder.mkdir(parents=True)
            (folder / "hotline").write_text(program)
            (folder / "hotline").chmod(0o755)

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.user),
            "PATH": f"{self.user / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "PYTHONHASHSEED": "0",
        }
