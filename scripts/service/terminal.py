"""How wide this terminal draws characters, found by drawing them and asking where the cursor is."""

import os
import re
import select
import sys
import termios
import tty
from collections.abc import Sequence

from models.clock import monotonic

_WITHIN = 1.0
_ANSWER = re.compile(rb"\x1b\[\d+;(\d+)R")


def character_widths(characters: Sequence[str]) -> dict[str, int] | None:
    """The cells that each character takes; None where this is no terminal, or it does not answer.

    What was typed meanwhile is lost.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    found = {}
    try:
        tty.setcbreak(descriptor)
        for character in characters:
            sys.stdout.write(f"\r{character}\x1b[6n")
            sys.stdout.flush()
            column = _column(descriptor)
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()
            if column is None:
                return None
            found[character] = column - 1
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
    return found


def _column(descriptor: int) -> int | None:
    told, until = b"", monotonic() + _WITHIN
    while (left := until - monotonic()) > 0:
        if not select.select([descriptor], [], [], left)[0]:
            return None
        told += os.read(descriptor, 64)
        if answer := _ANSWER.search(told):
            return int(answer.group(1))
    return None
