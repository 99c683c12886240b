"""The terminal that a program runs in: what is drawn there, and how wide it draws characters."""

import os
import re
import select
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from models.clock import monotonic

_TIMEOUT = 1.0
_CURSOR_REPORT = re.compile(rb"\x1b\[\d+;(\d+)R")


@contextmanager
def drawing_on_terminal() -> Iterator[None]:
    """Have Textual draw on the terminal of the standard output if errors go elsewhere.

    It draws where errors go, so that with `2>errors.log` nothing would be seen.
    """
    streams = vars(sys)
    errors, output = sys.__stderr__, sys.__stdout__
    if errors is not None and output is not None and output.isatty() and not errors.isatty():
        streams["__stderr__"] = output
    try:
        yield
    finally:
        streams["__stderr__"] = errors


def character_widths(characters: Sequence[str]) -> dict[str, int] | None:
    """The cells that each character takes; None where there is no terminal, or it does not answer.

    They are drawn, and the terminal asked where the cursor is. What is typed meanwhile is lost.
    """
    # the real one: the output of commands takes no questions to the terminal
    screen = sys.__stdout__
    if screen is None or not (sys.stdin.isatty() and screen.isatty()):
        return None
    descriptor = sys.stdin.fileno()
    attributes = termios.tcgetattr(descriptor)
    widths = {}
    try:
        tty.setcbreak(descriptor)
        for character in characters:
            screen.write(f"\r{character}\x1b[6n")
            screen.flush()
            column = _read_cursor_column(descriptor)
            screen.write("\r\x1b[K")
            screen.flush()
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
