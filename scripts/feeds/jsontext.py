"""JSON of strangers: one value at a time, with limits, and nothing lost without a word."""

import codecs
import json
import math
import re
from collections.abc import Iterator
from typing import IO, Any, Never

from models.labels import Said, say
from models.rules.text import clean, escaped, is_plain, undoubled

LONGEST = 1 << 20
"""Bytes that a record may have. A longer one is no letter, and must not fill the memory."""

_CHUNK = 1 << 16
_KEPT = 1_000
_DEEPEST = 100
_LONGEST_WHOLE = 18
_MARK = "\ufeff"
_NEXT = re.compile(r"\}\s*,\s*(?=\{)")
_BETWEEN = re.compile(r"[\s,\ufeff]*")


class Refused(ValueError):
    """A piece of JSON that cannot be taken."""

    def __init__(self, why: Said) -> None:
        self.why = why
        super().__init__(why.text)


class Piece:
    """One record's text and the line it begins at; `why` if it is none."""

    __slots__ = ("line", "text", "value", "why")

    def __init__(self, line: int, text: str, value: object = None, why: Said | None = None) -> None:
        self.line = line
        self.text = text
        self.value = value
        self.why = why


def of_lines(stream: IO[bytes]) -> Iterator[Piece]:
    """The values of JSON Lines, one a line, streamed."""
    for number, (line, whole) in enumerate(_lines(stream), start=1):
        text = _bare(line.decode("utf-8", "backslashreplace"))
        if not text:
            continue
        if not whole:
            why = say(
                "The line has more than {limit} bytes. Send one message a line", limit=LONGEST
            )
            yield Piece(number, text[:_KEPT], why=why)
            continue
        yield piece(number, line, text)


def piece(line: int, content: bytes, text: str) -> Piece:
    """One record of a line's content, or why it is none; `text` is what is kept of it."""
    try:
        return Piece(line, text, _parsed(content))
    except Refused as refused:
        return Piece(line, text, why=refused.why)


def of_array(stream: IO[bytes]) -> Iterator[Piece]:
    """The values of the first array in a file, streamed, be it a million long."""
    window = _Window(stream)
    window.drop(window.find("[") + 1)
    while True:
        window.drop(_end(_BETWEEN.match(window.text)))
        if window.text.startswith("]"):
            return
        if not window.text:
            if window.more():
                continue
            yield Piece(window.line, "", why=say("The list has no end: the file was cut off"))
            return
        yield _element(window)


def _element(window: "_Window") -> Piece:
    line = window.line
    while True:
        try:
            value, end = _DECODER.raw_decode(window.text)
        except json.JSONDecodeError as problem:
            if len(window.text) < LONGEST and window.more():
                continue
            why = _torn(problem.pos + 1)
        except RecursionError:
            why = _deep()
        except Refused as refused:
            why = refused.why
        else:
            # a number may go on in what has not been read yet
            if end == len(window.text) and window.more():
                continue
            text = window.text[:end]
            window.drop(end)
            return Piece(line, text, value)
        found = _NEXT.search(window.text)
        while found is None and len(window.text) < LONGEST and window.more():
            found = _NEXT.search(window.text)
        end = _end(found) or len(window.text)
        text = window.text[:end]
        window.drop(end)
        return Piece(line, text[:_KEPT] if len(text) > LONGEST else text, why=why)


class _Window:
    """A text file, of which a piece is looked at."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self.text = ""
        self.line = 1

    def more(self) -> bool:
        """Read on; whether there was anything left."""
        # doubling, so that a record of any length is tried a few times only
        raw = self._stream.read(max(_CHUNK, len(self.text)))
        self.text += self._decoder.decode(raw, final=not raw)
        return bool(raw)

    def find(self, sign: str) -> int:
        """Where a sign stands first, reading on as far as a record may be long."""
        while (place := self.text.find(sign)) < 0 and len(self.text) < LONGEST and self.more():
            pass
        return place

    def drop(self, end: int) -> None:
        """Go on behind this place."""
        self.line += self.text.count("\n", 0, end)
        self.text = self.text[end:]


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


def _bare(text: str) -> str:
    # Files that were put together have a mark in the middle too.
    return text.strip().strip(_MARK).strip()


def _parsed(line: bytes) -> object:
    try:
        return _DECODER.decode(_bare(line.decode()))
    except Refused:
        raise
    except UnicodeDecodeError as problem:
        why = say(
            "The line is not UTF-8 at byte {position}. Save it as UTF-8", position=problem.start
        )
    except json.JSONDecodeError as problem:
        why = _torn(problem.pos + 1)
    except RecursionError:
        why = _deep()
    raise Refused(why)


def _torn(position: int) -> Said:
    return say(
        "The line is not one whole JSON object: reading stopped at character {position}. It "
        "may be torn, or hold two objects; send the whole object on a line of its own",
        position=position,
    )


def _deep() -> Said:
    return say("The objects of the message lie too deep in one another. Flatten it")


class Tidy(dict[str, Any]):
    """An object whose texts were tidied; `original` has those that were more than white space."""

    original: dict[str, str]
    depth: int


def _object(pairs: list[tuple[str, Any]]) -> Tidy:
    made = Tidy()
    made.original = {}
    made.depth = 1
    for name, given in pairs:
        key = name if is_plain(name) else clean(name)
        value = given
        if isinstance(given, str):
            if not is_plain(given):
                value = clean(undoubled(given))
                if value != given.replace("\r\n", "\n").strip():
                    made.original[key] = escaped(given)
            else:
                value = given.strip()
        elif isinstance(given, list):
            value, depth = _listed(given)
            made.depth = max(made.depth, depth + 1)
        elif isinstance(given, Tidy):
            made.depth = max(made.depth, given.depth + 1)
            made.original |= {f"{key}.{inner}": text for inner, text in given.original.items()}
        made[key] = value
    if len(made) != len(pairs):
        # A plain parser keeps the last one and forgets the other without a word.
        raise Refused(say("A field stands in the message twice. Keep the one that is meant"))
    if made.depth > _DEEPEST:
        raise Refused(_deep())
    return made


def _listed(items: list[Any]) -> tuple[list[Any], int]:
    made: list[Any] = []
    depth = 1
    for item in items:
        match item:
            case str():
                made.append(clean(item))
            case list():
                inner, deep = _listed(item)
                made.append(inner)
                depth = max(depth, deep + 1)
            case _:
                made.append(item)
                depth = max(depth, item.depth + 1 if isinstance(item, Tidy) else 1)
    return made, depth


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > _LONGEST_WHOLE:
        raise Refused(
            say(
                "A number has more than {limit} digits. Put it in quotation marks",
                limit=_LONGEST_WHOLE,
            )
        )
    return int(text)


def _fraction(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(_text: str) -> Never:
    raise Refused(say("A value is no number that can be kept (NaN or endless). Leave it out"))


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_whole,
    parse_float=_fraction,
    parse_constant=_no_number,
    strict=False,  # a bare tab in a letter is no reason to send it back; `clean` takes the rest
)
