"""The `hotline` command as somebody at a shell calls it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.scripts.forked_commands import run_forked


class HotlineProcess:
    """The command with a home of the test's own, called from a folder of the test's own."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home = home
        self.folder = folder
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
        self.environment = kept | {"HOTLINE_HOME": str(home), "HOTLINE_LANG": "en"}

    def __call__(
        self, *arguments: str | Path, stdin: str = "", code: int = 0, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; it must end with this exit code."""
        done = run_forked(
            [*map(str, arguments)],
            environment=self.environment | {f"HOTLINE_{k}": v for k, v in settings.items()},
            folder=self.folder,
            stdin=stdin,
            timeout=100,
        )
        assert done.returncode == code, done.stdout[-1500:] + done.stderr[-1500:]
        return done

    def json(self, *arguments: str | Path, **more: Any) -> Any:
        """Run a command with --json and parse what it prints."""
        return json.loads(self(*arguments, "--json", **more).stdout)

    def lines(self, *arguments: str | Path, **more: Any) -> list[Any]:
        """Run a command with --json and parse each line that it prints."""
        return [json.loads(line) for line in self(*arguments, "--json", **more).stdout.splitlines()]
