"""Figures in a text in one form, however they are written, and each at its place."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_HAN = "零一二三四五六七八九", "〇壹贰叁肆伍陆柒捌玖", "○幺貳參肆伍陸柒捌玖"
_BLOCKS = (
    (0xB2, 0xBA),  # superscripts, as is the next
    (0x2070, 0x208A),
    (0x2460, 0x2500),  # in circles and brackets, with a full stop
    (0x2776, 0x2794),
    (0x3220, 0x3229),
    (0x3280, 0x3289),
    (0x1F100, 0x1F10B),
)
"""Where Unicode has the figures that people type instead of 0 to 9."""


def _other_figures() -> Iterator[tuple[str, str]]:
    for first, end in _BLOCKS:
        for character in map(chr, range(first, end)):
            value = unicodedata.numeric(character, 10)
            if value in range(10):
                yield character, str(int(value))
    for han in _HAN:
        yield from zip(han, "0123456789", strict=True)


_FULL_WIDTH = "[\uff03\uff08\uff09\uff0b\uff0d-\uff19\uff20-\uff3a\uff3f\uff41-\uff5a]+"
"""Full-width figures, letters, brackets, and signs in numbers and addresses."""

_WIDE = re.compile(_FULL_WIDTH)
_FOREIGN = re.compile(r"[^\x00-\x7f\D]")
"""The decimal figures of other scripts, which libraries of numbers would not all read."""

_FIGURES = str.maketrans(dict(_other_figures()))
_OTHER = f"[{''.join(_HAN)}{''.join(f'{chr(first)}-{chr(end - 1)}' for first, end in _BLOCKS)}]"

SEPARATOR = r"[\s\-_.·•・/\\|()\u2010-\u2015\u2212\ufe0f\u20e3]"
"""Signs that people put between the figures of one number, also line ends and key caps."""

_STRETCH = re.compile(rf"{_OTHER}(?:{SEPARATOR}{{0,3}}{_OTHER}){{2,}}")
"""Figures other than 0 to 9 that stand for a number: one alone is a word or heads a paragraph."""

_RUN = re.compile(rf"\d(?:{SEPARATOR}{{0,3}}\d)*")
_GROUP = re.compile(r"\d+")
MOST_GROUPS = 5
"""A number in more groups than these has one figure in each of them."""


def plain_width(text: str) -> str:
    """Return a text of the same length with full-width figures, letters and signs as ASCII."""
    text = _WIDE.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
    return _FOREIGN.sub(lambda match: str(unicodedata.decimal(match.group())), text)


def plain_figures(text: str) -> str:
    """Return a text of the same length with numbers in figures 0 to 9, and signs as ASCII."""
    return _STRETCH.sub(lambda match: match.group().translate(_FIGURES), plain_width(text))


def every_figure(text: str) -> str:
    """Return a text of the same length with each figure as 0 to 9, be it alone in a word."""
    return plain_width(text).translate(_FIGURES)


class Group(NamedTuple):
    """Figures that stand together, and where they begin and end in the text."""

    begins: int
    ends: int
    figures: str


def runs(plain: str, least: int) -> Iterator[list[Group]]:
    """Yield the groups of each run of at least so many figures with nothing but separators."""
    for run in _RUN.finditer(plain):
        if run.end() - run.start() < least:
            continue
        groups = [
            Group(m.start(), m.end(), m.group())
            for m in _GROUP.finditer(plain, run.start(), run.end())
        ]
        if sum(len(group.figures) for group in groups) >= least:
            yield groups


def are_of_one(groups: Sequence[Group], first: int, end: int) -> bool:
    """Return whether these groups of a run may be one number: a few, or a figure each."""
    if end - first <= MOST_GROUPS:
        return True
    # what is asked of two groups is asked first: a text may hold a hundred thousand
    return (
        len(groups[first].figures) == 1
        and stands_alone(groups, first, end)
        and all(len(group.figures) == 1 for group in groups[first:end])
    )


def stands_alone(groups: Sequence[Group], first: int, end: int) -> bool:
    """Return whether no single figure stands beside these groups: then they would be a list's."""
    return all(len(groups[n].figures) > 1 for n in (first - 1, end) if 0 <= n < len(groups))
