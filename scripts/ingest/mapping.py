"""Which column of a city's table is what: one TOML file a source, checked when loaded."""

import re
import tomllib
from collections.abc import Iterable
from datetime import datetime, tzinfo
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec.structs import replace

from models.i18n import _
from models.rules.calendar import SHANGHAI
from models.rules.messages import FIELDS as MESSAGES
from models.rules.text import folded
from scripts.ingest.dates import FOUND
from scripts.ingest.records import MAPPINGS, FeedError

FIELDS = (
    "ticket",
    "id",
    "at",
    "arrived",
    "category",
    "title",
    "content",
    "claimant.name",
    "claimant.phone",
    "claimant.contact",
    "address",
    "street",
    "channel",
    "emergency",
    "statutory_limit.workdays",
    "statutory_limit.hours",
    "statutory_limit.basis",
    "unit",
    "declined",
)
"""What a column can be: the fields of `ticket.received`, those inside another with a dot."""

INSTANTS = ("at", "arrived")
ANY = "*"
"""In a table of values: every other word."""

ARRIVAL = "arrival"
"""In `undated`: the moment at which the feed is read stands in for a missing date."""

FACTS = ("title", "content", "address")
"""What a claimant tells: where it changes, something new has been said (Regulation 3.4.6)."""

Column = str | tuple[str, ...]
Words = dict[str, dict[str, str | int]]
Constants = dict[str, str | int | bool]

_PER_ROW = ("ticket", "id", *INSTANTS)
_TAKEN_SOURCES = ("messages", "monitor")


class InvalidMapping(FeedError):
    """A mapping file that says something nobody understands."""

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"{path}: {why}")


class FollowUp(msgspec.Struct, frozen=True):
    """A message that a row tells of beside its letter: at the moment in `at`, if there is one.

    `when` says which words in which columns mean that it happened; `after` names a message of the
    same row without which it makes no sense. Units that it does not name are the letter's.
    """

    name: str
    type: str
    at: Column
    after: str = ""
    when: dict[str, tuple[str, ...]] = {}
    columns: dict[str, Column] = {}
    constants: Constants = {}
    values: Words = {}


def requires_unit(kind: str) -> bool:
    """Whether a message of this type is somebody's, who has to be named."""
    unit = MESSAGES[kind].get("unit")
    return unit is not None and unit.required


class Mapping(msgspec.Struct, frozen=True):
    """One source's table in words: its headers, and what each column means.

    The source of its messages is its name or what it says; files of one source are one. Constants
    stand where the column is missing or blank.
    """

    name: str
    headers: tuple[str, ...]
    columns: dict[str, Column] = {}
    about: str = ""
    source: str = ""
    letters: bool = True
    routing: bool = False
    key: tuple[str, ...] = ()
    facts: tuple[str, ...] = FACTS
    constants: Constants = {}
    values: Words = {}
    kept: dict[str, Column] = {}
    others: tuple[str, ...] = ()
    dates: tuple[str, ...] = ("iso", "excel")
    zone: str = "Asia/Shanghai"
    undated: str = ""
    empty: tuple[str, ...] = ()
    later: tuple[FollowUp, ...] = ()

    @property
    def origin(self) -> str:
        """The source that its messages are of."""
        return self.source or self.name

    def mentioned(self) -> list[str]:
        """Every header that it knows, whatever for, each once."""
        columns: list[Column] = [self.headers, *self.columns.values(), *self.kept.values()]
        for later in self.later:
            columns += [later.at, *later.columns.values(), tuple(later.when)]
        columns += [self.key, self.others, self.undated if self.undated != ARRIVAL else ""]
        return list(dict.fromkeys(name for column in columns for name in names(column) if name))

    def tz(self) -> tzinfo:
        """The zone of dates that name none; raises ZoneInfoNotFoundError for an unknown one."""
        return SHANGHAI if self.zone == "Asia/Shanghai" else ZoneInfo(self.zone)


def names(column: Column) -> tuple[str, ...]:
    """The headers under which a column may stand, the usual one first."""
    return (column,) if isinstance(column, str) else column


@cache
def shipped_mappings() -> tuple[Mapping, ...]:
    """The mappings that come with the project, by name."""
    return tuple(load(path) for path in sorted(MAPPINGS.glob("*.toml")))


def load(path: Path) -> Mapping:
    """Read and check a mapping file; raises MappingWrong with the key and what may be meant."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as problem:
        raise InvalidMapping(path, problem.strerror or _("cannot be read")) from problem
    except (ValueError, RecursionError) as problem:  # not TOML, nested without end, or not UTF-8
        raise InvalidMapping(
            path, _("is not TOML in UTF-8: {problem}").format(problem=problem)
        ) from (problem)
    _check_keys(path, "", content, Mapping.__struct_fields__)
    try:
        mapping = msgspec.convert(content, Mapping)
    except msgspec.ValidationError as problem:
        raise InvalidMapping(path, str(problem)) from problem
    _check_keys(path, "columns.", mapping.columns, FIELDS)
    _check_keys(path, "values.", mapping.values, FIELDS)
    _check_keys(path, "constants.", mapping.constants, [f for f in FIELDS if f not in _PER_ROW])
    for number, later in enumerate(mapping.later):
        where = f"later.{later.name}."
        _check_keys(path, where, content["later"][number], FollowUp.__struct_fields__)
        _check_keys(path, f"{where}type: ", [later.type], MESSAGES)
        for given in (later.columns, later.constants, later.values):
            _check_keys(path, where, given, MESSAGES[later.type])
    for why in _faults(mapping):
        raise InvalidMapping(path, why)
    told = tuple(replace(each, values=_folded(each.values)) for each in mapping.later)
    empty = tuple(map(folded, mapping.empty))
    return replace(mapping, values=_folded(mapping.values), later=told, empty=empty)


def _folded(values: Words) -> Words:
    """Words are found whatever their case and width: cities write both PLUMBING and Plumbing."""
    return {f: {folded(word): code for word, code in table.items()} for f, table in values.items()}


def _check_keys(path: Path, prefix: str, given: Iterable[str], known: Iterable[str]) -> None:
    allowed = list(known)
    for key in given:
        if key in allowed:
            continue
        close = get_close_matches(key, allowed, n=1)
        if close:
            why = _('"{key}" is no key of a mapping; did you mean "{close}"?').format(
                key=prefix + key, close=prefix + close[0]
            )
        else:
            why = _('"{key}" is no key of a mapping; there are: {known}').format(
                key=prefix + key, known=", ".join(allowed)
            )
        raise InvalidMapping(path, why)


def _faults(mapping: Mapping) -> Iterable[str]:
    if not mapping.name or mapping.name in _TAKEN_SOURCES:
        yield _('"name" must be a name of its own, not "{name}"').format(name=mapping.name)
    if not mapping.headers:
        yield _('"headers" must list the columns by which the table is recognised')
    needed = () if mapping.routing else ("ticket", "at") if mapping.letters else ("ticket",)
    for field in needed:
        if not names(mapping.columns.get(field, ())):
            yield _('"columns.{field}" is missing: no ticket without it').format(field=field)
    if not (mapping.letters or mapping.routing or mapping.later):
        yield _("without letters there must be a [[later]] message")
    if {"%m/%d/%Y", "%d/%m/%Y"} <= {form.split(" ")[0] for form in mapping.dates}:
        yield _('"dates" may hold %m/%d/%Y or %d/%m/%Y, not both: 04/02 would be guessed')
    for form in mapping.dates:
        if not _is_date_format(form):
            yield _(
                '"dates" holds "{form}": write "iso", "excel", or a pattern such as '
                '"%Y/%m/%d %H:%M:%S"'
            ).format(form=form)
    try:
        mapping.tz()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield _('"zone" is "{zone}", which this machine does not know').format(zone=mapping.zone)


def _is_date_format(form: str) -> bool:
    if form in ("iso", "excel"):
        return True
    form = form.removeprefix(FOUND)
    if "%" not in form:
        return False
    try:
        datetime.strptime("", form)  # noqa: DTZ007  (only the pattern is tried)
    except ValueError as problem:
        return "does not match format" in str(problem)
    except re.error:  # a piece that stands twice
        return False
    return True
