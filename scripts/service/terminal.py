"""Measure how wide this terminal draws characters: draw them and ask where the cursor is."""

import os
import re
import select
import sys
import termios
import tty
from collections.abc import Sequence

from models.clock import monotonic

_TIMEOUT = 1.0
_CURSOR_REPORT = re.compile(rb"\x1b\[\d+;(\d+)R")


def character_widths(characters: Sequence[str]) -> dict[str, int] | None:
    """The cells that each character takes; None where there is no terminal, or it does not answer.

    What is typed meanwhile is lost.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    descriptor = sys.stdin.fileno()
    attributes = termios.tcgetattr(descriptor)
    widths = {}
    try:
        tty.setcbreak(descriptor)
        for character in characters:
            sys.stdout.write(f"\r{character}\x1b[6n")
            sys.stdout.flush()
            column = _read_cursor_column(descriptor)
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()
            if column is None:
                return None
            widths[character] = column - 1
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, attributes)
    return widths


def _read_cursor_column(descriptor: int) -> int | None:
    received, deadline = b"", monotonic() + _TIMEOUT
    while (left := deadline - monotonic()) > 0:
        if not select.select([descriptor], [], [], left)[0]:
            return None
        received += os.read(descriptor, 64)
        if report := _CURSOR_REPORT.search(received):
            return int(report.group(1))
    return None
