"""Redact a ticket's texts before they are shown: its claimant, and numbers of persons."""

from collections.abc import Mapping
from typing import Any

from models.rules.phones import find_phones, locate_phones, normalize_phone
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
            (
                (word, replacement)
                for word, replacement in redacted.items()
                if len(word) >= _SHORTEST
            ),
            key=lambda pair: -len(pair[0]),
        )
        self._phones = {normalize_phone(phone), *find_phones(phone)} if phone else set()

    def redact_text(self, text: str) -> str:
        """Return a text that somebody wrote, fit to be shown."""
        text = clean(text)
        for word, replacement in self._redacted:
            text = text.replace(word, replacement)
        if self._phones:
            text = self._redact_phones(text)
        return redact_numbers(text)

    def _redact_phones(self, text: str) -> str:
        """Redact the claimant's telephone number however it is spelled."""
        places = [place for place in locate_phones(text) if place[2] in self._phones]
        for begins, ends, _number in reversed(places):
            text = text[:begins] + redact_phone(text[begins:ends]) + text[ends:]
        return text

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
