"""Numbers of persons in a text: of identity cards, passports and permits, banks, telephones."""

import re
from collections.abc import Iterator, Sequence

from models.rules.personal.figures import SEPARATOR, Group, are_of_one, plain_figures, runs
from models.rules.personal.places import PersonalKind, Place, without, without_overlaps
from models.rules.phones import locate_phones

LEAST_DIGITS = 7
"""The digits of the shortest number that is looked for."""

ENOUGH_DIGITS = re.compile(rf"\d(?:\D{{0,4}}\d){{{LEAST_DIGITS - 1}}}")
"""So many digits near each other."""

_LEAST_ACCOUNT, _LEAST_CARD, _MOST_CARD = 9, 16, 19
_IDENTITY_DIGITS, _OLD_IDENTITY_DIGITS = 18, 15
_DISABILITY_DIGITS = 20
"""A disabled person's card: the identity number, kind and grade (残疾人证)."""

_BORN = re.compile(r"\d{6}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
"""A place and a day of birth; the library asks for no plausible year, and takes longer."""

_LAST_LETTER = re.compile(rf"{SEPARATOR}{{0,3}}[Xx](?![A-Za-z])")
_LABEL_CHARACTERS = 14

_OF_IDENTITY = re.compile(r"(?:身份证|证件|公民身份|证号|老证|户口)[^\d,;，；。]{0,8}$")
_OF_ACCOUNT = re.compile(
    r"(?:卡|账号|帐号|账户|帐户|存折|一卡通)(?:号码?|为|是|的|[:：\s()（）]){0,5}$"
)
_OF_THINGS = re.compile(
    r"(?:单号?|编号|编码|订单|流水|合同号?|条码|型号|运单|备案|表号|设备|工单|受理号)[^\d,，。]{0,6}$"
)
"""Words before a number that is no person's."""

_CREDIT_CODE = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z]{18}(?![0-9A-Za-z])")

_DOCUMENTS = "护照|通行证|回乡证|台胞证|居住证|居留证|海员证|证件号"
_LABELLED_DOCUMENT = re.compile(
    rf"(?:{_DOCUMENTS})[^\dA-Za-z,;，；。\n]{{0,8}}([A-Za-z]{{1,2}}\d{{6,10}}|\d{{8,10}})"
    r"(?![0-9A-Za-z])"
)
_DOCUMENT_BEFORE_LABEL = re.compile(
    rf"(?<![0-9A-Za-z])([A-Za-z]{{1,2}}\d{{7,8}})(?=号?的?(?:{_DOCUMENTS}))"
)
_PASSPORT = re.compile(r"(?<![0-9A-Za-z])(?:[EG]\d{8}|E[A-HJ-NP-Z]\d{7})(?![0-9A-Za-z])")


def locate_numbers(plain: str) -> list[Place]:
    """Return the numbers of persons in a text whose figures are plain, in no order.

    A company's code is none, though it may look like one: it is public (统一社会信用代码).
    """
    if ENOUGH_DIGITS.search(plain) is None:
        return []
    plain = _CREDIT_CODE.sub(_without_credit_code, plain)
    documents = without_overlaps(_documents(plain))
    plain = without(plain, documents)
    cards = list(_cards(plain))
    return [*documents, *cards, *locate_phones(without(plain, cards))]


def find_identities(text: str) -> Iterator[str]:
    """Yield the identity numbers in a cleaned text, without what separates digits."""
    for place in locate_numbers(plain_figures(text)):
        if place.kind == PersonalKind.IDENTITY:
            yield place.number


def _without_credit_code(match: re.Match[str]) -> str:
    from stdnum.cn import uscc  # noqa: PLC0415

    code = match.group()
    return "*" * len(code) if uscc.is_valid(code) and not _is_valid(code) else code


def _documents(plain: str) -> Iterator[Place]:
    for pattern in (_LABELLED_DOCUMENT, _DOCUMENT_BEFORE_LABEL):
        for match in pattern.finditer(plain):
            yield Place(*match.span(1), PersonalKind.DOCUMENT)
    for match in _PASSPORT.finditer(plain):
        if not _stands_after(_OF_THINGS, plain, match.start()):
            yield Place(*match.span(), PersonalKind.DOCUMENT)


def _cards(plain: str) -> Iterator[Place]:
    """Yield the numbers of identity cards, bank cards and accounts."""
    for groups in runs(plain, _LEAST_ACCOUNT):
        first = 0
        while first < len(groups):
            place, last = _card_from(plain, groups, first)
            if place is not None:
                yield place
            first = last


def _card_from(plain: str, groups: Sequence[Group], first: int) -> tuple[Place | None, int]:
    """Return the longest number that begins with this group, and behind which group it ends."""
    longest: tuple[Place | None, int] = (None, first + 1)
    figures, begins = "", groups[first].begins
    for last in range(first, len(groups)):
        figures += groups[last].figures
        if len(figures) > _DISABILITY_DIGITS + 3:
            break
        if len(figures) < _LEAST_ACCOUNT or not are_of_one(groups, first, last + 1):
            continue
        ends = groups[last].ends
        letter = _LAST_LETTER.match(plain, ends)
        if letter is not None and _is_identity(f"{figures}X", plain, begins):
            place = Place(begins, letter.end(), PersonalKind.IDENTITY, f"{figures}X")
            longest = place, last + 1
        elif _is_identity(figures, plain, begins):
            number = figures[:_IDENTITY_DIGITS]
            longest = Place(begins, ends, PersonalKind.IDENTITY, number), last + 1
        elif _is_card(figures, plain, begins):
            longest = Place(begins, ends, PersonalKind.CARD), last + 1
    return longest


def _is_identity(number: str, plain: str, begins: int) -> bool:
    """Return whether a number is an identity card's, be it one of the old ones, or mistyped."""
    # the old ones have no letter, though fourteen figures and one are as long
    old = len(number) == _OLD_IDENTITY_DIGITS and number.isdecimal()
    whole = f"{number[:6]}19{number[6:]}0" if old else number
    if len(whole) not in (_IDENTITY_DIGITS, _DISABILITY_DIGITS) or not _BORN.match(whole):
        return False
    from stdnum.cn import ric  # noqa: PLC0415
    from stdnum.exceptions import ValidationError  # noqa: PLC0415

    try:
        ric.get_birth_date(whole)
    except ValidationError:
        return False
    if old:
        valid = _is_valid(whole[:-1] + ric.calc_check_digit(whole))
        return valid or _stands_after(_OF_IDENTITY, plain, begins)
    if len(whole) == _DISABILITY_DIGITS:
        card = whole[:_IDENTITY_DIGITS]
        return ric.calc_check_digit(card) == card[-1]
    # a ticket's number may be of a place and a day too
    return _is_valid(whole) or not _stands_after(_OF_THINGS, plain, begins)


def _is_valid(number: str) -> bool:
    """Return whether an identity number's day, place and check digit are possible."""
    from stdnum.cn import ric  # noqa: PLC0415  (30 ms, and most texts hold none)

    try:
        return ric.is_valid(number)
    except KeyError:
        # the library knows the province, and no county in it
        return False


def _is_card(figures: str, plain: str, begins: int) -> bool:
    """Return whether figures are a bank card's, or said to be an account's."""
    from stdnum import luhn  # noqa: PLC0415

    if _stands_after(_OF_ACCOUNT, plain, begins):
        return True
    return (
        _LEAST_CARD <= len(figures) <= _MOST_CARD
        and figures[0] in "3456"
        and luhn.is_valid(figures)
        and not _stands_after(_OF_THINGS, plain, begins)
    )


def _stands_after(label: re.Pattern[str], plain: str, begins: int) -> bool:
    return label.search(plain, max(begins - _LABEL_CHARACTERS, 0), begins) is not None
