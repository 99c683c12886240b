"""Suggest a first mapping for a table that no mapping knows, with a preview of what it reads.

What is guessed is marked by `# ?`, what is left out is listed, and what has to be filled in is a
"?", with which no mapping is taken.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from models.i18n import _
from models.rules.text import clean, one_line
from models.rules.vocabulary import Rating
from scripts.ingest.column_guesses import ColumnGuesses, DateRole, Guess
from scripts.ingest.date_guesses import date_forms, is_ambiguous
from scripts.ingest.feed_reader import FeedOptions
from scripts.ingest.mapping import FIELDS, TOPIC_LEVELS, UNFILLED, shipped_mappings
from scripts.ingest.mapping_preview import preview
from scripts.ingest.records import FeedError, FeedUnreadable
from scripts.ingest.sample import FeedSample, read_sample
from scripts.ingest.table_layout import find_layout

_CATEGORY_WORDS = {
    "consultation": r"咨询|询问|^(inquiry|enquiry|question)s?$",
    "suggestion": r"建议|意见|表扬|^(suggestion|feedback|compliment)s?$",
    "help": r"求助|求决|诉求类|服务|报修|^(help|service request|request)s?$",
    "complaint": r"投诉|举报|信访|^(complaint|report)s?$",
}
_CHANNEL_WORDS = {
    "mini_program": r"小程序|公众号|微信|mini",
    "app": r"app|客户端|移动端|mobile",
    "phone": r"电话|热线|来电|12345|话务|phone|call|voice",
    "web": r"网|web|online|internet|self.?service|门户|邮箱",
}
_RATINGS = {
    Rating.VERY_DISSATISFIED: r"(非常|很|十分|极)不满意|very dissatisfied",
    Rating.DISSATISFIED: r"不满意|dissatisfied",
    Rating.BASICALLY_SATISFIED: r"基本满意|一般|somewhat|neutral",
    Rating.VERY_SATISFIED: r"(非常|很|十分)满意|very satisfied",
    Rating.SATISFIED: r"满意|^satisfied",
}
_CLOSED = r"办结|完结|结案|已办|完成|归档|已答复|已回复|关闭|closed|resolved|complete|done|finished"
_OPEN = r"未|不|待|中$|非|reopen|unresolved|incomplete|progress|\bnot\b|申请|审核|退"
_NO_REPLY = "原系统未附说明"


def suggest_mapping(path: Path, options: FeedOptions) -> str:
    """A mapping in TOML for a file, and as comments what it would read. Raises FeedError."""
    sample = read_sample(path)
    begin = _(
        "A first mapping; look at every line, those with # ? first, then give it with "
        "--mapping FILE."
    )
    suggestion = _Suggestion(path, sample)
    if not suggestion.knows_columns:
        raise FeedUnreadable(path.name, _("holds no table"))
    lines = [f"# {begin}", *_known_mappings(path, sample), *suggestion.lines()]
    text = "\n".join(lines) + "\n"
    return text + preview(path, text, options)


def _known_mappings(path: Path, sample: FeedSample) -> Iterator[str]:
    """A comment where a mapping that comes with the project knows the table."""
    try:
        layout = find_layout(path.name, [sample.headers], shipped_mappings())
    except FeedError as error:
        yield f"# {one_line(str(error))}"
        return
    if layout is not None:
        text = _(
            "The mapping {name}, which comes with hotline, knows this file ({about}): "
            "`hotline feed FILE` reads it without another one."
        )
        yield f"# {text.format(name=layout.mapping.name, about=layout.mapping.about)}"


class _Suggestion:
    """The lines of a mapping, from what the columns of a sample are guessed to be."""

    def __init__(self, path: Path, sample: FeedSample) -> None:
        self._path, self._sample = path, sample
        self._forms = {
            n: forms
            for n in range(len(sample.headers))
            if (forms := date_forms(sample, n)) is not None
        }
        self._guesses = ColumnGuesses(sample, list(self._forms))
        self._fields = dict(self._guesses.fields)
        self._used: list[int] = []
        self._recognised: list[int] = []

    @property
    def knows_columns(self) -> bool:
        """Return whether any column looks like something of a letter."""
        return bool(self._fields) or self._guesses.written is not None

    def lines(self) -> list[str]:
        """Return the mapping, without its first comment."""
        category = self._category()
        columns, constants = self._columns(), dict[str, str]()
        self._recognised = [n for n in dict.fromkeys(self._used) if self._sample.is_filled(n)]
        if category is None:
            constants["category"] = '"complaint"  # ?'
        values = [*self._values_of_category(category), *self._values_of_channel()]
        later = list(self._later())
        lines = [*self._head(), "", "[columns]", *columns]
        if constants:
            lines += [
                "",
                "[constants]",
                *(f"{field} = {text}" for field, text in constants.items()),
            ]
        return [*lines, *values, *later]

    def _head(self) -> Iterator[str]:
        headers = self._sample.headers
        name = re.sub(r"\W+", "-", self._path.stem).strip("-").lower() or "city"
        forms = list(dict.fromkeys(f for n in self._used for f in self._forms.get(n) or ()))
        yield f"name = {_quote(name)}"
        yield f"headers = [{', '.join(_quote(headers[n]) for n in self._recognised)}]"
        yield from self._left_out()
        yield f"dates = [{', '.join(map(_quote, forms or ['iso']))}]"
        written = self._guesses.written
        if written is not None and is_ambiguous(self._sample, written.column, forms):
            choose = _("Day or month first? No date of the sample tells; choose.")
            yield f"# {choose}"
        elsewhere = not any("\u4e00" <= c <= "\u9fff" for header in headers for c in header)
        yield f'zone = "Asia/Shanghai"{"  # ?" if elsewhere else ""}'

    def _left_out(self) -> Iterator[str]:
        """The columns that are not taken, and for those that look like more, why."""
        headers = self._sample.headers
        left = [n for n, header in enumerate(headers) if header and n not in self._used]
        whys = dict.fromkeys(self._guesses.other_persons_phones(), _("not the claimant's number"))
        deadline = _("a deadline: the service computes its own")
        for column, role in self._guesses.dates.items():
            whys[column] = deadline if role is DateRole.DEADLINE else _("a further date")
        for column in left:
            if column in whys:
                yield f"# {one_line(headers[column])}: {whys[column]}"
        if left:
            begin = _("Left out:")
            yield f"# {begin}"
            yield f"others = [{', '.join(_quote(headers[n]) for n in left)}]"

    def _columns(self) -> list[str]:
        lines = []
        written = self._guesses.written
        for field, guess in (("ticket", self._fields.get("ticket")), ("at", written)):
            if guess is None:
                missing = _("No column looks like it; no ticket can be without: write its header.")
                lines += [f"# {missing}", f'{field} = "{UNFILLED}"']
            else:
                lines.append(self._line(field, guess))
        if (updated := self._guesses.first_date(DateRole.UPDATED)) is not None:
            lines.append(self._line("updated", updated))
        if "title" not in self._fields and (short := self._short_column()) is not None:
            self._fields["title"] = Guess(short, sure=False)
        named = (f for f in FIELDS if f in self._fields and f not in ("ticket", "category"))
        lines += [self._line(field, self._fields[field]) for field in named]
        if "title" not in self._fields:
            lines += self._without_title()
        if "category" in self._fields:
            lines.append(self._line("category", self._fields["category"]))
        return lines

    def _line(self, key: str, guess: Guess) -> str:
        self._used.append(guess.column)
        header = _quote(self._sample.headers[guess.column])
        return f"{_key(key)} = {header}{'' if guess.sure else '  # ?'}"

    def _without_title(self) -> list[str]:
        """Say what stands in for titles; they are left to a person where nothing does."""
        if self._fields.keys() & {"content", "address"}:
            note = _("no column is a title: lists and notices show category and place")
            return [f"# {note}"]
        missing = _("No column says what a letter is about; no ticket can be without: choose one.")
        return [f"# {missing}", f'title = "{UNFILLED}"']

    def _short_column(self) -> int | None:
        """The column that says in a few words what a letter is about."""
        for field in ("topic", *reversed(TOPIC_LEVELS), "category"):
            if field in self._fields:
                return self._fields[field].column
        return None

    def _category(self) -> Guess | None:
        """The column of the category, if its words are such; else it is a topic."""
        guess = self._fields.get("category")
        if guess is None:
            return None
        words = set(self._sample.column(guess.column))
        known = sum(_code_of(word, _CATEGORY_WORDS) is not None for word in words)
        if 2 * known >= len(words):
            return guess
        del self._fields["category"]
        if not any(level in self._fields for level in TOPIC_LEVELS):
            self._fields.setdefault("topic", Guess(guess.column, sure=False))
        return None

    def _values_of_category(self, category: Guess | None) -> Iterator[str]:
        if category is None:
            return
        yield from ("", "[values.category]")
        for word, _times in Counter(self._sample.column(category.column)).most_common():
            code = _code_of(word, _CATEGORY_WORDS)
            yield f"{_quote(word)} = {_quote(code or 'complaint')}{'' if code else '  # ?'}"

    def _values_of_channel(self) -> Iterator[str]:
        channel = self._fields.get("channel")
        if channel is None:
            return
        yield from ("", "[values.channel]", '"*" = ""')
        for word in dict.fromkeys(self._sample.column(channel.column)):
            if code := _code_of(word, _CHANNEL_WORDS):
                yield f"{_quote(word)} = {_quote(code)}"

    def _later(self) -> Iterator[str]:
        """Yield the tables about more than the letter: the answer, its acceptance, the rating."""
        answered = self._guesses.answered
        if answered is None:
            return
        closed = self._closed_words()
        when = f"when = {{ {self._when('status', closed)} }}" if closed else ""
        yield from ("", "[[later]]", 'name = "replied"', 'type = "result.submitted"')
        yield self._line("at", answered)
        if when:
            yield when
        if (reply := self._fields.get("reply")) is not None:
            self._used.append(reply.column)
            header = _quote(self._sample.headers[reply.column])
            yield f"columns = {{ facts = {header} }}{'' if reply.sure else '  # ?'}"
        parts = f'facts = {_quote(_NO_REPLY)}, measures = "见办理结果", remedies = "见办理结果"'
        sure = "" if reply is not None else "  # ?"
        yield f'constants = {{ {parts}, basis = "见办理结果", disposal = "ordinary" }}{sure}'
        if not closed:
            return
        yield from ("", "[[later]]", 'name = "approved"', 'type = "result.reviewed"')
        yield from ('after = "replied"', self._line("at", answered))
        yield "constants = { approved = true }  # ?"
        yield from self._rated(answered)

    def _rated(self, answered: Guess) -> Iterator[str]:
        rating = self._fields.get("rating")
        words = self._sample.column(rating.column) if rating is not None else []
        codes = {word: code for word in words if (code := _code_of(word, _RATINGS))}
        if rating is None or not codes:
            return
        at = self._guesses.first_date(DateRole.RATED) or Guess(answered.column, sure=False)
        yield from (
            "",
            "[[later]]",
            'name = "rated"',
            'type = "survey.rated"',
            'after = "approved"',
        )
        yield self._line("at", at)
        yield f"when = {{ {self._when('rating', codes)} }}"
        yield f"columns = {{ rating = {_quote(self._sample.headers[rating.column])} }}"
        yield "[later.values.rating]"
        for word, code in codes.items():
            yield f"{_quote(word)} = {_quote(code)}"

    def _closed_words(self) -> list[str]:
        status = self._fields.get("status")
        words = dict.fromkeys(self._sample.column(status.column)) if status is not None else {}
        return [w for w in words if re.search(_CLOSED, w, re.I) and not re.search(_OPEN, w, re.I)]

    def _when(self, field: str, words: Iterable[str]) -> str:
        column = self._fields[field].column
        self._used.append(column)
        header = _quote(self._sample.headers[column])
        return f"{header} = [{', '.join(map(_quote, words))}]"


def _code_of(word: str, patterns: Mapping[Any, str]) -> str | None:
    codes = (code for code, words in patterns.items() if re.search(words, word.strip(), re.I))
    code = next(codes, None)
    return None if code is None else str(code)


def _quote(text: str) -> str:
    return '"' + clean(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _key(field: str) -> str:
    return _quote(field) if "." in field else field
