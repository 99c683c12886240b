"""Places in a text that hold something personal."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class PersonalKind(StrEnum):
    """Kinds of what is redacted in texts."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    IDENTITY = "identity"
    DOCUMENT = "document"
    CARD = "card"
    PLATE = "plate"
    MAIL = "mail"
    CHAT = "chat"
    NAME = "name"
    ADDRESS = "address"


class Place(NamedTuple):
    """Something personal: where it begins and ends in the text, and a number's normal form."""

    begins: int
    ends: int
    kind: PersonalKind
    number: str = ""


def without(text: str, places: Iterable[Place]) -> str:
    """Return a text of the same length in which nothing will be found at these places again."""
    for place in places:
        text = text[: place.begins] + "*" * (place.ends - place.begins) + text[place.ends :]
    return text


def without_overlaps(places: Iterable[Place]) -> list[Place]:
    """Return places in their order in the text; of two that overlap, the one that came first."""
    kept: list[Place] = []
    for place in places:
        if all(place.ends <= other.begins or other.ends <= place.begins for other in kept):
            kept.append(place)
    return sorted(kept)
