"""Edit a refused message as JSON, without showing the personal data in it."""

import json
from collections.abc import Mapping
from difflib import SequenceMatcher

from models.i18n import _
from models.rules.redaction import (
    Redactor,
    personal_pieces,
    redact_address,
    redact_name,
    redact_phone,
)
from models.rules.text import clean

_REDACTED_FIELDS = {"name": redact_name, "phone": redact_phone, "address": redact_address}
"""Fields that are personal whatever stands in them."""

_NUMBERS = Redactor({})


class InvalidEdit(ValueError):
    """The edited text is no JSON object and cannot be sent."""


def redacted_text(body: Mapping[str, object]) -> str:
    """Return the body as JSON to be edited, personal data redacted."""
    return as_text(redacted_body(body))


def redacted_body(body: Mapping[str, object]) -> dict[str, object]:
    """Return the body to be edited, personal data redacted."""
    return {name: _redacted(value, name) for name, value in body.items()}


def as_text(edited: object) -> str:
    """Return a value as JSON to be edited."""
    return json.dumps(edited, ensure_ascii=False, indent=2)


def apply_edit(text: str, body: Mapping[str, object]) -> dict[str, object]:
    """Return the edited body; what was left redacted is what it was before. Raises InvalidEdit."""
    return restored_body(read_edit(text), body)


def read_edit(text: str) -> dict[str, object]:
    """Return the edited body, what is redacted in it as it is. Raises InvalidEdit."""
    try:
        edited = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidEdit(_place(error)) from error
    except RecursionError as error:
        raise InvalidEdit("[[[ ...") from error
    if not isinstance(edited, dict):
        raise InvalidEdit("{ ... }")
    return edited


def restored_body(edited: dict[str, object], body: Mapping[str, object]) -> dict[str, object]:
    """Return an edited body with what was left redacted as it was before."""
    original = dict(body)
    redacted = redacted_body(original)
    return original if edited == redacted else _restored_object(edited, redacted, original)


def _place(error: json.JSONDecodeError) -> str:
    return _("line {line}, column {column}").format(line=error.lineno, column=error.colno)


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
    match edited, redacted, original:
        case dict(), _, _:
            return _restored_object(edited, redacted, original)
        case list(), list(), list() if len(edited) == len(original):
            return [_restored(*values) for values in zip(edited, redacted, original, strict=True)]
        case str(), str(), str() if "*" in edited:
            return _restored_text(edited, original)
    return edited


def _restored_text(edited: str, original: str) -> str:
    """Return an edited text with what is still hidden in it as it was written."""
    pieces = list(personal_pieces(clean(original)))
    redacted = "".join(visible for visible, _written in pieces)
    blocks = SequenceMatcher(None, redacted, edited, autojunk=False).get_matching_blocks()
    restored: list[str] = []
    ends = at = 0
    for visible, written in pieces:
        begins, at = at, at + len(visible)
        if visible == written:
            continue
        for block in blocks:
            if block.a <= begins and at <= block.a + block.size:
                place = block.b + begins - block.a
                restored += edited[ends:place], written
                ends = place + len(visible)
    return "".join((*restored, edited[ends:]))


def _restored_object(
    edited: dict[str, object], redacted: object, original: object
) -> dict[str, object]:
    if not isinstance(redacted, dict) or not isinstance(original, dict):
        return edited
    return {k: _restored(v, redacted.get(k, v), original.get(k, v)) for k, v in edited.items()}
