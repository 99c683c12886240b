"""Redact texts before they are shown: a ticket's claimant, and what belongs to persons."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Any

from models.rules.personal.accounts import locate_accounts
from models.rules.personal.figures import every_figure, plain_figures, plain_width
from models.rules.personal.houses import locate_houses
from models.rules.personal.names import locate_names, name_before_number
from models.rules.personal.numbers import ENOUGH_DIGITS, locate_numbers
from models.rules.personal.places import PersonalKind, Place, replaced, without, without_overlaps
from models.rules.phones import (
    find_phones,
    is_of_a_service,
    locate_local_phones,
    normalize_phone,
)
from models.rules.text import clean

_HIDDEN = "****"
_SHORTEST = 2
"""A name of one character is in too many words to be redacted wherever it stands."""

_SHOWN_OF_A_PHONE = 7

_NUMBER_HINT = re.compile(r"[\d@#]|[A-Za-z]{3}")
_HOUSE_HINT = re.compile("[号栋幢座室房楼排梯户#-]|单元")
"""Without these no number, and no house, is looked for: most texts have neither."""

_FIGURES = "0123456789"
_MOBILE_DIGITS = 11
_LOCAL_DIGITS = (8, 7)
"""The last figures of a landline number, which people give without the area's."""

_MOST_BETWEEN = 5
"""The characters from a figure of a claimant's number to its next, however it is taken apart."""

_NO_HOUSE = r"[^\d\s路巷号]"
_DISTRICT = re.compile(
    rf"{_NO_HOUSE}{{1,15}}?[区县](?:{_NO_HOUSE}{{1,6}}?(?:街道|镇|乡))?"
    rf"|{_NO_HOUSE}{{1,15}}?(?:街道|镇)"
)


def redact_text(text: str) -> str:
    """Hide what belongs to persons in a cleaned text; doing it twice changes nothing."""
    return _redacted(text, locate_personal)


def redact_numbers(text: str) -> str:
    """Hide the numbers of persons, and nothing else, in a cleaned text."""
    return _redacted(text, _numbers_to_hide)


def locate_personal(text: str) -> list[Place]:
    """Return what is hidden of a cleaned text, in order; no place overlaps another."""
    plain = plain_figures(text)
    places = list(locate_names(text))
    if _HOUSE_HINT.search(plain) is not None:
        places += locate_houses(plain)
    if _NUMBER_HINT.search(plain) is not None:
        accounts = without_overlaps(locate_accounts(plain_width(text)))
        plain = plain_figures(without(text, accounts)) if accounts else plain
        numbers = _personal_numbers(plain)
        for place in numbers:
            if place.kind in (PersonalKind.MOBILE, PersonalKind.IDENTITY):
                places += name_before_number(text, place.begins)
        # what is certainly a number's comes before what may be a name or a house
        places = [*accounts, *numbers, *locate_local_phones(plain), *places]
    return without_overlaps(places) if places else places


def _numbers_to_hide(text: str) -> list[Place]:
    return sorted(_personal_numbers(plain_figures(text)))


def _personal_numbers(plain: str) -> list[Place]:
    return [place for place in locate_numbers(plain) if not is_of_a_service(place.number)]


def _redacted(text: str, locate: Callable[[str], list[Place]]) -> str:
    # again and again: what is left of two numbers may look like a third
    while places := locate(text):
        text = _hide(text, places)
    return text


def _hide(text: str, places: list[Place]) -> str:
    plain = every_figure(text)

    def hidden(place: Place) -> str:
        extent = slice(place.begins, place.ends)
        return _shown(text[extent], plain[extent], place.kind)

    return replaced(text, places, hidden)


def personal_pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield a cleaned text piece by piece, each as it is shown and as it was written."""
    plain, at = every_figure(text), 0
    for place in locate_personal(text):
        yield text[at : place.begins], text[at : place.begins]
        written = text[place.begins : place.ends]
        yield _shown(written, plain[place.begins : place.ends], place.kind), written
        at = place.ends
    yield text[at:], text[at:]


def _shown(written: str, plain: str, kind: PersonalKind) -> str:
    """Return what is shown instead of something personal, which is `plain` in plain figures."""
    at = [i for i, c in enumerate(plain) if c in _FIGURES]
    match kind:
        case PersonalKind.MOBILE:
            begins = len(at) - _MOBILE_DIGITS
            return f"{written[: at[begins + 2] + 1]}{_HIDDEN}{written[at[-4] :]}"
        case PersonalKind.IDENTITY:
            at += [i for i, c in enumerate(plain) if c in "Xx"]
            return f"{written[: at[2] + 1]}{'*' * (len(at) - 7)}{written[at[-4] :]}"
        case PersonalKind.CARD:
            return f"{_HIDDEN}{written[at[-4] :]}"
        case PersonalKind.LANDLINE:
            return _without_middle(written)
        case PersonalKind.PLATE:
            return f"{written[0]}{_HIDDEN}"
        case PersonalKind.MAIL:
            return f"{_HIDDEN}@{re.split('[@＠#＃]', written)[-1].strip()}"
        case PersonalKind.NAME:
            return redact_name(written)
        case _:
            return _HIDDEN


def redact_name(name: str) -> str:
    """Show the first character of a person's name and hide the rest and its length: ``张**``."""
    return f"{name[0]}**" if name else ""


def redact_phone(phone: str) -> str:
    """Hide the middle of any telephone number, also of one that is no mobile number."""
    redacted = redact_numbers(phone)
    return redacted if redacted != phone or not phone else _without_middle(phone)


def _without_middle(phone: str) -> str:
    if len(phone) <= _SHOWN_OF_A_PHONE:
        return _HIDDEN
    return f"{phone[:3]}{_HIDDEN}{phone[-2:]}"


def redact_address(address: str) -> str:
    """Show an address down to its sub-district (or district) and hide the house."""
    match = _DISTRICT.match(address)
    if match is None:
        return _HIDDEN if address else ""
    rest = address[match.end() :]
    return f"{match.group()}{_HIDDEN}" if rest else match.group()


class Redactor:
    """Redacts one claimant's name, phone and address in what was written about the ticket."""

    def __init__(self, claimant: Mapping[str, Any]) -> None:
        address, phone, name = (
            clean(str(claimant.get(field) or "")) for field in ("address", "phone", "name")
        )
        redacting = ((address, redact_address), (phone, redact_phone), (name, redact_name))
        # the longest first: an address may hold the name; what has stars is hidden already
        self._redacting = sorted(
            ((word, of) for word, of in redacting if len(word) >= _SHORTEST and "*" not in word),
            key=lambda pair: -len(pair[0]),
        )
        self._phone = phone

    def redact_text(self, text: str) -> str:
        """Return a text that somebody wrote, fit to be shown."""
        text = clean(text)
        for word, redacted in self._redacting:
            if word in text:
                text = text.replace(word, redacted(word))
        return _redacted(text, self._locate if self._phone else locate_personal)

    @cached_property
    def _numbers(self) -> list[str]:
        """The claimant's telephone numbers in their normal form."""
        numbers = {normalize_phone(self._phone), *find_phones(self._phone)}
        return [number for number in sorted(numbers) if len(number) >= min(_LOCAL_DIGITS)]

    def _locate(self, text: str) -> list[Place]:
        """Return what is hidden, with the claimant's numbers whatever is between their figures."""
        places = locate_personal(text)
        if ENOUGH_DIGITS.search(plain := every_figure(text)) is None:
            return places
        at = [i for i, c in enumerate(plain) if c in _FIGURES]
        figures = "".join(plain[i] for i in at)
        for number in self._numbers:
            is_mobile = len(number) == _MOBILE_DIGITS and number.startswith("1")
            kind = PersonalKind.MOBILE if is_mobile else PersonalKind.LANDLINE
            for key in (number,) if is_mobile else (number, *(number[-n:] for n in _LOCAL_DIGITS)):
                for match in re.finditer(re.escape(key), figures):
                    spelled = at[match.start() : match.end()]
                    if all(after - before <= _MOST_BETWEEN for before, after in pairwise(spelled)):
                        places.append(Place(spelled[0], spelled[-1] + 1, kind))
        return without_overlaps(places)

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
