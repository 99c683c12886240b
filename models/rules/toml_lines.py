"""Find the line of a value in a TOML text.

tomllib and tomlkit both forget positions, so the text is scanned a second time, and only when
something is wrong with it. The scanner relies on tomllib having accepted the text before.
"""

import re
import tomllib
from bisect import bisect_right

Path = tuple[str | int, ...]
"""The keys that lead to a value; an element of a list stands under its index, from 0."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:\\.|[^"\\])*"' r"|'[^']*'", re.DOTALL
)
_KEY = re.compile(r"[ \t]*(?:([A-Za-z0-9_-]+)|(\"(?:\\.|[^\"\\])*\"|'[^']*'))[ \t]*")
_BARE_VALUE = re.compile(r"[^,\]}\n#]*")


def find_lines(text: str) -> dict[Path, int]:
    """The line, from 1, of every key, table and list element of a valid TOML text."""
    return _Scanner(text).lines


class _Scanner:
    """Walks through a TOML text once and notes where each value begins."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._last_index: dict[Path, int] = {}
        table: Path = ()
        while self._skip_blank() < len(text):
            if text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip_blank(self) -> int:
        return self._match(_BLANK).end()

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self._text, self._at)
        assert match is not None, f"no TOML at character {self._at}"
        self._at = match.end()
        return match

    def _note(self, path: Path, begin: int) -> None:
        """Note the line of a path, and of the tables that it opens on the way."""
        line = bisect_right(self._starts, begin)
        for depth in range(1, len(path) + 1):
            self.lines.setdefault(path[:depth], line)

    def _header(self) -> Path:
        """Read `[a.b]` or `[[a.b]]`; returns the path of the table that it opens."""
        begin = self._at
        brackets = 2 if self._text.startswith("[[", begin) else 1
        self._at += brackets
        *above, last = self._keys()
        self._at += brackets
        path: Path = ()
        for key in above:
            path = self._newest((*path, key))
        path = (*path, last)
        if brackets == 2:
            self._last_index[path] = self._last_index.get(path, -1) + 1
            path = self._newest(path)
        self._note(path, begin)
        return path

    def _newest(self, path: Path) -> Path:
        """The same path, or where it is a list of tables the last of them."""
        index = self._last_index.get(path)
        return path if index is None else (*path, index)

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            bare, quoted = self._match(_KEY).groups()
            keys.append(bare or tomllib.loads(f"key = {quoted}")["key"])
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _pair(self, table: Path) -> None:
        begin = self._at
        path = (*table, *self._keys())
        self._note(path, begin)
        self._at += len("=")
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip_blank()
        match self._text[self._at]:
            case "[":
                self._elements(path)
            case "{":
                self._inline_table(path)
            case '"' | "'":
                self._match(_STRING)
            case _:
                self._match(_BARE_VALUE)

    def _elements(self, path: Path) -> None:
        self._at += len("[")
        index = 0
        while self._text[self._skip_blank()] != "]":
            self._note((*path, index), self._at)
            self._value((*path, index))
            index += 1
            self._skip_comma()
        self._at += len("]")

    def _inline_table(self, path: Path) -> None:
        self._at += len("{")
        while self._text[self._skip_blank()] != "}":
            self._pair(path)
            self._skip_comma()
        self._at += len("}")

    def _skip_comma(self) -> None:
        if self._text[self._skip_blank()] == ",":
            self._at += len(",")
