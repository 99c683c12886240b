"""Mappings: which column of a city's table is what. One TOML file a source, checked when loaded."""

from collections.abc import Iterable, Iterator
from datetime import date, tzinfo
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field

from models.i18n import _
from models.rules.calendar import SHANGHAI
from models.rules.messages import FIELDS as MESSAGE_FIELDS
from models.rules.text import folded
from models.rules.toml_files import Problem, TomlModel, load_toml, unknown_key, unknown_value
from models.text_files import read_text
from scripts.ingest.dates import day_and_month, is_date_form
from scripts.ingest.records import MAPPINGS, FeedError

TOPIC_LEVELS = ("topic.1", "topic.2", "topic.3")
"""The columns of a topic's levels, where each has its own: together they are its path."""

FIELDS = (
    "ticket",
    "id",
    "at",
    "arrived",
    "updated",
    "category",
    "title",
    "content",
    "claimant.name",
    "claimant.phone",
    "claimant.contact",
    "address",
    "street",
    "channel",
    "topic",
    *TOPIC_LEVELS,
    "emergency",
    "statutory_limit.workdays",
    "statutory_limit.days",
    "statutory_limit.hours",
    "statutory_limit.basis",
    "unit",
    "declined",
)
"""The fields that a column can be: those of `ticket.received`, inner ones with a dot."""

INSTANTS = ("at", "arrived")

UPDATED = "updated"
"""The moment at which the source changed a letter last, by its own word."""

ANY = "*"
"""In a table of values: every other word."""

ARRIVAL = "arrival"
"""In `undated`: a missing date is the moment at which the feed is read."""

ASSUMED_ZONE = "Asia/Shanghai"
"""The zone of dates that name none, where the mapping names none either."""

UNFILLED = "?"
"""The mark in a suggested mapping where a person must write something."""

FACTS = ("title", "content", "address")
"""The fields that a claimant reports: a change there is a supplement (Regulation 3.4.6)."""

_PER_ROW = ("ticket", "id", *INSTANTS, UPDATED)
_TAKEN_SOURCES = ("messages", "monitor")


class InvalidMapping(FeedError):
    """A mapping file cannot be used; the message names the line and what is allowed."""


def _as_tuple(column: Any) -> Any:
    return (column,) if isinstance(column, str) else column


Column = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""The headers under which a column may stand, the usual one first."""

Words = dict[str, dict[str, str | int]]
"""By field, what each word of the source means; words are compared folded."""

Constants = dict[str, str | int | bool]


class FollowUp(TomlModel):
    """A further message that a row holds beside its letter, such as the reply to it.

    It happened at the moment in the column `at`, if there is one. `when` says which words in which
    columns mean that it happened; `after` names a message of the same row without which it makes
    no sense. A unit that it does not name is the letter's.
    """

    name: str
    type: str
    at: Column
    after: str = ""
    when: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    columns: dict[str, Column] = Field(default_factory=dict)
    constants: Constants = Field(default_factory=dict)
    values: Words = Field(default_factory=dict)


class Mapping(TomlModel):
    """One source's table: its headers, and what each column means.

    Messages are of the source `source`, or `name`; files of one source are one feed. `path` is
    where the list is in a JSON file, if that is not found by what its objects are. Constants stand
    in for a column that is missing or blank. Nobody is told of what lies before `quiet_before`.
    """

    name: str
    headers: tuple[str, ...]
    columns: dict[str, Column] = Field(default_factory=dict)
    about: str = ""
    source: str = ""
    letters: bool = True
    routing: bool = False
    path: str = ""
    key: tuple[str, ...] = ()
    facts: tuple[str, ...] = FACTS
    constants: Constants = Field(default_factory=dict)
    values: Words = Field(default_factory=dict)
    kept: dict[str, Column] = Field(default_factory=dict)
    others: tuple[str, ...] = ()
    dates: tuple[str, ...] = ("iso", "excel")
    zone: str = ""
    undated: str = ""
    quiet_before: date | None = None
    empty: tuple[str, ...] = ()
    later: tuple[FollowUp, ...] = ()

    @property
    def message_source(self) -> str:
        """The source of its messages."""
        return self.source or self.name

    def known_headers(self) -> list[str]:
        """Every header that it mentions, each once."""
        columns: list[tuple[str, ...]] = [self.headers, *self.columns.values()]
        columns += self.kept.values()
        for follow_up in self.later:
            columns += [follow_up.at, *follow_up.columns.values(), tuple(follow_up.when)]
        undated = () if self.undated == ARRIVAL else (self.undated,)
        columns += [self.key, self.others, undated]
        return list(dict.fromkeys(name for column in columns for name in column if name))

    def timezone(self) -> tzinfo:
        """The zone of dates that name none, Shanghai's unless `zone` says another.

        Raises ZoneInfoNotFoundError for an unknown one.
        """
        return SHANGHAI if self.zone in ("", ASSUMED_ZONE) else ZoneInfo(self.zone)


def requires_unit(kind: str) -> bool:
    """Return whether a message of this type must name a unit."""
    unit = MESSAGE_FIELDS[kind].get("unit")
    return unit is not None and unit.required


@cache
def shipped_mappings() -> tuple[Mapping, ...]:
    """The mappings that come with the project, by name."""
    return tuple(load_mapping(path) for path in sorted(MAPPINGS.glob("*.toml")))


def load_mapping(path: Path) -> Mapping:
    """Load a mapping file; raises InvalidMapping with the line and what is allowed."""
    text = read_text(path, InvalidMapping)
    mapping = load_toml(text, str(path), Mapping, InvalidMapping, _problems)
    follow_ups = tuple(f.model_copy(update={"values": _fold(f.values)}) for f in mapping.later)
    changes = {
        "values": _fold(mapping.values),
        "later": follow_ups,
        "empty": tuple(map(folded, mapping.empty)),
    }
    return mapping.model_copy(update=changes)


def _fold(values: Words) -> Words:
    """Words in the form in which they are compared: cities write both PLUMBING and Plumbing."""
    return {f: {folded(word): code for word, code in table.items()} for f, table in values.items()}


def _problems(mapping: Mapping) -> Iterator[Problem]:
    constants = [field for field in FIELDS if field not in _PER_ROW]
    yield from _unknown_keys(("columns",), mapping.columns, FIELDS)
    yield from _unknown_keys(("values",), mapping.values, FIELDS)
    yield from _unknown_keys(("constants",), mapping.constants, constants)
    for index, follow_up in enumerate(mapping.later):
        yield from _follow_up_problems(follow_up, index)
    if not mapping.name or mapping.name in _TAKEN_SOURCES:
        why = _('it must be a name of its own, not "{name}"')
        yield ("name",), why.format(name=mapping.name)
    if not mapping.headers:
        yield ("headers",), _("it must list the columns by which the table is recognised")
    required = () if mapping.routing else ("ticket", "at") if mapping.letters else ("ticket",)
    for field in required:
        if not mapping.columns.get(field):
            yield ("columns", field), _("it is missing: no ticket without it")
    if not (mapping.letters or mapping.routing or mapping.later):
        yield ("letters",), _("without letters there must be a [[later]] message")
    if "topic" in {**mapping.columns, **mapping.constants} and any(
        level in mapping.columns for level in TOPIC_LEVELS
    ):
        yield ("columns", "topic"), _("take topic, or its levels topic.1, topic.2, topic.3")
    yield from _unfilled(mapping)
    yield from _date_problems(mapping)


def _unfilled(mapping: Mapping) -> Iterator[Problem]:
    """The places of a suggestion that nobody has filled in."""
    tables: dict[tuple[str | int, ...], dict[str, Any]] = {
        (): {"headers": mapping.headers, "key": mapping.key, "undated": mapping.undated},
        ("columns",): mapping.columns,
        ("kept",): mapping.kept,
        ("constants",): mapping.constants,
    }
    for index, follow_up in enumerate(mapping.later):
        tables["later", index] = {"at": follow_up.at}
        tables["later", index, "columns"] = follow_up.columns
        tables["later", index, "constants"] = follow_up.constants
    for path, table in tables.items():
        for key, value in table.items():
            if value == UNFILLED or (isinstance(value, tuple) and UNFILLED in value):
                why = _('it is not filled in: write what belongs there, or take "{key}" out')
                yield (*path, key), why.format(key=key)


def _unknown_keys(
    path: tuple[str | int, ...], keys: Iterable[str], known: Iterable[str]
) -> Iterator[Problem]:
    for key in keys:
        if key not in known:
            yield (*path, key), unknown_key(key, known)


def _follow_up_problems(follow_up: FollowUp, index: int) -> Iterator[Problem]:
    path = ("later", index)
    if follow_up.type not in MESSAGE_FIELDS:
        yield (*path, "type"), unknown_value(follow_up.type, MESSAGE_FIELDS)
        return
    fields = MESSAGE_FIELDS[follow_up.type]
    yield from _unknown_keys((*path, "columns"), follow_up.columns, fields)
    yield from _unknown_keys((*path, "constants"), follow_up.constants, fields)
    yield from _unknown_keys((*path, "values"), follow_up.values, fields)


def _date_problems(mapping: Mapping) -> Iterator[Problem]:
    if {"%d", "%m"} <= {day_and_month(form) for form in mapping.dates}:
        why = _("it may hold %m/%d/%Y or %d/%m/%Y, not both: 04/02 would be guessed")
        yield ("dates",), why
    for place, form in enumerate(mapping.dates):
        if not is_date_form(form):
            why = _(
                'write "iso", "excel", "unix", or a pattern such as "%Y/%m/%d %H:%M:%S", '
                'not "{form}"'
            )
            yield ("dates", place), why.format(form=form)
    try:
        mapping.timezone()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        why = _('this machine knows no zone "{zone}"; write one as Asia/Shanghai')
        yield ("zone",), why.format(zone=mapping.zone)
