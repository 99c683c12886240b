"""Telephone numbers: one form for each however it is written, and those that a text holds."""

import re
import unicodedata
from collections.abc import Iterator

import phonenumbers
from phonenumbers import Leniency, NumberParseException, PhoneNumber, PhoneNumberMatcher

from models.rules.text import MOBILE

_REGION, _CODE = "CN", 86

_LEAST_DIGITS = re.compile(r"\d(?:\D{0,3}\d){6}")
"""Seven digits near each other: the matcher takes 170 µs for a letter, and most have no number."""

_MOBILE_DIGITS = 11
"""The digits of a mobile number without the country's code, which are its normal form."""

_EXTENSION = re.compile("转|分机")
"""The words before an extension in Chinese; the library knows the English ones."""

_DASHED_EXTENSION = re.compile(
    r"((?<!\d)[(\uff08]?(?:[+\uff0b]86[- ]?)?[(\uff08]?[0\uff10]?\d{2,3}[)\uff09]?[-\uff0d ]?"
    r"\d{3,4}[-\uff0d ]?\d{4})[-\uff0d](?=\d{1,5}(?![\d-]))"
)
"""A landline number with its extension behind a dash, up to that dash: `0754-88123456-801`."""


def normalize_phone(text: str) -> str:
    """Return a telephone number in the form in which numbers are compared and hashed.

    A Chinese number is its digits without the country's prefix and the leading zero of its area:
    `0754-88123456` and `+86 754 8812 3456` are both `75488123456`. A foreign number begins with
    `+` and its country's code; extensions are dropped. What is no telephone number keeps its
    digits, or, if it has none, is returned as it is without white space around it.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    if MOBILE.fullmatch(text):
        return "".join(c for c in text if c.isdecimal())[-_MOBILE_DIGITS:]
    number = _parse(_EXTENSION.split(_spell_extension(text), maxsplit=1)[0])
    if number is not None and phonenumbers.is_valid_number(number):
        return _canonical(number)
    # two numbers in one field, or an extension that looks like a part of the number
    if (first := next(find_phones(text), None)) is not None:
        return first
    return _canonical(number) if number is not None else _digits(text) or text


def find_phones(text: str) -> Iterator[str]:
    """Yield the telephone numbers that a text holds, each as `normalize_phone` returns it."""
    for _begins, _ends, number in locate_phones(text):
        yield number


def locate_phones(text: str) -> list[tuple[int, int, str]]:
    """Return, in order, where each telephone number in a text begins and ends, and its normal form.

    These are valid numbers, and mobile numbers of any prefix.
    """
    if _LEAST_DIGITS.search(text) is None:
        return []
    places = [(m.start(), m.end(), normalize_phone(m.group())) for m in MOBILE.finditer(text)]
    # of the same length, so that places stay what they are
    rest = MOBILE.sub(lambda match: "*" * len(match.group()), text)
    for match in PhoneNumberMatcher(_spell_extension(rest), _REGION, Leniency.VALID):
        places.append((match.start, match.end, _canonical(match.number)))
    return sorted(places)


def _spell_extension(text: str) -> str:
    """Return a text of the same length with a dash before an extension replaced by its word."""
    return _DASHED_EXTENSION.sub(r"\1转", text)


def _parse(text: str) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, _REGION)
        if number.country_code == _CODE and not phonenumbers.is_valid_number(number):
            # 086-754-88123456: the code of the country after a zero that is not the area's
            national = phonenumbers.national_significant_number(number)
            if national.startswith(str(_CODE)):
                inner = phonenumbers.parse(national.removeprefix(str(_CODE)), _REGION)
                return inner if phonenumbers.is_valid_number(inner) else number
    except NumberParseException:
        return None
    return number


def _canonical(number: PhoneNumber) -> str:
    national = phonenumbers.national_significant_number(number)
    return national if number.country_code == _CODE else f"+{number.country_code}{national}"


def _digits(text: str) -> str:
    digits = "".join(c for c in text if c.isdecimal()).lstrip("0")
    return digits.removeprefix(str(_CODE)).lstrip("0") if len(digits) > 11 else digits
