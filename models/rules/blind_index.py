"""The terms of the blind index: numbers and names by which an encrypted ticket can be found."""

from collections.abc import Iterator, Mapping
from typing import Any

from models.rules.personal.figures import plain_figures
from models.rules.personal.numbers import LEAST_DIGITS, find_identities, locate_numbers
from models.rules.personal.places import PersonalKind
from models.rules.phones import is_mobile, normalize_phone
from models.rules.text import clean

_KINDS = {
    PersonalKind.IDENTITY: "identity",
    PersonalKind.MOBILE: "phone",
    PersonalKind.LANDLINE: "phone",
}
"""The numbers in texts by which a ticket can be found; of the others no normal form is kept."""

_ENVELOPE = frozenset(("id", "ticket", "type", "at", "arrived"))
"""Fields of a message that nobody writes telephone numbers into, and that are full of digits."""

TERM_KINDS = ("phone", "identity", "name")


def normalize_term(kind: str, value: str) -> str:
    """Return a number or name in the form that is compared; `kind` is one of TERM_KINDS."""
    value = clean(value)
    match kind:
        case "phone":
            return normalize_phone(value)
        case "identity":
            return next(find_identities(value), value.upper())
        case _:
            return "".join(value.split())


def index_terms(body: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the terms of a message, by kind: its claimant's, and numbers in any of its texts."""
    person = body.get("claimant") or {}
    terms = {
        (kind, normalize_term(kind, str(person[kind])))
        for kind in ("phone", "name")
        if person.get(kind)
    }
    for field, value in body.items():
        if field not in _ENVELOPE:
            for text in _texts(value):
                terms.update(_numbers_in(text))
    return {(kind, value) for kind, value in terms if value}


def _numbers_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield the numbers of a text by which a ticket can be found, by kind."""
    if len(text) < LEAST_DIGITS:
        return
    if is_mobile(text):  # as a claimant's is; nothing else can be in it
        yield "phone", text
        return
    for place in locate_numbers(plain_figures(clean(text))):
        if place.kind in _KINDS:
            yield _KINDS[place.kind], place.number


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in plain JSON data, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
