"""Places in a text that hold something personal."""

from bisect import bisect
from collections.abc import Callable, Iterable
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
    return replaced(text, sorted(places), lambda place: "*" * (place.ends - place.begins))


def replaced(text: str, places: Iterable[Place], instead: Callable[[Place], str]) -> str:
    """Return a text with something else at these places, which are in order and do not overlap."""
    pieces: list[str] = []
    at = 0
    for place in places:
        pieces += text[at : place.begins], instead(place)
        at = place.ends
    return "".join((*pieces, text[at:]))


def without_overlaps(places: Iterable[Place]) -> list[Place]:
    """Return places in their order in the text; of two that overlap, the one that came first."""
    kept: list[Place] = []
    for place in places:
        # a letter may hold a hundred thousand
        index = bisect(kept, place)
        before, behind = kept[index - 1 : index], kept[index : index + 1]
        if all(p.ends <= place.begins for p in before) and all(
            place.ends <= p.begins for p in behind
        ):
            kept.insert(index, place)
    return kept
