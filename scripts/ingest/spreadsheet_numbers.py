"""Undress numbers: take off what spreadsheets and people put around them.

`123`, `'123`, `="123"`, `１２３`, `123.0` and `12,345` are ways to write one number.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import NamedTuple

_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
_MARKS = "'\"`\u2018\u2019\u201c\u201d"
_FRACTION = re.compile(r"(\d+)\.0+")
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")
_ROUNDED = re.compile(r"\d(\.\d+)?E\+?\d+", re.IGNORECASE)
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def without_formula(text: str) -> str:
    """Return what a formula `="text"` shows, or another text as it is."""
    if not text.startswith('="'):
        return text
    formula = _FORMULA.fullmatch(text)
    return text if formula is None else formula[1].replace('""', '"').strip()


def undressed(text: str) -> str:
    """Return a number, or a code in Latin letters, without its dress; another text as it is."""
    if text.isascii() and text.isalnum():
        return text
    text = without_formula(text)
    plain = unicodedata.normalize("NFKC", text)
    plain = without_formula(plain.strip()).strip(_MARKS).strip()
    if not plain.isascii() or not plain:
        return text
    if fraction := _FRACTION.fullmatch(plain):
        return fraction[1]
    return plain.replace(",", "") if _THOUSANDS.fullmatch(plain) else plain


def is_rounded(text: str) -> bool:
    """Return whether a number is written with an exponent, so that its last digits are gone."""
    return _ROUNDED.fullmatch(text) is not None


class Dress(NamedTuple):
    """A way to dress a number, and the patterns (of SQL) by which such numbers are found."""

    put_on: Callable[[str], str]
    patterns: tuple[str, ...]


DRESSES: Mapping[str, Dress] = {
    "apostrophe": Dress("'{}".format, ("'%",)),
    "formula": Dress('="{}"'.format, ('="%',)),
    "fraction": Dress("{}.0".format, ("%.0",)),
    "thousands": Dress(lambda n: f"{int(n):,}" if n.isdecimal() else n, ("%,%",)),
    "full width": Dress(
        lambda number: number.translate(_FULL_WIDTH),
        tuple(f"%{digit}%" for digit in "０１２３４５６７８９"),
    ),
}
"""The ways in which an older release took numbers as they came."""
