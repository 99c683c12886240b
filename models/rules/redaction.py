"""A ticket's texts as they may be shown: without its claimant, and without numbers of persons."""

from collections.abc import Mapping
from typing import Any

from models.rules.text import clean, redact_address, redact_name, redact_numbers, redact_phone

_SHORTEST = 2
"""A name of one character is in too many words to be hidden wherever it stands."""


class Redactor:
    """Hides one claimant in what was written about his matter: name, phone and address."""

    def __init__(self, claimant: Mapping[str, Any]) -> None:
        own = {
            field: clean(str(claimant.get(field) or "")) for field in ("address", "phone", "name")
        }
        hidden = {
            own["address"]: redact_address(own["address"]),
            own["phone"]: redact_phone(own["phone"]),
            own["name"]: redact_name(own["name"]),
        }
        # the longest first: an address may hold the name
        self._hidden = sorted(
            ((k, v) for k, v in hidden.items() if len(k) >= _SHORTEST), key=lambda p: -len(p[0])
        )

    def text(self, text: str) -> str:
        """A text that somebody wrote, fit to be shown."""
        text = clean(text)
        for word, shown in self._hidden:
            text = text.replace(word, shown)
        return redact_numbers(text)

    def over(self, value: Any) -> Any:
        """Plain data with every text in it fit to be shown."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {k: self.over(v) for k, v in value.items()}
            case list():
                return [self.over(v) for v in value]
            case _:
                return value
