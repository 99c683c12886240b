"""Parse the filter line, as in `单位:城管 !级别:黄,红 剩:<1日 words`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from models.i18n import LANGUAGES, LazyText, lazy, render, translator
from models.queries.overview import day_bounds
from models.queries.ticket_filter import ALL_OPEN, NO_LEVEL, TicketFilter
from models.rules.calendar import SHANGHAI
from models.rules.redaction import locate_personal
from models.rules.vocabulary import OPEN, Category, Level
from monitor.formatting import OfficeCalendar
from monitor.labels import BADGES, labels

_FIELDS = {
    "单位": "unit",
    "unit": "unit",
    "级别": "level",
    "级": "level",
    "level": "level",
    "类型": "category",
    "类别": "category",
    "category": "category",
    "type": "category",
    "状态": "status",
    "status": "status",
    "主题": "topic",
    "分类": "topic",
    "topic": "topic",
    "工单": "ticket",
    "工单号": "ticket",
    "ticket": "ticket",
    "剩": "left",
    "剩余": "left",
    "left": "left",
    "词": "word",
    "word": "word",
}
_TICKET = lazy("ticket")
_MINE = ("我的", "mine")
_EMERGENCY = ("紧急", "急", "emergency")
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
"""Full-width letters, figures and signs as ASCII, each for one character."""

_TOKEN = re.compile(r"\S+")
_INVERTED = "!"
_FIELD_AND_VALUES = re.compile(r"([^\W\d]+):(.*)")
_COMMAS = re.compile(r"[,、]")
_TIME_LEFT = re.compile(r"(<=|>=|<|>|≤|≥|《|》)?(\d+)(工作日|日|天|小时|时|分钟|分|d|h|m)?")
_MAX_DIGITS = 4
_OVERDUE = ("超", "超期", "over")
_TODAY = ("今日", "今天", "today")
_ENGLISH_LEVELS = {"pre": "prewarning", "yel": "yellow"}
_CHINESE_LEVELS = {"预": "prewarning", "预警": "prewarning", "黄": "yellow", "黄牌": "yellow"}
_CHINESE_LEVELS |= {"红": "red", "红牌": "red"}
_BARE_LEVELS: dict[str, str] = {
    **_CHINESE_LEVELS,
    **_ENGLISH_LEVELS,
    **{level: level for level in Level},
}
"""Levels that are known without the name of their field."""

_CHINESE_LEVELS |= {"无": NO_LEVEL}


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """A bound of the time left: `below` it or not, in working days, or in wall-clock time.

    `today` bounds the due time by both ends of the present day instead, `overdue` asks for what is
    overdue or was missed. With `included` the bound itself passes.
    """

    below: bool
    today: bool = False
    overdue: bool = False
    days: int | None = None
    span: timedelta = timedelta()
    included: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A valid filter line, and its text as it was typed.

    What one of the `inverted` lets through does not pass.
    """

    text: str = ""
    query: TicketFilter = ALL_OPEN
    bounds: tuple[TimeLeft, ...] = ()
    mine: bool = False
    inverted: tuple["Filter", ...] = ()

    @property
    def has_free_text(self) -> bool:
        """Return whether it holds words, which may be a citizen's, or anything personal."""
        queries = (self.query, *(part.query for part in self.inverted))
        return any(query.words for query in queries) or bool(locate_personal(self.text))

    def at(
        self, now: datetime, office: OfficeCalendar, claimed: tuple[str, ...] = ()
    ) -> TicketFilter:
        """Return the query for this moment; `claimed` are the tickets of whoever looks.

        The time left becomes a span of due times.
        """
        inverted = tuple(part.at(now, office, claimed) for part in self.inverted)
        query = replace(self.query, inverted=inverted)
        if self.mine:
            # of those that are named too, if any are
            listed = claimed if query.numbers is None else query.numbers
            mine = tuple(number for number in listed if number in claimed)
            query = replace(query, numbers=mine)
        for bound in self.bounds:
            if bound.overdue:
                query = replace(query, overdue_at=now)
                continue
            if bound.today:
                start, end = day_bounds(now)
                due_from, before = _later(query.due_from, start), _earlier(query.due_before, end)
                query = replace(query, due_from=due_from, due_before=before)
                continue
            due = _due_at(bound, now, office)
            if bound.below:
                query = replace(query, due_before=_earlier(query.due_before, due))
            else:
                query = replace(query, due_from=_later(query.due_from, due))
        return query


@dataclass(frozen=True, slots=True)
class FilterError:
    """The reason why a filter line is invalid, and the column of its first wrong character."""

    column: int
    why: LazyText


@dataclass
class _Parts:
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    bounds: list[TimeLeft] = field(default_factory=list)
    emergency: bool = False
    mine: bool = False


def read_filter(text: str) -> Filter | FilterError:
    """Parse a filter line; full-width letters, figures and signs are read as narrow ones."""
    parts, inverted = _Parts(), []
    for match in _TOKEN.finditer(text.translate(_NARROW)):
        token, column = match[0], match.start() + 1
        into = parts
        if token.startswith(_INVERTED):
            token, column, into = token[1:], column + 1, _Parts()
            inverted.append(into)
        # a title keeps its wide signs
        error = _read_token(into, token, column, text[column - 1 : match.end()])
        if error is not None:
            return error
    return replace(
        _filter(parts), text=text.strip(), inverted=tuple(_filter(part) for part in inverted)
    )


def filter_of_numbers(numbers: Sequence[str]) -> str:
    """Return the filter line that lists these tickets alone."""
    return f"{render(_TICKET)}:{','.join(numbers)}"


def _filter(parts: _Parts) -> Filter:
    query = TicketFilter(
        levels=parts.fields.get("level", ()),
        units=parts.fields.get("unit", ()),
        categories=parts.fields.get("category", ()),
        statuses=parts.fields.get("status", ()),
        topics=parts.fields.get("topic", ()),
        numbers=parts.fields.get("ticket"),
        emergency=parts.emergency,
        words=tuple(parts.words),
    )
    return Filter("", query, tuple(parts.bounds), parts.mine)


def _read_token(parts: _Parts, token: str, column: int, typed: str) -> FilterError | None:
    if not token:
        return FilterError(column, lazy("a term is missing after !"))
    if token in _EMERGENCY or token in _MINE:
        parts.emergency |= token in _EMERGENCY
        parts.mine |= token in _MINE
        return None
    if (level := _BARE_LEVELS.get(token.lower())) is not None:
        parts.fields["level"] = (*parts.fields.get("level", ()), level)
        return None
    if (match := _FIELD_AND_VALUES.fullmatch(token)) is None:
        parts.words.append(_word(typed))
        return None
    name, start = _FIELDS.get(match[1].lower()), column + match.start(2)
    if name is None:
        known = ", ".join(dict.fromkeys(_FIELDS))
        return FilterError(
            column, lazy("{name}: is no field; there are: {known}", name=match[1], known=known)
        )
    if name == "word" and match[2]:
        parts.words.append(_word(typed[match.start(2) :]))
        return None
    texts = [text for text in _COMMAS.split(match[2]) if text]
    if not texts:
        return FilterError(start, lazy("a value is missing after {name}:", name=match[1]))
    values = []
    for text in texts:
        value = _read_value(name, text)
        if isinstance(value, LazyText):
            return FilterError(start + match[2].index(text), value)
        if isinstance(value, TimeLeft):
            parts.bounds.append(value)
        else:
            values.append(value)
    parts.fields[name] = parts.fields.get(name, ()) + tuple(values)
    return None


def _word(typed: str) -> str:
    """Return a word as it is looked for: letters and figures narrow, signs as they were typed."""
    return "".join(char.translate(_NARROW) if char.isalnum() else char for char in typed)


def _read_value(name: str, text: str) -> str | TimeLeft | LazyText:
    """Return a name as it is, a code, or a bound of the time left; else what is wrong."""
    if name in ("unit", "topic", "ticket"):
        return text
    if name == "left":
        return _read_time_left(text)
    if name == "level":
        labelled, codes = [BADGES, labels(Level)], {*map(str, Level), NO_LEVEL}
    elif name == "category":
        labelled, codes = [labels(Category)], set(map(str, Category))
    else:
        labelled, codes = [labels(OPEN)], set(map(str, OPEN))
    names = [_by_label(each) for each in labelled]
    if name == "level":
        names += [_CHINESE_LEVELS, _ENGLISH_LEVELS]
    if text.lower() in codes:
        return text.lower()
    for table in names:
        if code := table.get(text) or table.get(text.lower()):
            return code
    beginnings = {
        code for table in names for label, code in table.items() if label.startswith(text.lower())
    }
    if len(beginnings) == 1:
        return beginnings.pop()
    allowed = ", ".join(render(label) for label in labelled[0].values())
    return lazy("{value} is not one of: {allowed}", value=text, allowed=allowed)


def _by_label(names: Mapping[str, LazyText]) -> dict[str, str]:
    """Return the codes by their labels in every language."""
    words = [translator(language) for language in LANGUAGES]
    return {word(label.text).lower(): code for word in words for code, label in names.items()}


def _read_time_left(text: str) -> TimeLeft | LazyText:
    if text.lower() in _OVERDUE:
        return TimeLeft(below=True, overdue=True)
    if text.lower() in _TODAY:
        return TimeLeft(below=True, today=True)
    match = _TIME_LEFT.fullmatch(text)
    if match is None or len(match[2]) > _MAX_DIGITS:
        return lazy("{value} says no time left: write <1日, >3小时 or 超", value=text)
    sign, count, unit = match[1] or "<", int(match[2]), match[3] or "日"
    below, included = sign in "<=≤《", sign in ("<=", ">=", "≤", "≥")
    if unit in ("工作日", "日", "天", "d"):
        return TimeLeft(below, days=count, included=included)
    span = timedelta(hours=count) if unit in ("小时", "时", "h") else timedelta(minutes=count)
    return TimeLeft(below, span=span, included=included)


def _due_at(bound: TimeLeft, now: datetime, office: OfficeCalendar) -> datetime:
    """Return the due time at which so much is left, a microsecond later where the bound passes."""
    due = now + bound.span
    if bound.days is not None:
        local = now.astimezone(SHANGHAI)
        # before opening time today is a whole day still
        today = local.date() - timedelta(days=local.time() <= office.hours.opening)
        day = office.calendar.after(today, bound.days) if bound.days else local.date()
        due = datetime.combine(day, office.hours.closing, SHANGHAI) if bound.days else now
    return due + timedelta(microseconds=1) if bound.below == bound.included else due


def _earlier(bound: datetime | None, other: datetime) -> datetime:
    return other if bound is None else min(bound, other)


def _later(bound: datetime | None, other: datetime) -> datetime:
    return other if bound is None else max(bound, other)
