"""Read JSON files of any length in a stream: a record a line, or one list of records."""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from models.i18n import LazyText, lazy
from models.rules.limits import KEPT_CHARACTERS, RECORD_BYTES
from scripts.ingest.readers.json_values import (
    DECODER,
    RawRecord,
    UnusableJson,
    incomplete,
    parse,
    strip,
    too_deep,
)

_CHUNK = 1 << 16
_NEXT_OBJECT = re.compile(r"\}\s*,\s*(?=\{)")
_SEPARATORS = re.compile(r"[\s,\ufeff]*")
_TOKEN = re.compile(r'[{}\[\]:]|"(?:[^"\\]|\\.)*"|[^\s{}\[\]:,"]+', re.DOTALL)
_BRACKETS = re.compile(r'"(?:[^"\\\n]|\\.)*"|[{}\[\]]')
_FOLLOWED = re.compile(r"\s*[,\]]")
_LAST_BRACKETS = re.compile(r"\}(?=\s*\][\s\]}]*\Z)")


def of_lines(stream: IO[bytes]) -> Iterator[RawRecord]:
    """The values of JSON Lines, one a line."""
    for number, (line, whole) in enumerate(_lines(stream), start=1):
        text = strip(line.decode("utf-8", "backslashreplace"))
        if not text:
            continue
        if not whole:
            why = lazy(
                "The line has more than {limit} bytes. Send one message a line", limit=RECORD_BYTES
            )
            yield RawRecord(number, text[:KEPT_CHARACTERS], why=why)
            continue
        yield parse(number, line, text)


class ListsUnknown(Exception):
    """An object has lists, and none is known to hold what is looked for; `paths` are where."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        super().__init__(", ".join(paths))


def of_whole(
    stream: IO[bytes], is_wanted: Callable[[object], bool], path: str = ""
) -> Iterator[RawRecord]:
    """The objects of a file that is one list, or an object with the list somewhere within.

    The list is the one at `path` (`result.records`), or those whose first object `is_wanted`. An
    object that is wanted itself is one too. Where several objects or lists stand one behind the
    other, all are read. Raises ListsUnknown.
    """
    window = _Window(stream)
    while window.skip_separators():
        sign = window.text[window.at]
        if sign == "[":
            window.advance(window.at + 1)
            yield from _elements(window)
        elif sign == "{" and not _is_record(window, is_wanted):
            yield from _enveloped(window, is_wanted, path)
        elif sign in "]}":
            # what an object or list that went wrong has left
            window.advance(window.at + 1)
        else:
            yield _element(window)


def of_array(stream: IO[bytes]) -> Iterator[RawRecord]:
    """The objects of a file that is one list, or of the first list of objects in it."""
    return of_whole(stream, lambda value: isinstance(value, dict) and not has_list(value))


def _is_record(window: "_Window", is_wanted: Callable[[object], bool]) -> bool:
    """Return whether the next object is a record, and not one around a list of them."""
    while window.left < RECORD_BYTES:
        try:
            value, _end = DECODER.raw_decode(window.text, window.at)
        except json.JSONDecodeError:
            if not window.read_more():
                break
            continue
        except (RecursionError, UnusableJson):
            break
        return is_wanted(value) or not has_list(value)
    return False


def has_list(value: object) -> bool:
    """Return whether a value is a list of objects, or an empty one, or has one within."""
    if isinstance(value, list):
        return not value or isinstance(value[0], dict)
    return isinstance(value, dict) and any(map(has_list, value.values()))


def _enveloped(
    window: "_Window", is_wanted: Callable[[object], bool], path: str
) -> Iterator[RawRecord]:
    """The objects of the wanted lists in the next object, up to its end."""
    keys: list[str] = []
    key = ""
    others: list[str] = []
    taken = False
    while (token := window.next_token()) is not None:
        if token == "{":
            keys.append(key)
        elif token == "}":
            keys.pop()
            if not keys:
                break
        elif token == "[":
            place = ".".join([*keys[1:], key])
            if not window.skip_separators():
                break
            if window.text[window.at] != "{":
                taken = taken or window.text[window.at] == "]"
                window.skip_list()
                continue
            first = _element(window)
            if place == path if path else is_wanted(first.value):
                taken = True
                yield first
                yield from _elements(window, first.line)
            else:
                others.append(place)
                window.skip_list()
        elif token.startswith('"'):
            following = window.skip_separators() and window.text[window.at]
            key = _unquoted(token) if following == ":" else key
    else:
        yield RawRecord(window.line, "", why=_CUT_OFF)
    if not taken:
        raise ListsUnknown(others)


def _unquoted(token: str) -> str:
    """The text of a key; one with an escape that is none is taken as it is written."""
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        return token.strip('"')


_CUT_OFF = lazy("The list has no end: the file was cut off")


def _elements(window: "_Window", last_line: int = 0) -> Iterator[RawRecord]:
    """The values up to the end of the list, which is read too.

    Those that stand on one line with others are numbered by their place in the list.
    """
    place, on_one_line = 1 if last_line else 0, False
    while True:
        if not window.skip_separators():
            yield RawRecord(window.line, "", why=_CUT_OFF)
            return
        if window.text[window.at] == "]":
            window.advance(window.at + 1)
            return
        raw = _element(window)
        place += 1
        on_one_line = on_one_line or raw.line == last_line
        last_line = raw.line
        yield RawRecord(place, raw.text, raw.value, raw.why) if on_one_line else raw


def _element(window: "_Window") -> RawRecord:
    """The next element; one that cannot be parsed ends where the next object seems to begin."""
    line = window.line
    why: LazyText | None = None
    value: object = None
    while True:
        try:
            value, end = DECODER.raw_decode(window.text, window.at)
        except json.JSONDecodeError as error:
            if window.left < RECORD_BYTES and window.read_more():
                continue
            why = incomplete(error.pos - window.at + 1)
        except RecursionError:
            why = too_deep()
        except UnusableJson as unusable:
            why = unusable.why
        else:
            # a number may go on in what has not been read yet
            if end == len(window.text) and window.read_more():
                continue
        break
    if why is not None:
        end = _end_of_damaged(window)
    text = window.text[window.at : end]
    window.advance(end)
    return RawRecord(line, text[:KEPT_CHARACTERS] if len(text) > RECORD_BYTES else text, value, why)


def _end_of_damaged(window: "_Window") -> int:
    """Where an element that cannot be parsed ends: by its brackets, or where the next one seems to.

    The last one ends before the brackets at the end of the file.
    """
    while True:
        end = _balanced_end(window.text, window.at)
        if end is not None:
            return end
        following = _NEXT_OBJECT.search(window.text, window.at)
        if following is not None:
            return following.end()
        if window.left >= RECORD_BYTES or not window.read_more():
            break
    last = _LAST_BRACKETS.search(window.text, window.at)
    return last.start() + 1 if last is not None else len(window.text)


def _balanced_end(text: str, at: int) -> int | None:
    """Where the brackets of an element are closed, if a comma or the list's end comes then."""
    depth = 0
    for match in _BRACKETS.finditer(text, at):
        sign = match.group()
        if sign in "{[":
            depth += 1
        elif sign in "}]":
            depth -= 1
            if depth <= 0:
                return match.end() if _FOLLOWED.match(text, match.end()) else None
    return None


class _Window:
    """The part of a text file that is in memory; reading goes on in `text` at `at`."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self.text = ""
        self.at = 0
        self.line = 1

    @property
    def left(self) -> int:
        """The number of characters in the window that have not been read."""
        return len(self.text) - self.at

    def read_more(self) -> bool:
        """Read more of the file into the window, and return whether there was any."""
        # doubling, so that a record of any length is parsed a few times only
        chunk = self._stream.read(max(_CHUNK, self.left))
        self.text = self.text[self.at :] + self._decoder.decode(chunk, final=not chunk)
        self.at = 0
        return bool(chunk)

    def skip_separators(self) -> bool:
        """Go on behind white space and commas; returns False at the end of the file."""
        while True:
            self.advance(_end(_SEPARATORS.match(self.text, self.at)) or self.at)
            if self.left:
                return True
            if not self.read_more():
                return False

    def next_token(self) -> str | None:
        """Read a bracket, a text, or the rest up to one; None at the end of the file."""
        while self.skip_separators():
            match = _TOKEN.match(self.text, self.at)
            if match is not None and (match.end() < len(self.text) or match.group() in "{}[]"):
                self.advance(match.end())
                return match.group()
            if self.left >= RECORD_BYTES or not self.read_more():
                return None
        return None

    def skip_list(self) -> None:
        """Go on behind the end of the list in which the next token stands."""
        depth = 1
        while depth and (token := self.next_token()) is not None:
            depth += (token == "[") - (token == "]")

    def advance(self, end: int) -> None:
        """Go on at this place."""
        self.line += self.text.count("\n", self.at, end)
        self.at = end


def _end(match: re.Match[str] | None) -> int:
    return match.end() if match else 0


def _lines(stream: IO[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each line and whether it is whole; of one that is too long only its beginning."""
    while line := stream.readline(RECORD_BYTES + 1):
        if len(line) <= RECORD_BYTES or line.endswith(b"\n"):
            yield line, True
            continue
        yield line, False
        while (rest := stream.readline(RECORD_BYTES)) and not rest.endswith(b"\n"):
            pass
