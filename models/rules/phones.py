"""Telephone numbers: one form for each however it is written, and those that a text holds."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from models.rules.personal.figures import (
    MOST_GROUPS,
    SEPARATOR,
    Group,
    plain_figures,
    runs,
    stands_alone,
)
from models.rules.personal.places import PersonalKind, Place, without

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_REGION, _CODE = "CN", 86

_LEAST_DIGITS = re.compile(r"\d(?:\D{0,3}\d){6}")
"""Seven digits near each other; most letters have none, and need nothing further."""

_MOBILE = re.compile(r"(?:(?:00|0)?86|0)?(1[3-9]\d{9})")
_MOBILE_DIGITS = 11
"""The digits of a mobile number without the country's code, which are its normal form."""

_PREFIXED_DIGITS = _MOBILE_DIGITS + len("0086")
_LABELLED = re.compile(
    r"(?:电话|手机|号码?|联系|微信|致电|拨打?|tel)[^\d,;，；。]{0,6}$", re.IGNORECASE
)
_LABEL_CHARACTERS = 12

_AMOUNT = re.compile(r"\s*(?:元|万|亿|平|㎡|米|吨|千瓦|度|户|%)")
"""Words after a figure that counts something, as in `1500000-20000元`."""

_WHOLE = re.compile(
    rf"(?<![\d.])(?:\+|\(?(?:0(?!(?:{SEPARATOR}{{0,3}}0){{2}})|86|400|800))"
    rf"(?:{SEPARATOR}{{0,3}}\d){{7}}"
)
"""The beginning of a number that is no mobile number, with its area's or country's.

No area's and no country's begins with three zeros, as many a serial number does.
"""

_OTHER_SEPARATORS = str.maketrans("._·•・\u2014/\\|\n\t", "------     ")
"""Separators that the library does not take for such, and what it does take."""

_LOCAL = re.compile(
    r"(?:电话|座机|固话|致电|拨打|热线|传真|联系方式|tel)[^\d,;，；。\n]{0,5}"
    r"(?<!\d)([2-8]\d{2,3}[ -]?\d{4})(?![\d-]|\s*(?:元|万|户|号楼|%))",
    re.IGNORECASE,
)
"""A number of the place itself, without its area's: only a word before it tells what it is."""

_EXTENSION = re.compile("转|分机")
"""The words before an extension in Chinese; the library knows the English ones."""

_WRITTEN_EXTENSION = re.compile(r" ?(?:转|分机|-)[ 号:：]{0,2}\d{1,5}(?![\d-])")

_FURTHER = re.compile(r"\s*[/、,，;；或和及]\s*([2-8]\d{2,3}[ -]?\d{4})(?![\d-])")
"""Another number of the same area behind one that names it: `0754-88123456/88123457`."""

_DASHED_EXTENSION = re.compile(
    r"((?<!\d)[(]?(?:[+]86[- ]?)?[(]?0?\d{2,3}[)]?[- ]?\d{3,4}[- ]?\d{4})-(?=\d{1,5}(?![\d-]))"
)
"""A landline number with its extension behind a dash, up to that dash: `0754-88123456-801`."""


def normalize_phone(text: str) -> str:
    """Return a telephone number in the form in which numbers are compared and hashed.

    A Chinese number is its digits without the country's prefix and the leading zero of its area:
    `0754-88123456` and `+86 754 8812 3456` are both `75488123456`. A foreign number begins with
    `+` and its country's code; extensions are dropped. What is no telephone number keeps its
    digits, or, if it has none, is returned as it is without white space around it.
    """
    import phonenumbers  # noqa: PLC0415  (30 ms, and most commands compare no numbers)

    text = unicodedata.normalize("NFKC", text).strip()
    if (mobile := _MOBILE.fullmatch(text.removeprefix("+"))) is not None:
        return mobile.group(1)
    number = _parse(_EXTENSION.split(_spell_extension(text), maxsplit=1)[0])
    if number is not None and phonenumbers.is_valid_number(number):
        return _canonical(number)
    # two numbers in one field, or an extension that looks like a part of the number
    if (first := next(find_phones(text), None)) is not None:
        return first
    return _canonical(number) if number is not None else _digits(text) or text


def is_mobile(text: str) -> bool:
    """Return whether a text is a mobile number in its normal form and nothing besides."""
    return len(text) == _MOBILE_DIGITS and text.isascii() and _MOBILE.fullmatch(text) is not None


def find_phones(text: str) -> Iterator[str]:
    """Yield the telephone numbers that a text holds, each as `normalize_phone` returns it."""
    for place in locate_phones(plain_figures(text)):
        if place.number:
            yield place.number


def locate_phones(plain: str) -> list[Place]:
    """Return, in order, the telephone numbers in a text whose figures are plain.

    These are valid numbers, and mobile numbers of any prefix. A number that leaves its area's to
    the one before it has no normal form.
    """
    if _LEAST_DIGITS.search(plain) is None:
        return []
    mobiles = _mobiles(plain)
    return sorted([*mobiles, *_others(without(plain, mobiles))])


def locate_local_phones(plain: str) -> list[Place]:
    """Return the numbers without their area's in a text whose figures are plain.

    Their normal form is not known: that depends on where they are.
    """
    return [Place(*match.span(1), PersonalKind.LANDLINE) for match in _LOCAL.finditer(plain)]


def is_of_a_service(number: str) -> bool:
    """Return whether a number in its normal form is an enterprise's, reached from anywhere."""
    return len(number) == 10 and number.startswith(("400", "800"))


def _mobiles(plain: str) -> list[Place]:
    places = []
    for groups in runs(plain, _MOBILE_DIGITS):
        first = 0
        while first < len(groups):
            last = _end_of_mobile(plain, groups, first)
            if last is not None:
                figures = "".join(group.figures for group in groups[first:last])
                begins, ends = groups[first].begins, groups[last - 1].ends
                places.append(Place(begins, ends, PersonalKind.MOBILE, figures[-_MOBILE_DIGITS:]))
            first = last or first + 1
    return places


def _end_of_mobile(plain: str, groups: Sequence[Group], first: int) -> int | None:
    """Return behind which group a mobile number ends that begins with this one, if one does."""
    figures, end = "", None
    for last in range(first, len(groups)):
        figures += groups[last].figures
        if len(figures) > _PREFIXED_DIGITS:
            break
        if len(figures) < _MOBILE_DIGITS or _MOBILE.fullmatch(figures) is None:
            continue
        if _is_one_number(plain, groups, first, last + 1, len(figures) - _MOBILE_DIGITS):
            end = last + 1
    return end


def _is_one_number(plain: str, groups: Sequence[Group], first: int, last: int, prefix: int) -> bool:
    """Return whether groups look like a mobile number behind its prefix, not like a list."""
    lengths = [len(group.figures) for group in groups[first:last]]
    while prefix:
        cut = min(prefix, lengths[0])
        lengths[0] -= cut
        prefix -= cut
        if not lengths[0]:
            del lengths[0]
    if len(lengths) == 1:
        return True
    if _AMOUNT.match(plain, groups[last - 1].ends):
        return False
    if len(lengths) == _MOBILE_DIGITS:
        return stands_alone(groups, first, last)
    if len(lengths) > MOST_GROUPS:
        return False
    begins = groups[first].begins
    labelled = _LABELLED.search(plain, max(begins - _LABEL_CHARACTERS, 0), begins)
    return len(lengths) == 2 or lengths[0] == 3 or labelled is not None


def _others(plain: str) -> Iterator[Place]:
    """Yield the numbers that are no mobile numbers of this country."""
    if _WHOLE.search(plain) is None:
        return
    from phonenumbers import Leniency, PhoneNumberMatcher  # noqa: PLC0415

    spelled = _spell_extension(plain.translate(_OTHER_SEPARATORS))
    for match in PhoneNumberMatcher(spelled, _REGION, Leniency.VALID):
        if _WHOLE.match(plain, match.start) is None:
            continue
        extension = _WRITTEN_EXTENSION.match(plain, match.end)
        ends = extension.end() if extension is not None else match.end
        yield Place(match.start, ends, PersonalKind.LANDLINE, _canonical(match.number))
        while (further := _FURTHER.match(plain, ends)) is not None:
            yield Place(*further.span(1), PersonalKind.LANDLINE)
            ends = further.end()


def _spell_extension(text: str) -> str:
    """Return a text of the same length with a dash before an extension replaced by its word."""
    return _DASHED_EXTENSION.sub(r"\1转", text)


def _parse(text: str) -> "PhoneNumber | None":
    import phonenumbers  # noqa: PLC0415

    try:
        number = phonenumbers.parse(text, _REGION)
        if number.country_code == _CODE and not phonenumbers.is_valid_number(number):
            # 086-754-88123456: the code of the country after a zero that is not the area's
            national = phonenumbers.national_significant_number(number)
            if national.startswith(str(_CODE)):
                inner = phonenumbers.parse(national.removeprefix(str(_CODE)), _REGION)
                return inner if phonenumbers.is_valid_number(inner) else number
    except phonenumbers.NumberParseException:
        return None
    return number


def _canonical(number: "PhoneNumber") -> str:
    from phonenumbers import national_significant_number  # noqa: PLC0415

    national = national_significant_number(number)
    return national if number.country_code == _CODE else f"+{number.country_code}{national}"


def _digits(text: str) -> str:
    digits = "".join(c for c in text if c.isdecimal()).lstrip("0")
    return digits.removeprefix(str(_CODE)).lstrip("0") if len(digits) > 11 else digits
