"""Redact a ticket's texts before they are shown: its claimant, and numbers of persons."""

from collections.abc import Mapping
from typing import Any

from models.rules.text import clean, redact_address, redact_name, redact_numbers, redact_phone

_SHORTEST = 2
"""A name of one character is in too many words to be redacted wherever it stands."""


class Redactor:
    """Redacts one claimant's name, phone and address in what was written about the ticket."""

    def __init__(self, claimant: Mapping[str, Any]) -> None:
        address, phone, name = (
            clean(str(claimant.get(field) or "")) for field in ("address", "phone", "name")
        )
        redacted = {
            address: redact_address(address),
            phone: redact_phone(phone),
            name: redact_name(name),
        }
        # the longest first: an address may hold the name
        self._redacted = sorted(
            ((word, shown) for word, shown in redacted.items() if len(word) >= _SHORTEST),
            key=lambda pair: -len(pair[0]),
        )

    def redact_text(self, text: str) -> str:
        """Return a text that somebody wrote, fit to be shown."""
        text = clean(text)
        for word, shown in self._redacted:
            text = text.replace(word, shown)
        return redact_numbers(text)

    def redact(self, value: Any) -> Any:
        """Return plain JSON data with every text in it fit to be shown."""
        match value:
            case str():
                return self.redact_text(value)
            case dict():
                return {k: self.redact(v) for k, v in value.items()}
            case list():
                return [self.redact(v) for v in value]
            case _:
                return value
