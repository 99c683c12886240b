"""Which column of a city's table is what: one TOML file a source, checked when loaded."""

import tomllib
from collections.abc import Iterable
from datetime import datetime, tzinfo
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from models.labels import _
from models.rules.calendar import SHANGHAI
from scripts.feeds.rows import MAPPINGS, FeedError

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
_PER_ROW = ("ticket", "id", *INSTANTS)
_TAKEN_SOURCES = ("messages", "monitor")


class MappingWrong(FeedError):
    """A mapping file that says something nobody understands."""

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"{path}: {why}")


class Mapping(msgspec.Struct, frozen=True):
    """One source's table in words: its headers, and what each column means.

    The name is the source of its messages, so files of one mapping are one source. Constants
    stand where the column is missing or blank.
    """

    name: str
    headers: tuple[str, ...]
    columns: dict[str, str | tuple[str, ...]]
    about: str = ""
    constants: dict[str, str | int] = {}
    values: dict[str, dict[str, str | int]] = {}
    dates: tuple[str, ...] = ("iso", "excel")
    zone: str = "Asia/Shanghai"
    empty: tuple[str, ...] = ()

    def names(self, field: str) -> tuple[str, ...]:
        """The headers under which a field may stand, the usual one first."""
        column = self.columns.get(field, ())
        return (column,) if isinstance(column, str) else column

    def tz(self) -> tzinfo:
        """The zone of dates that name none; raises ZoneInfoNotFoundError for an unknown one."""
        return SHANGHAI if self.zone == "Asia/Shanghai" else ZoneInfo(self.zone)


def shipped() -> tuple[Mapping, ...]:
    """The mappings that come with the project, by name."""
    return tuple(load(path) for path in sorted(MAPPINGS.glob("*.toml")))


def load(path: Path) -> Mapping:
    """Read and check a mapping file; raises MappingWrong with the key and what may be meant."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as problem:
        raise MappingWrong(path, problem.strerror or _("cannot be read")) from problem
    except ValueError as problem:  # not TOML, or not UTF-8
        raise MappingWrong(
            path, _("is not TOML in UTF-8: {problem}").format(problem=problem)
        ) from (problem)
    _check_keys(path, "", content, Mapping.__struct_fields__)
    try:
        mapping = msgspec.convert(content, Mapping)
    except msgspec.ValidationError as problem:
        raise MappingWrong(path, str(problem)) from problem
    _check_keys(path, "columns.", mapping.columns, FIELDS)
    _check_keys(path, "values.", mapping.values, FIELDS)
    _check_keys(path, "constants.", mapping.constants, [f for f in FIELDS if f not in _PER_ROW])
    for why in _faults(mapping):
        raise MappingWrong(path, why)
    return mapping


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
        raise MappingWrong(path, why)


def _faults(mapping: Mapping) -> Iterable[str]:
    if not mapping.name or mapping.name in _TAKEN_SOURCES:
        yield _('"name" must be a name of its own, not "{name}"').format(name=mapping.name)
    if not mapping.headers:
        yield _('"headers" must list the columns by which the table is recognised')
    for field in ("ticket", "at"):
        if not mapping.names(field):
            yield _('"columns.{field}" is missing: no ticket without it').format(field=field)
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
    if "%" not in form:
        return False
    try:
        datetime.strptime("", form)  # noqa: DTZ007  (only the pattern is tried)
    except ValueError as problem:
        return "does not match format" in str(problem)
    return True
