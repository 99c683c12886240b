"""Print a command's result for people: tables, colours at a terminal, a pager where it is long."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.cells import cell_len

from models.child_environment import environment_for_pager
from models.rules.text import terminal_text
from models.settings import Settings
from scripts.tables import BOLD, Table, coloured, table_lines

_COLOURS = re.compile("\x1b\\[[0-9;]*m")


class Screen:
    """Collects the lines of a result; `width` is a terminal's in cells, None for anything else."""

    def __init__(self, width: int | None = None, *, in_colour: bool = False) -> None:
        self.width, self._in_colour = width, in_colour
        self._lines: list[str] = []

    @property
    def text(self) -> str:
        """All lines so far."""
        return "".join(f"{line}\n" for line in self._lines)

    def line(self, text: str = "", colour: str = "") -> None:
        """Add a line, in a colour where there are colours."""
        self._lines.append(coloured(text, colour) if colour and self._in_colour else text)

    def table(self, table: Table) -> None:
        """Add a table under its title; one without rows is left out."""
        if not table.rows:
            return
        if table.title:
            self.line(table.title, BOLD)
        self._lines += table_lines(table, self.width, in_colour=self._in_colour)


@contextmanager
def screen(settings: Settings) -> Iterator[Screen]:
    """Print what is put on the screen at the end, also where the command fails meanwhile.

    A terminal gets colours, and what is longer than it goes through the pager; a file, a pipe or a
    script gets all of it as it is.
    """
    if not sys.stdout.isatty():
        page = Screen()
        try:
            yield page
        finally:
            sys.stdout.write(page.text)
        return
    # a terminal that does not tell its size has none
    columns, rows = os.get_terminal_size(sys.stdout.fileno())
    page = Screen(columns or None, in_colour=settings.in_colour)
    try:
        yield page
    finally:
        lines = sum(_screen_lines(line, columns) for line in page.text.splitlines())
        if not (rows and lines >= rows and _paged(page.text, settings.pager)):
            sys.stdout.write(page.text)


def _screen_lines(line: str, columns: int) -> int:
    """Return the lines of the terminal that a line takes."""
    return max(1, -(-cell_len(_COLOURS.sub("", line)) // columns)) if columns else 1


def _paged(text: str, pager: str) -> bool:
    """Show a text in the pager; returns False where there is none."""
    command = shlex.split(pager)
    if not command or command == ["cat"] or shutil.which(command[0]) is None:
        return False
    sys.stdout.flush()
    # Ctrl+C is the pager's while it runs
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        subprocess.run(
            command,
            input=terminal_text(text).encode(sys.stdout.encoding, "replace"),
            stdout=sys.stdout.fileno(),
            env=environment_for_pager(sys.stdout.encoding),
            check=False,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    return True
