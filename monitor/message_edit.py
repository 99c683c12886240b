"""A refused message is mended without its personal data being shown."""

import json
from collections.abc import Mapping
from typing import Any

from models.rules.redaction import Redactor
from models.rules.text import redact_address, redact_name, redact_phone

_HOW = {"name": redact_name, "phone": redact_phone, "address": redact_address}
"""Fields that are personal whatever stands in them."""

_NUMBERS = Redactor({})


class InvalidEdit(ValueError):
    """What was typed cannot be sent: it is no JSON object."""


def redacted_text(body: Mapping[str, Any]) -> str:
    """The body as JSON to be edited, personal data masked."""
    return json.dumps(_masked(dict(body)), ensure_ascii=False, indent=2)


def apply_edit(text: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The edited body; what was left masked is what it was before. Raises NotMended."""
    try:
        edited = json.loads(text)
    except json.JSONDecodeError as wrong:
        raise InvalidEdit(f"{wrong.lineno}:{wrong.colno} {wrong.msg}") from wrong
    except RecursionError as wrong:
        raise InvalidEdit("[[[ ...") from wrong
    if not isinstance(edited, dict):
        raise InvalidEdit("{ ... }")
    found = _restored(edited, _masked(dict(body)), dict(body))
    assert isinstance(found, dict)
    return found


def _masked(value: Any, field: str = "") -> Any:
    match value:
        case dict():
            return {k: _masked(v, k) for k, v in value.items()}
        case list():
            return [_masked(v) for v in value]
        case str() if field in _HOW:
            return _HOW[field](value)
        case _:
            return _NUMBERS.redact(value)


def _restored(edited: Any, shown_as: Any, before: Any) -> Any:
    """The edited value, with what it shows masked put back where it was not touched."""
    if edited == shown_as:
        return before
    if isinstance(edited, dict) and isinstance(shown_as, dict):
        return {k: _restored(v, shown_as.get(k, v), before.get(k, v)) for k, v in edited.items()}
    return edited
