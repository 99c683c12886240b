"""The filter line: `单位:城管 级别:黄,红 剩:<1日 words`, read into what the queue is asked for."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from models.i18n import LazyText, lazy, render
from models.queries.listing import ALL_OPEN, NO_LEVEL, TicketFilter
from models.queries.overview import day_bounds
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import OPEN
from monitor.formatting import OfficeCalendar
from monitor.labels import BADGES, CATEGORIES, LEVELS, STATUSES

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
    "剩": "left",
    "剩余": "left",
    "left": "left",
}
_EMERGENCY = ("紧急", "急", "emergency")
_TOKEN = re.compile(r"\S+")
_KEYED = re.compile(r"([^\W\d]+)[:：](.*)")
_COMMAS = re.compile(r"[,，、]")
_LEFT = re.compile(r"(<=|>=|<|>|≤|≥|《|》)?(\d+)(工作日|日|天|小时|时|分钟|分|d|h|m)?")
_MOST_FIGURES = 4
_OVER = ("超", "超期", "over")
_TODAY = ("今日", "今天", "today")
_ENGLISH_LEVELS = {"pre": "prewarning", "yel": "yellow"}
_CHINESE_LEVELS = {"预": "prewarning", "预警": "prewarning", "黄": "yellow", "黄牌": "yellow"}
_CHINESE_LEVELS |= {"红": "red", "红牌": "red", "无": NO_LEVEL}


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """A bound of what is left: `below` (or not), so many working days, or wall-clock time.

    `today` is both bounds of the present day instead.
    """

    below: bool
    today: bool = False
    days: int | None = None
    span: timedelta = timedelta()
    included: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter line that was understood, and its text as it was typed."""

    text: str = ""
    wanted: TicketFilter = ALL_OPEN
    left: tuple[TimeLeft, ...] = ()

    def at(self, now: datetime, office: OfficeCalendar) -> TicketFilter:
        """What the queue is asked for at this moment; what is left becomes a span of dues."""
        wanted = self.wanted
        for bound in self.left:
            if bound.today:
                begin, end = day_bounds(now)
                due_from, before = _most(wanted.due_from, begin), _least(wanted.due_before, end)
                wanted = replace(wanted, due_from=due_from, due_before=before)
                continue
            due = _bound(bound, now, office)
            if bound.below:
                wanted = replace(wanted, due_before=_least(wanted.due_before, due))
            else:
                wanted = replace(wanted, due_from=_most(wanted.due_from, due))
        return wanted


@dataclass(frozen=True, slots=True)
class FilterError:
    """What is wrong with a filter line, and in which character of it, counted from 1."""

    column: int
    why: LazyText


@dataclass
class _Parts:
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    left: list[TimeLeft] = field(default_factory=list)
    emergency: bool = False


def read_filter(text: str) -> Filter | FilterError:
    """The filter that a line asks for, or what is wrong with it."""
    parts = _Parts()
    for token in _TOKEN.finditer(text):
        if (fault := _take(parts, token[0], token.start() + 1)) is not None:
            return fault
    wanted = TicketFilter(
        levels=parts.fields.get("level", ()),
        units=parts.fields.get("unit", ()),
        categories=parts.fields.get("category", ()),
        statuses=parts.fields.get("status", ()),
        emergency=parts.emergency,
        words=tuple(parts.words),
    )
    return Filter(text.strip(), wanted, tuple(parts.left))


def _take(parts: _Parts, token: str, column: int) -> FilterError | None:
    if token in _EMERGENCY:
        parts.emergency = True
        return None
    if (keyed := _KEYED.fullmatch(token)) is None:
        parts.words.append(token)
        return None
    name, start = _FIELDS.get(keyed[1].lower()), column + keyed.start(2)
    if name is None:
        known = " ".join(dict.fromkeys(_FIELDS))
        return FilterError(
            column, lazy("{name}: is no field; there are: {known}", name=keyed[1], known=known)
        )
    values = [v for v in _COMMAS.split(keyed[2]) if v]
    if not values:
        return FilterError(start, lazy("a value is missing after {name}:", name=keyed[1]))
    found = []
    for value in values:
        read = _value(name, value)
        if isinstance(read, LazyText):
            return FilterError(start + keyed[2].index(value), read)
        if isinstance(read, TimeLeft):
            parts.left.append(read)
        else:
            found.append(read)
    parts.fields[name] = parts.fields.get(name, ()) + tuple(found)
    return None


def _value(name: str, value: str) -> str | TimeLeft | LazyText:
    if name == "unit":
        return value
    if name == "left":
        return _read_left(value)
    if name == "level":
        tables: list[dict[str, str]] = [_labels(BADGES), _labels(LEVELS), _CHINESE_LEVELS]
        codes = {*LEVELS, NO_LEVEL}
        tables.append(_ENGLISH_LEVELS)
    elif name == "category":
        tables, codes = [_labels(CATEGORIES)], set(CATEGORIES)
    else:
        tables, codes = [_labels({s: STATUSES[s] for s in OPEN})], set(OPEN)
    if value.lower() in codes:
        return value.lower()
    for table in tables:
        if code := table.get(value) or table.get(value.lower()):
            return code
    begun = [c for label, c in tables[-1].items() if label.startswith(value)]
    begun += [c for table in tables[:-1] for label, c in table.items() if label.startswith(value)]
    if len(set(begun)) == 1:
        return begun[0]
    allowed = " ".join(dict.fromkeys(tables[0]))
    return lazy("{value} is not one of: {allowed}", value=value, allowed=allowed)


def _labels(table: dict[str, LazyText]) -> dict[str, str]:
    return {render(said).lower(): code for code, said in table.items()}


def _read_left(text: str) -> TimeLeft | LazyText:
    if text.lower() in _OVER:
        return TimeLeft(below=True)
    if text.lower() in _TODAY:
        return TimeLeft(below=True, today=True)
    match = _LEFT.fullmatch(text)
    if match is None or len(match[2]) > _MOST_FIGURES:
        return lazy("{value} says no time left: write <1日, >3小时 or 超", value=text)
    sign, count, unit = match[1] or "<", int(match[2]), match[3] or "日"
    below, included = sign in "<=≤《", sign in ("<=", ">=", "≤", "≥")
    if unit in ("工作日", "日", "天", "d"):
        return TimeLeft(below, days=count, included=included)
    span = timedelta(hours=count) if unit in ("小时", "时", "h") else timedelta(minutes=count)
    return TimeLeft(below, span=span, included=included)


def _bound(bound: TimeLeft, now: datetime, office: OfficeCalendar) -> datetime:
    """The due at which so much is left; one microsecond on where the bound itself is meant."""
    due = now + bound.span
    if bound.days is not None:
        local = now.astimezone(SHANGHAI)
        # before opening time today is a whole day still
        today = local.date() - timedelta(days=local.time() <= office.hours.opening)
        day = office.calendar.after(today, bound.days) if bound.days else local.date()
        due = datetime.combine(day, office.hours.closing, SHANGHAI) if bound.days else now
    return due + timedelta(microseconds=1) if bound.below == bound.included else due


def _least(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)


def _most(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)
