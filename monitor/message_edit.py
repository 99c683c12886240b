"""Edit a refused message without showing the personal data in it."""

import json
from collections.abc import Mapping

from models.rules.redaction import Redactor, redact_address, redact_name, redact_phone

_REDACTED_FIELDS = {"name": redact_name, "phone": redact_phone, "address": redact_address}
"""Fields that are personal whatever stands in them."""

_NUMBERS = Redactor({})


class InvalidEdit(ValueError):
    """The edited text is no JSON object and cannot be sent."""


def redacted_text(body: Mapping[str, object]) -> str:
    """Return the body as JSON to be edited, personal data redacted."""
    return json.dumps(_redacted(dict(body)), ensure_ascii=False, indent=2)


def apply_edit(text: str, body: Mapping[str, object]) -> dict[str, object]:
    """Return the edited body; what was left redacted is what it was before. Raises InvalidEdit."""
    try:
        edited = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidEdit(f"{error.lineno}:{error.colno} {error.msg}") from error
    except RecursionError as error:
        raise InvalidEdit("[[[ ...") from error
    if not isinstance(edited, dict):
        raise InvalidEdit("{ ... }")
    original = dict(body)
    redacted = _redacted(original)
    return original if edited == redacted else _restored_object(edited, redacted, original)


def _redacted(value: object, field: str = "") -> object:
    match value:
        case dict():
            return {k: _redacted(v, k) for k, v in value.items()}
        case list():
            return [_redacted(v) for v in value]
        case str() if field in _REDACTED_FIELDS:
            return _REDACTED_FIELDS[field](value)
        case _:
            return _NUMBERS.redact(value)


def _restored(edited: object, redacted: object, original: object) -> object:
    """Put back what was redacted, wherever it was not touched."""
    if edited == redacted:
        return original
    if isinstance(edited, dict):
        return _restored_object(edited, redacted, original)
    return edited


def _restored_object(
    edited: dict[str, object], redacted: object, original: object
) -> dict[str, object]:
    if not isinstance(redacted, dict) or not isinstance(original, dict):
        return edited
    return {k: _restored(v, redacted.get(k, v), original.get(k, v)) for k, v in edited.items()}
