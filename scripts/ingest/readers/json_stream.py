"""Read JSON files of any length in a stream: a record a line, or one list of records."""

import codecs
import json
import re
from collections.abc import Iterator
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


def of_array(stream: IO[bytes]) -> Iterator[RawRecord]:
    """The values of the first list in a file."""
    window = _Window(stream)
    window.skip_past("[")
    while True:
        window.advance(_end(_SEPARATORS.match(window.text, window.at)) or window.at)
        if window.left == 0:
            if window.read_more():
                continue
            yield RawRecord(window.line, "", why=lazy("The list has no end: the file was cut off"))
            return
        if window.text[window.at] == "]":
            return
        yield _element(window)


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
        following = _NEXT_OBJECT.search(window.text, window.at)
        while following is None and window.left < RECORD_BYTES and window.read_more():
            following = _NEXT_OBJECT.search(window.text, window.at)
        end = _end(following) or len(window.text)
    text = window.text[window.at : end]
    window.advance(end)
    return RawRecord(line, text[:KEPT_CHARACTERS] if len(text) > RECORD_BYTES else text, value, why)


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

    def skip_past(self, sign: str) -> None:
        """Go on behind the first such sign, if it comes within the length of a record."""
        while (place := self.text.find(sign)) < 0 and self.left < RECORD_BYTES and self.read_more():
            pass
        self.advance(place + 1)

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
