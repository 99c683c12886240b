"""A refused message is mended without its personal data being shown."""

import json
from collections.abc import Mapping
from typing import Any

from models.rules.personal import Veil
from models.rules.text import mask_address, mask_name, mask_phone

_HOW = {"name": mask_name, "phone": mask_phone, "address": mask_address}
"""Fields that are personal whatever stands in them."""

_NUMBERS = Veil({})


class NotMended(ValueError):
    """What was typed cannot be sent: it is no JSON object."""


def shown(body: Mapping[str, Any]) -> str:
    """The body as JSON to be edited, personal data masked."""
    return json.dumps(_masked(dict(body)), ensure_ascii=False, indent=2)


def mended(text: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The edited body; what was left masked is what it was before. Raises NotMended."""
    try:
        edited = json.loads(text)
    except json.JSONDecodeError as wrong:
        raise NotMended(f"{wrong.lineno}:{wrong.colno} {wrong.msg}") from wrong
    except RecursionError as wrong:
        raise NotMended("[[[ ...") from wrong
    if not isinstance(edited, dict):
        raise NotMended("{ ... }")
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
            return _NUMBERS.over(value)


def _restored(edited: Any, shown_as: Any, before: Any) -> Any:
    """The edited value, with what it shows masked put back where it was not touched."""
    if edited == shown_as:
        return before
    if isinstance(edited, dict) and isinstance(shown_as, dict):
        return {k: _restored(v, shown_as.get(k, v), before.get(k, v)) for k, v in edited.items()}
    return edited
