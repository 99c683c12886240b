"""A program in a terminal of its own: keys go in, and what it draws is read from the screen."""

import os
import pty
import re
import select
import subprocess
from codecs import getincrementaldecoder
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from rich.cells import cell_len

from models.clock import monotonic
from scripts.bench.testbed import BenchFailed

_SEQUENCE = re.compile(
    r"\x1b\[([0-?]*)[ -/]*([@-~])"  # a control sequence: its parameters, and its last character
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[@-Z\\^_=>78]"
    r"|[^\x1b]+"
)
_VARIABLES = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
_MODE_OF_FRAMES = "?2026"
_ASKED, _SUPPORTED = f"\x1b[{_MODE_OF_FRAMES}$p", f"\x1b[{_MODE_OF_FRAMES};2$y".encode()


class ScreenText:
    """The text that a program has drawn, without its colours.

    `frames` counts its finished pictures; `on_frame` is called with each.
    """

    def __init__(self, width: int, height: int) -> None:
        self._rows = [[" "] * width for _row in range(height)]
        self._x = self._y = 0
        self._rest = ""
        self.frames = 0
        self.on_frame: Callable[[Sequence[str]], None] = lambda _lines: None

    @property
    def lines(self) -> list[str]:
        """The lines as they are now; a wide character takes one place, not two."""
        return ["".join(row) for row in self._rows]

    def feed(self, text: str) -> None:
        """Draw what the program has written; a sequence that is not complete waits for its rest."""
        text, end = self._rest + text, 0
        while match := _SEQUENCE.match(text, end):
            end = match.end()
            if match[2]:
                self._control(match[1], match[2])
            elif match[0][0] != "\x1b":
                self._write(match[0])
        self._rest = text[end:]

    def _control(self, parameters: str, last: str) -> None:
        numbers = [int(n) if n.isdecimal() else 0 for n in parameters.split(";")]
        if last in "Hf":
            self._y = max(numbers[0], 1) - 1
            self._x = max(numbers[1] if len(numbers) > 1 else 1, 1) - 1
        elif last in "JK":
            rows = self._rows if last == "J" else self._rows[self._y : self._y + 1]
            for row in rows:
                row[:] = [" "] * len(row)
        elif last == "l" and parameters == _MODE_OF_FRAMES:
            self.frames += 1
            self.on_frame(self.lines)

    def _write(self, text: str) -> None:
        for character in text:
            if character == "\n":
                self._x, self._y = 0, self._y + 1
            elif character == "\r":
                self._x = 0
            elif character >= " ":
                self._put(character)

    def _put(self, character: str) -> None:
        width = cell_len(character)
        if 0 <= self._y < len(self._rows) and self._x + width <= len(self._rows[self._y]):
            # the second place of a wide character is empty
            self._rows[self._y][self._x : self._x + width] = [character, ""][:width]
        self._x += width


class Terminal:
    """A program that runs in a terminal of this size; `written` counts the bytes that it wrote."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], size: tuple[int, int]
    ) -> None:
        self.screen = ScreenText(*size)
        self.written = 0
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command,
            env={**environment, **_VARIABLES, "COLUMNS": str(size[0]), "LINES": str(size[1])},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_wrong: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    @property
    def text(self) -> str:
        """The whole screen."""
        return "\n".join(self.screen.lines)

    def press(self, keys: str) -> None:
        """Send keys as a terminal sends them."""
        os.write(self._master, keys.encode())

    def watch(self, seconds: float) -> None:
        """Read for so long what the program writes."""
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            self._read(left)

    def until(self, what: Callable[[], bool], within: float = 30.0) -> float:
        """Read until something is seen; returns the seconds that it took.

        Raises BenchFailed where it is not seen in time.
        """
        began = monotonic()
        while not what():
            if self.process.poll() is not None or monotonic() - began > within:
                raise BenchFailed(f"not seen within {within:.0f} s:\n{self.text}")
            self._read(0.5)
        return monotonic() - began

    def _read(self, seconds: float) -> None:
        ready, _writing, _wrong = select.select([self._master], [], [], seconds)
        if not ready:
            return
        data = os.read(self._master, 1 << 16)
        self.written += len(data)
        text = self._decode(data)
        if _ASKED in text:
            os.write(self._master, _SUPPORTED)
        self.screen.feed(text)
