"""JSON of strangers: one value at a time, with limits, and nothing lost without a word."""

import json
import math
from typing import Any, Never

from models.i18n import LazyText, lazy
from models.rules.text import clean, escape_invisible, fix_double_encoding, is_plain

LONGEST = 1 << 20
"""Bytes that a record may have. A longer one is no letter, and must not fill the memory."""

_DEEPEST = 100
_LONGEST_WHOLE = 18
_MARK = "\ufeff"


class UnusableJson(ValueError):
    """A piece of JSON that cannot be taken."""

    def __init__(self, why: LazyText) -> None:
        self.why = why
        super().__init__(why.text)


class RawRecord:
    """One record's text and the line it begins at; `why` if it is none."""

    __slots__ = ("line", "text", "value", "why")

    def __init__(
        self, line: int, text: str, value: object = None, why: LazyText | None = None
    ) -> None:
        self.line = line
        self.text = text
        self.value = value
        self.why = why


def piece(line: int, content: bytes, text: str) -> RawRecord:
    """One record of a line's content, or why it is none; `text` is what is kept of it."""
    try:
        return RawRecord(line, text, _parsed(content))
    except UnusableJson as refused:
        return RawRecord(line, text, why=refused.why)


def bare(text: str) -> str:
    """A record without white space and marks around it."""
    # Files that were put together have a mark in the middle too.
    return text.strip().strip(_MARK).strip()


def _parsed(line: bytes) -> object:
    try:
        return DECODER.decode(bare(line.decode()))
    except UnusableJson:
        raise
    except UnicodeDecodeError as problem:
        why = lazy(
            "The line is not UTF-8 at byte {position}. Save it as UTF-8", position=problem.start
        )
    except json.JSONDecodeError as problem:
        why = torn(problem.pos + 1)
    except RecursionError:
        why = deep()
    raise UnusableJson(why)


def torn(position: int) -> LazyText:
    """Why something is refused that is no whole object."""
    return lazy(
        "The line is not one whole JSON object: reading stopped at character {position}. It "
        "may be torn, or hold two objects; send the whole object on a line of its own",
        position=position,
    )


def deep() -> LazyText:
    """Why something is refused that has no bottom."""
    return lazy("The objects of the message lie too deep in one another. Flatten it")


class CleanObject(dict[str, Any]):
    """An object whose texts were tidied; `original` has those that were more than white space."""

    original: dict[str, str]
    depth: int


def _object(pairs: list[tuple[str, Any]]) -> CleanObject:
    made = CleanObject()
    made.original = {}
    made.depth = 1
    for name, given in pairs:
        key = name if is_plain(name) else clean(name)
        value = given
        if isinstance(given, str):
            if not is_plain(given):
                value = clean(fix_double_encoding(given))
                if value != given.replace("\r\n", "\n").strip():
                    made.original[key] = escape_invisible(given)
            else:
                value = given.strip()
        elif isinstance(given, list):
            value, depth = _listed(given)
            made.depth = max(made.depth, depth + 1)
        elif isinstance(given, CleanObject):
            made.depth = max(made.depth, given.depth + 1)
            made.original |= {f"{key}.{inner}": text for inner, text in given.original.items()}
        made[key] = value
    if len(made) != len(pairs):
        # A plain parser keeps the last one and forgets the other without a word.
        raise UnusableJson(lazy("A field stands in the message twice. Keep the one that is meant"))
    if made.depth > _DEEPEST:
        raise UnusableJson(deep())
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
                depth = max(depth, item.depth + 1 if isinstance(item, CleanObject) else 1)
    return made, depth


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > _LONGEST_WHOLE:
        raise UnusableJson(
            lazy(
                "A number has more than {limit} digits. Put it in quotation marks",
                limit=_LONGEST_WHOLE,
            )
        )
    return int(text)


def _fraction(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(_text: str) -> Never:
    raise UnusableJson(lazy("A value is no number that can be kept (NaN or endless). Leave it out"))


DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_whole,
    parse_float=_fraction,
    parse_constant=_no_number,
    strict=False,  # a bare tab in a letter is no reason to send it back; `clean` takes the rest
)
