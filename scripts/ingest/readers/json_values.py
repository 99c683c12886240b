"""Parse JSON of unknown origin: one value at a time, within limits, and nothing lost silently."""

import json
import math
from typing import Any, NamedTuple

from models.i18n import LazyText, lazy
from models.rules.limits import JSON_DEPTH, JSON_DIGITS
from models.rules.text import clean, escape_invisible, fix_double_encoding, is_plain

_BOM = "\ufeff"


class UnusableJson(ValueError):
    """A piece of JSON that cannot be taken."""

    def __init__(self, why: LazyText) -> None:
        self.why = why
        super().__init__(why.text)


class RawRecord:
    """The text of a record and the line where it begins, with its value or what is wrong."""

    __slots__ = ("line", "text", "value", "why")

    def __init__(
        self, line: int, text: str, value: object = None, why: LazyText | None = None
    ) -> None:
        self.line = line
        self.text = text
        self.value = value
        self.why = why


def parse(line: int, content: bytes, text: str) -> RawRecord:
    """Parse the content of a line; `text` is what is kept of it."""
    try:
        return RawRecord(line, text, _value(content))
    except UnusableJson as unusable:
        return RawRecord(line, text, why=unusable.why)


def strip(text: str) -> str:
    """A text without white space and byte order marks around it."""
    # files that were put together have marks in the middle too
    return text.strip().strip(_BOM).strip()


def _value(content: bytes) -> object:
    try:
        return DECODER.decode(strip(content.decode()))
    except UnusableJson:
        raise
    except UnicodeDecodeError as error:
        why = lazy(
            "The line is not UTF-8 at byte {position}. Save it as UTF-8", position=error.start
        )
    except json.JSONDecodeError as error:
        why = incomplete(error.pos + 1)
    except RecursionError:
        why = too_deep()
    raise UnusableJson(why)


def incomplete(position: int) -> LazyText:
    """The reason to refuse what is not one whole object."""
    return lazy(
        "The line is not one whole JSON object: reading stopped at character {position}. It "
        "may be torn, or hold two objects; send the whole object on a line of its own",
        position=position,
    )


def too_deep() -> LazyText:
    """The reason to refuse objects that are nested too deep."""
    return lazy("The objects of the message lie too deep in one another. Flatten it")


def no_number() -> LazyText:
    """The reason to refuse a number that is none."""
    return lazy("A value is no number that can be kept (NaN or endless). Leave it out")


class _NoNumber(NamedTuple):
    """NaN or Infinity, which is no JSON; programs write it where a value is missing."""

    text: str


class CleanObject(dict[str, Any]):
    """An object whose texts were cleaned; `original` has those that lost more than white space.

    `numberless` are the names of fields that are no number (NaN), and null here.
    """

    original: dict[str, str]
    numberless: frozenset[str] = frozenset()
    depth: int


def _clean_object(pairs: list[tuple[str, Any]]) -> CleanObject:
    result = CleanObject()
    result.original = {}
    result.depth = 1
    for name, parsed in pairs:
        key = name if is_plain(name) else clean(name)
        value = parsed
        if isinstance(parsed, str):
            if is_plain(parsed):
                value = parsed.strip()
            else:
                value = clean(fix_double_encoding(parsed))
                if value != parsed.replace("\r\n", "\n").strip():
                    result.original[key] = escape_invisible(parsed)
        elif isinstance(parsed, _NoNumber):
            value = None
            result.original[key] = parsed.text
            result.numberless |= {key}
        elif isinstance(parsed, list):
            value, depth = _clean_list(parsed)
            result.depth = max(result.depth, depth + 1)
        elif isinstance(parsed, CleanObject):
            result.depth = max(result.depth, parsed.depth + 1)
            result.original |= {f"{key}.{inner}": text for inner, text in parsed.original.items()}
        result[key] = value
    if len(result) != len(pairs):
        # a plain parser keeps the last one and drops the other silently
        raise UnusableJson(lazy("A field stands in the message twice. Keep the one that is meant"))
    if result.depth > JSON_DEPTH:
        raise UnusableJson(too_deep())
    return result


def _clean_list(items: list[Any]) -> tuple[list[Any], int]:
    """A list with clean texts, and how deep its objects are nested."""
    result: list[Any] = []
    depth = 1
    for item in items:
        match item:
            case str():
                result.append(clean(item))
            case _NoNumber():
                result.append(None)
            case list():
                inner, inner_depth = _clean_list(item)
                result.append(inner)
                depth = max(depth, inner_depth + 1)
            case _:
                result.append(item)
                depth = max(depth, item.depth + 1 if isinstance(item, CleanObject) else 1)
    return result, depth


def _whole_number(text: str) -> int:
    if len(text.lstrip("-")) > JSON_DIGITS:
        raise UnusableJson(
            lazy(
                "A number has more than {limit} digits. Put it in quotation marks",
                limit=JSON_DIGITS,
            )
        )
    return int(text)


def _fraction(text: str) -> float:
    number = float(text)
    if math.isfinite(number):
        return number
    raise UnusableJson(no_number())


DECODER = json.JSONDecoder(
    object_pairs_hook=_clean_object,
    parse_int=_whole_number,
    parse_float=_fraction,
    parse_constant=_NoNumber,
    strict=False,  # a bare tab in a letter is no reason to refuse it; `clean` removes it
)
