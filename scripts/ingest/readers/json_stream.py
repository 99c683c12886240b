"""JSON in files: a record a line, or a list of any length, streamed within limits."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO

from models.i18n import LazyText, lazy
from scripts.ingest.readers.json_values import (
    DECODER,
    LONGEST,
    RawRecord,
    UnusableJson,
    bare,
    deep,
    piece,
    torn,
)

_CHUNK = 1 << 16
_KEPT = 1_000
_NEXT = re.compile(r"\}\s*,\s*(?=\{)")
_BETWEEN = re.compile(r"[\s,\ufeff]*")


def of_lines(stream: IO[bytes]) -> Iterator[RawRecord]:
    """The values of JSON Lines, one a line, streamed."""
    for number, (line, whole) in enumerate(_lines(stream), start=1):
        text = bare(line.decode("utf-8", "backslashreplace"))
        if not text:
            continue
        if not whole:
            why = lazy(
                "The line has more than {limit} bytes. Send one message a line", limit=LONGEST
            )
            yield RawRecord(number, text[:_KEPT], why=why)
            continue
        yield piece(number, line, text)


def of_array(stream: IO[bytes]) -> Iterator[RawRecord]:
    """The values of the first array in a file, streamed, be it a million long."""
    window = _Window(stream)
    window.pass_by("[")
    while True:
        window.drop(_end(_BETWEEN.match(window.text, window.at)) or window.at)
        if window.left == 0:
            if window.more():
                continue
            yield RawRecord(window.line, "", why=lazy("The list has no end: the file was cut off"))
            return
        if window.text[window.at] == "]":
            return
        yield _element(window)


def _element(window: "_Window") -> RawRecord:
    line = window.line
    why: LazyText | None = None
    value: object = None
    while True:
        try:
            value, end = DECODER.raw_decode(window.text, window.at)
        except json.JSONDecodeError as problem:
            if window.left < LONGEST and window.more():
                continue
            why = torn(problem.pos - window.at + 1)
        except RecursionError:
            why = deep()
        except UnusableJson as refused:
            why = refused.why
        else:
            # a number may go on in what has not been read yet
            if end == len(window.text) and window.more():
                continue
        break
    if why is not None:
        found = _NEXT.search(window.text, window.at)
        while found is None and window.left < LONGEST and window.more():
            found = _NEXT.search(window.text, window.at)
        end = _end(found) or len(window.text)
    text = window.text[window.at : end]
    window.drop(end)
    return RawRecord(line, text[:_KEPT] if len(text) > LONGEST else text, value, why)


class _Window:
    """A text file, of which a piece is looked at: what stands in `text` from `at` on."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self.text = ""
        self.at = 0
        self.line = 1

    @property
    def left(self) -> int:
        """How many characters of the piece have not been dealt with."""
        return len(self.text) - self.at

    def more(self) -> bool:
        """Read on; whether there was anything left."""
        # doubling, so that a record of any length is tried a few times only
        raw = self._stream.read(max(_CHUNK, self.left))
        self.text = self.text[self.at :] + self._decoder.decode(raw, final=not raw)
        self.at = 0
        return bool(raw)

    def pass_by(self, sign: str) -> None:
        """Go on behind the first such sign, reading on as far as a record may be long."""
        while (place := self.text.find(sign)) < 0 and self.left < LONGEST and self.more():
            pass
        self.drop(place + 1)

    def drop(self, end: int) -> None:
        """Go on at this place."""
        self.line += self.text.count("\n", self.at, end)
        self.at = end


def _end(found: re.Match[str] | None) -> int:
    return found.end() if found else 0


def _lines(stream: IO[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each line and whether it is whole; of one that is too long only its beginning."""
    while line := stream.readline(LONGEST + 1):
        if len(line) <= LONGEST or line.endswith(b"\n"):
            yield line, True
            continue
        yield line, False
        while (rest := stream.readline(LONGEST)) and not rest.endswith(b"\n"):
            pass
