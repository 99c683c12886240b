"""JSON Lines of messages: one object a line, UTF-8, as other systems and operators send them."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import IO, Any, Never

from models.labels import Said, say
from models.rules.calendar import SHANGHAI
from models.rules.text import clean
from scripts.feeds.dates import instant
from scripts.feeds.mapping import INSTANTS, Mapping
from scripts.feeds.rows import Read

SOURCE = "messages"
LONGEST = 1 << 20
"""Bytes that a line may have. A longer one is no letter, and must not fill the memory."""

_BOM = "\ufeff"
_OBJECT = re.compile(rb'\{\s*(?:"|\}|$)')
_KEPT = 1_000
_LONGEST_WHOLE = 18


class _Refused(ValueError):
    def __init__(self, why: Said) -> None:
        self.why = why
        super().__init__(why.text)


def fits(head: bytes) -> bool:
    """Whether a file that begins so holds an object a line, also if its first line is torn."""
    lines = [line.strip() for line in head.removeprefix(_BOM.encode()).split(b"\n")]
    filled = [line for line in lines if line]
    if not filled:
        return False
    objects = [_OBJECT.match(line) is not None for line in filled]
    return objects[0] or 2 * sum(objects) > len(objects)


def read(feed: str, stream: IO[bytes], mappings: Sequence[Mapping] = ()) -> Iterator[Read]:
    """The messages of a file or a pipe, streamed; a line that is none is refused, the rest goes on.

    Texts are cleaned, instants without an offset are read as Asia/Shanghai.
    """
    for number, (line, whole) in enumerate(_lines(stream), start=1):
        text = _bare(line.decode("utf-8", "backslashreplace"))
        if not text:
            continue
        if not whole:
            why = say(
                "The line has more than {limit} bytes. Send one message a line", limit=LONGEST
            )
            yield Read(number, SOURCE, None, why, text[:_KEPT])
            continue
        try:
            yield Read(number, SOURCE, _message(line), None, text)
        except _Refused as refused:
            yield Read(number, SOURCE, None, refused.why, text)


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
    return text.strip().strip(_BOM).strip()


def _message(line: bytes) -> dict[str, object]:
    read = _parsed(line)
    if not isinstance(read, dict):
        raise _Refused(say("The line is no JSON object. Write one message as one object a line"))
    made: dict[str, object] = {key: value for key, value in read.items() if key not in _ENVELOPE}
    for key in ("id", "ticket"):
        made[key] = _text(read, key)
    made["type"] = _text(read, "type")
    for key in INSTANTS:
        made[key] = _instant(read, key)
    for key in ("ticket", "type", "at"):
        if made[key] is None:
            raise _Refused(say('The message has no "{field}". Add it', field=key))
    return {key: value for key, value in made.items() if value is not None or key not in _ENVELOPE}


def _parsed(line: bytes) -> object:
    try:
        return _DECODER.decode(_bare(line.decode()))
    except _Refused:
        raise
    except UnicodeDecodeError as problem:
        why = say(
            "The line is not UTF-8 at byte {position}. Save it as UTF-8", position=problem.start
        )
    except json.JSONDecodeError as problem:
        why = say(
            "The line is not one whole JSON object: reading stopped at character {position}. It "
            "may be torn, or hold two objects; send the whole object on a line of its own",
            position=problem.pos + 1,
        )
    except RecursionError:
        why = say("The objects of the message lie too deep in one another. Flatten it")
    raise _Refused(why)


def _text(read: dict[str, Any], key: str) -> str | None:
    match read.get(key):
        case None | "":
            return None
        case str(text):
            return text
        case bool():
            pass
        case int(number):
            return str(number)
    raise _Refused(say('"{field}" must be a text. Put it in quotation marks', field=key))


def _instant(read: dict[str, Any], key: str) -> str | None:
    given = read.get(key)
    if given is None or given == "":
        return None
    moment = instant(given, ("iso",), SHANGHAI) if isinstance(given, str) else None
    if moment is None:
        raise _Refused(
            say(
                '"{field}" is no possible instant. Write it as 2026-10-09T10:00:00+08:00', field=key
            )
        )
    return moment.isoformat()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = {clean(key): _tidy(value) for key, value in pairs}
    if len(made) != len(pairs):
        # A plain parser keeps the last one and forgets the other without a word.
        raise _Refused(say("A field stands in the message twice. Keep the one that is meant"))
    return made


def _tidy(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    return [_tidy(item) for item in value] if isinstance(value, list) else value


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > _LONGEST_WHOLE:
        raise _Refused(
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
    raise _Refused(say("A value is no number that can be kept (NaN or endless). Leave it out"))


_ENVELOPE = ("id", "ticket", "type", *INSTANTS)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_whole,
    parse_float=_fraction,
    parse_constant=_no_number,
    strict=False,  # a bare tab in a letter is no reason to send it back; `clean` takes the rest
)
