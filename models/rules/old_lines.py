"""Copies, without what people wrote, of what earlier releases wrote in clear.

Until release 0.2.0 a line's data named operators and unknown units, and its reasons repeated what
somebody had sent.
"""

from collections.abc import Callable, Mapping
from typing import Any

from models.rules.events import ORIGINS, encode
from models.rules.events import convert as read_event
from models.rules.origins import PRIVATE, UNIT
from models.rules.vocabulary import EventName

IsUnit = Callable[[str], bool]
"""Says whether this is the name of a unit that the directory knows, or knew."""

_FIELDS_IN_REASONS: Mapping[str, Mapping[str, str]] = {
    "unit {name} is not known": {"name": "unit"},
    "named by the city: {name}": {"name": "unit"},
    "unit {unit} is not known; see the units file": {"unit": "unit"},
    "suggested unit {unit} is not known; name one in `unit`": {"unit": "suggested_unit"},
    "{cause}: {basis} (Regulation 3.4.7)": {"basis": "basis"},
    "chosen by {by}": {"by": "by"},
}
"""The values that came from messages, by the reason and its placeholder: the message's field."""

_UNIT_FIELDS = {"named": "unit", "suggested_unit": "suggested_unit"}
"""Fields of events that named units which nobody knew, and the message's field."""


def without_texts(name: str, data: Mapping[str, Any], is_unit: IsUnit) -> dict[str, Any]:
    """Return the data of a line without what people wrote, as it is written now."""
    origins = ORIGINS[EventName(name)]
    copy: dict[str, Any] = {}
    for field, value in data.items():
        origin = origins.get("from_" if field == "from" else field)
        if origin is PRIVATE:
            continue
        if field == "why" and isinstance(value, str):
            # an operator's own reason for his choice of a unit
            copy[field] = {"text": "{why}", "args": {"why": {"field": "why"}}}
        elif origin is UNIT and isinstance(value, str) and not is_unit(value):
            copy[field] = {"field": _UNIT_FIELDS[field]}
        else:
            copy[field] = reason_without_texts(value, is_unit)
    return copy


def reason_without_texts(value: Any, is_unit: IsUnit) -> Any:
    """Return a stored reason without what people wrote; any other value as it is."""
    match value:
        case {"text": str(text), "args": dict(args)}:
            fields = _FIELDS_IN_REASONS.get(text, {})
            kept = {
                name: {"field": fields[name]} if name in fields and not is_unit(str(arg)) else arg
                for name, arg in args.items()
            }
            return {"text": text, "args": kept}
        case list() | tuple():
            return [reason_without_texts(each, is_unit) for each in value]
        case _:
            return value


def canonical(name: str, data: Mapping[str, Any]) -> bytes:
    """Return the data of a line as it is stored."""
    return encode(read_event(name, data))


def texts_of(original: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what people wrote into the data of an old line, by field, as new lines have it."""
    origins = ORIGINS[EventName(name)]
    texts: dict[str, Any] = {}
    for field, value in original.items():
        if origins.get(field) is PRIVATE:
            texts[field] = value
        elif field == "why" and isinstance(value, str):
            texts["why"] = value
        elif field in _UNIT_FIELDS and isinstance(value, str):
            texts[_UNIT_FIELDS[field]] = value
        else:
            match value:
                case {"text": str(text), "args": dict(args)}:
                    fields = _FIELDS_IN_REASONS.get(text, {})
                    texts |= {fields[n]: arg for n, arg in args.items() if n in fields}
    return texts


def state_without_texts(state: dict[str, Any], is_unit: IsUnit) -> dict[str, Any]:
    """Return a ticket's stored state without what people wrote."""
    changed = dict(state)
    suggested = state.get("suggested_unit")
    if suggested is not None and not (is_unit(suggested) and state.get("suggested_known", True)):
        changed["suggested_unit"] = None
        changed["suggested_known"] = False
    limit = state.get("limit")
    if limit and isinstance(limit.get("basis"), str) and limit["basis"]:
        changed["limit"] = limit | {"basis": {"field": "statutory_limit.basis"}}
    clocks: dict[str, dict[str, Any]] = state.get("clocks", {})
    changed["clocks"] = {
        key: clock | {"why": reason_without_texts(clock["why"], is_unit)}
        if "why" in clock
        else clock
        for key, clock in clocks.items()
    }
    return changed
