"""The origin of each field of an event or a message: harmless, or written by somebody outside.

A code, a number, a truth value or an instant is harmless by its type; any other field is marked, by
an `Origin` in its annotation. Only what is harmless is stored in clear.
"""

from datetime import datetime
from enum import Enum
from typing import get_args, get_type_hints

import msgspec
from msgspec import UnsetType

from models.rules.vocabulary import Code


class Origin(Enum):
    """The origin of the text in a field."""

    HARMLESS = "the service's own words, or a name from its rulebook"
    UNIT = "a unit as somebody called it: harmless where it is known, else private"
    PRIVATE = "what somebody outside wrote; kept encrypted"


HARMLESS, UNIT, PRIVATE = Origin.HARMLESS, Origin.UNIT, Origin.PRIVATE


def origins(kind: type[msgspec.Struct]) -> dict[str, Origin]:
    """Return the origin of each field's text. Raises TypeError for a text without a mark."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: _origin(kind, name, hints[name]) for name in kind.__struct_fields__}


def _origin(kind: type[msgspec.Struct], name: str, hint: object) -> Origin:
    marks = _marks(hint)
    if not marks:
        raise TypeError(f"{kind.__name__}.{name} says not where its text comes from")
    # the least harmless of what it may hold decides
    return max(marks, key=list(Origin).index)


def _marks(hint: object) -> list[Origin]:
    """Return the origins that a type admits; none where a part of it has none."""
    if metadata := getattr(hint, "__metadata__", None):
        marks = [mark for mark in metadata if isinstance(mark, Origin)]
        return marks or _marks(get_args(hint)[0])
    if parts := [part for part in get_args(hint) if part is not Ellipsis]:
        of_parts = [_marks(part) for part in parts if part not in (UnsetType, type(None))]
        return [mark for marks in of_parts for mark in marks] if all(of_parts) else []
    harmless = isinstance(hint, type) and issubclass(hint, (Code, int, datetime))
    return [HARMLESS] if harmless else []
