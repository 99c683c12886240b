"""The `hotline` command called inside the test's own process: many calls, no new interpreters."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from models.i18n import activate
from scripts.cli import main


@dataclass(frozen=True)
class CommandOutput:
    """The output of a call."""

    stdout: str
    stderr: str


class InProcessHotline:
    """The command with a home of the test's own, as `tests.scripts.hotline_process.Hotline` is."""

    def __init__(
        self,
        home: Path,
        patch: pytest.MonkeyPatch,
        printed: pytest.CaptureFixture[str],
        **settings: str,
    ) -> None:
        self.home, self._settings = home, settings
        self._patch, self._printed = patch, printed
        for name in [n for n in os.environ if n.startswith("HOTLINE_")]:
            patch.delenv(name)

    def __call__(self, *arguments: str | Path, code: int = 0, **settings: str) -> CommandOutput:
        """Run a command to its end; it must end with this exit code."""
        with self._patch.context() as patch, _quiet():
            variables = {"HOME": str(self.home), "LANG": "en"} | self._settings | settings
            for name, value in variables.items():
                patch.setenv(f"HOTLINE_{name}", value)
            patch.setattr(sys, "argv", ["hotline", *map(str, arguments)])
            with pytest.raises(SystemExit) as ended:
                main()
        output = CommandOutput(*self._printed.readouterr())
        assert (ended.value.code or 0) == code, output
        return output

    def json(self, *arguments: str | Path, **more: Any) -> Any:
        """Run a command with --json and parse what it prints."""
        return json.loads(self(*arguments, "--json", **more).stdout)

    def lines(self, *arguments: str | Path, **more: Any) -> list[Any]:
        """Run a command with --json and parse each line that it prints."""
        return [json.loads(line) for line in self(*arguments, "--json", **more).stdout.splitlines()]


@contextmanager
def _quiet() -> Iterator[None]:
    """Language and logging are the process's: put them back as they were."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:], root.level = before, level
        activate("en")
