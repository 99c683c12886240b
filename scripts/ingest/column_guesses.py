"""Guess from headers and data what the columns of an unknown table are, and how sure that is."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from statistics import median
from typing import NamedTuple

from models.rules.text import clean
from scripts.ingest.mapping import TOPIC_LEVELS
from scripts.ingest.sample import FeedSample

_NEARLY_ALL = 0.8
_LONG_TITLE = 60
_MOST_WORDS = 30
_NEVER_BLANK = ("title", "content", "category", "channel", "topic", *TOPIC_LEVELS)
"""Fields of which a column without any text is none."""


class Guess(NamedTuple):
    """The number of a column, and whether it is certainly what it was looked for."""

    column: int
    sure: bool


class DateRole(StrEnum):
    """The moments that a table's dates may be of."""

    DEADLINE = "deadline"
    UPDATED = "updated"
    RATED = "rated"
    ANSWERED = "answered"
    WRITTEN = "written"
    OTHER = "other"


class _Words(NamedTuple):
    """The headers of a field: those that say it, those that may mean it, those of other things."""

    sure: re.Pattern[str]
    perhaps: re.Pattern[str]
    never: re.Pattern[str]


class _DateWords(NamedTuple):
    """The headers of a date's role, and the order in which several columns are chosen from."""

    words: re.Pattern[str]
    first: tuple[re.Pattern[str], ...]


class _HeaderWords(NamedTuple):
    """The headers of fields, sure ones first, and of the roles of dates, in the order of trial."""

    fields: Mapping[str, _Words]
    dates: Mapping[DateRole, _DateWords]
    no_date: re.Pattern[str]


@cache
def _header_words() -> _HeaderWords:
    """The headers that `column_words.toml` lists."""
    lists = tomllib.loads((Path(__file__).parent / "column_words.toml").read_text("utf-8"))
    named = {f"{{{name}}}": "|".join(words) for name, words in lists.pop("words").items()}

    def any_of(words: Sequence[str]) -> re.Pattern[str]:
        text = "|".join(words) or r"(?!)"
        for name, alternatives in named.items():
            text = text.replace(name, alternatives)
        return re.compile(text)

    dates = lists.pop("dates")
    return _HeaderWords(
        {
            field: _Words(*(any_of(each[key]) for key in _Words._fields))
            for field, each in lists.items()
        },
        {
            role: _DateWords(
                any_of(dates[role]["words"]), tuple(map(re.compile, dates[role].get("first", ())))
            )
            for role in DateRole
        },
        any_of(dates["never"]),
    )


def header_words(header: str) -> str:
    """Return a header as it is compared: `requestId`, `request_id` and `REQUEST-ID` are one."""
    text = unicodedata.normalize("NFKC", clean(header))
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return re.sub(r"[\s_\-./#:]+", " ", text).strip().casefold()


class ColumnGuesses:
    """The columns of a sample, and what each field is likely to be.

    `dated` are the columns that hold dates.
    """

    def __init__(self, sample: FeedSample, dated: Sequence[int]) -> None:
        self._sample = sample
        self._headers = [header_words(header) for header in sample.headers]
        self.dates = {n: self._date_role(n) for n in dated}
        self.taken: set[int] = set(dated)
        self.fields: dict[str, Guess] = {}
        for field in _header_words().fields:
            if (guess := self._find(field)) is not None:
                self.fields[field] = guess
                self.taken.add(guess.column)
        self._settle_topic()

    def _settle_topic(self) -> None:
        """Take the levels of a topic for its path; the first alone is the topic itself."""
        levels = [self.fields.pop(level) for level in TOPIC_LEVELS if level in self.fields]
        if len(levels) == 1:
            self.fields["topic"] = levels[0]
        elif levels:
            self.fields.pop("topic", None)
            self.fields |= dict(zip(TOPIC_LEVELS, levels, strict=False))

    @property
    def written(self) -> Guess | None:
        """The column of the letter's own date."""
        named = self._dates_of(DateRole.WRITTEN)
        if named:
            return Guess(named[0], sure=True)
        others = self._dates_of(DateRole.OTHER)
        return Guess(others[0], sure=len(others) == 1) if others else None

    @property
    def answered(self) -> Guess | None:
        """The column of the moment at which the answer was given."""
        named = self._dates_of(DateRole.ANSWERED)
        return Guess(named[0], sure=len(named) == 1) if named else None

    def first_date(self, role: DateRole) -> Guess | None:
        """Return the first column with dates of this role."""
        columns = self._dates_of(role)
        return Guess(columns[0], sure=len(columns) == 1) if columns else None

    def other_persons_phones(self) -> list[int]:
        """Return the columns with telephone numbers that are not the claimant's."""
        words = _header_words().fields["claimant.phone"]
        return [
            n
            for n, header in enumerate(self._headers)
            if n not in self.taken and words.perhaps.search(header) and words.never.search(header)
        ]

    def _dates_of(self, role: DateRole) -> list[int]:
        order = _header_words().dates[role].first

        def rank(column: int) -> int:
            header = self._headers[column]
            return next((n for n, words in enumerate(order) if words.search(header)), len(order))

        return sorted((n for n, r in self.dates.items() if r is role), key=rank)

    def _date_role(self, column: int) -> DateRole:
        header = self._headers[column]
        dates = _header_words().dates
        roles = (role for role, date in dates.items() if date.words.search(header))
        return next(roles, DateRole.OTHER)

    def _find(self, field: str) -> Guess | None:
        words = _header_words().fields[field]
        free = [
            n
            for n, header in enumerate(self._headers)
            if header and n not in self.taken and not words.never.search(header)
        ]
        for pattern, is_sure in ((words.sure, True), (words.perhaps, False)):
            named = [n for n in free if pattern.search(self._headers[n])]
            fitting = [(n, fit) for n in named if (fit := self._fit(field, n)) > 0]
            if fitting:
                column, fit = fitting[0]
                return Guess(column, is_sure and fit == 1 and len(fitting) == 1)
        return None

    def _fit(self, field: str, column: int) -> float:
        """Return 1 where the data are what the header lets expect, 0 where they cannot be."""
        texts = self._sample.column(column)
        distinct, rows = len(set(texts)), max(len(self._sample.rows), 1)
        if field == "ticket":
            return float(distinct > _NEARLY_ALL * rows)
        if not texts:
            return 0 if field in _NEVER_BLANK else 0.5
        if field in ("category", "status", "channel", "rating"):
            return float(distinct <= _MOST_WORDS)
        if field == "title":
            filled = len(texts) >= _NEARLY_ALL * rows
            return float(filled and median(map(len, texts)) <= _LONG_TITLE)
        if field == "claimant.phone":
            numbers = sum(len(re.findall(r"[\d*]", text)) >= 5 for text in texts)
            return float(2 * numbers >= len(texts))
        return 1


def is_date_header(header: str) -> bool:
    """Return whether a header lets expect dates."""
    text, words = header_words(header), _header_words()
    return not words.no_date.search(text) and any(
        date.words.search(text) for date in words.dates.values()
    )
