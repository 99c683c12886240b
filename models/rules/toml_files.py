"""Load a TOML file that a person wrote; an error names the line, and what is allowed there.

All of them are loaded here: policy, units, roles, channels, mappings, topics. An error always
reads `FILE: line N: KEY: what is wrong and what is allowed`.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from enum import EnumType
from functools import cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, RootModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from models.errors import HotlineError
from models.i18n import N_, _
from models.rules.toml_lines import Path, find_lines

T = TypeVar("T")

Problem = tuple[Path, str]
"""The place of a mistake that no single value shows, and what to do about it."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_UNQUOTED_CHINESE = re.compile(
    r"^[ \t]*(?:\[+[^\]\"'#\n]*[^\x00-\x7f]|[^\"'#=\[\]\n]*[^\x00-\x7f][^\"'#=\n]*=)", re.MULTILINE
)
_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
_TEXTS = {
    "missing": N_("it is missing"),
    "string_type": N_("write a text in quotes"),
    "int_type": N_("write a whole number"),
    "int_parsing": N_("write a whole number"),
    "int_from_float": N_("write a whole number"),
    "float_type": N_("write a number"),
    "float_parsing": N_("write a number"),
    "bool_type": N_("write true or false"),
    "bool_parsing": N_("write true or false"),
    "tuple_type": N_("write a list in square brackets"),
    "dict_type": N_("write a table, with a line `key = value` for each value"),
    "model_type": N_("write a table, with a line `key = value` for each value"),
    "dataclass_type": N_("write a table, with a line `key = value` for each value"),
    "greater_than": N_("it must be more than {gt}"),
    "greater_than_equal": N_("it must be at least {ge}"),
    "less_than_equal": N_("it must be at most {le}"),
    "too_short": N_("it must name at least {min_length}"),
    "string_too_short": N_("write a text in quotes"),
    "string_too_long": N_("it must have at most {max_length} characters"),
    "date_type": N_("write a date as 2026-10-01, without quotes"),
    "date_from_datetime_parsing": N_("write a date as 2026-10-01, without quotes"),
    "date_from_datetime_inexact": N_("write a date as 2026-10-01, without quotes"),
    "time_type": N_("write a time of day as '12:00'"),
    "time_parsing": N_("write a time of day as '12:00'"),
}
"""The mistakes that pydantic finds, by their type, in words for whoever wrote the file."""


class TomlModel(BaseModel):
    """A table of a TOML file; frozen, and a key that it does not have is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class TomlFile:
    """A TOML text with the lines of its values; `error` is raised for whatever is wrong with it."""

    def __init__(self, text: str, name: str, error: type[HotlineError]) -> None:
        """Parse the text of the file `name`; raises `error` where it is no TOML."""
        self._text, self._name, self._error = text, name, error
        try:
            self.values = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as failure:
            deep = isinstance(failure, RecursionError)
            why = _("too many brackets inside one another") if deep else str(failure)
            message = _("{file}: not valid TOML: {why}").format(file=name, why=why)
            if _UNQUOTED_CHINESE.search(text):
                message += _('; put Chinese names in quotes, as in [people."某局".unit_contact]')
            raise error(message) from failure

    @cached_property
    def _lines(self) -> dict[Path, int]:
        return find_lines(self._text)

    def invalid(self, path: Path, why: str, *, place: Path | None = None) -> HotlineError:
        """Return the error for the value at a path; `place` is the path where it is written."""
        if not path:
            return self._error(f"{self._name}: {why}")
        line = _("line {n}: ").format(n=self._line_of(path if place is None else place))
        return self._error(f"{self._name}: {line}{_dotted(path)}: {why}")

    def _line_of(self, path: Path) -> int:
        """Return the line of a value, or of the nearest table around it that the file has."""
        prefixes = (path[:depth] for depth in range(len(path), 0, -1))
        return next((self._lines[prefix] for prefix in prefixes if prefix in self._lines), 1)

    def convert(
        self,
        model: type[T],
        values: Mapping[str, Any] | None = None,
        locate: Callable[[Path], Path] = lambda path: path,
    ) -> T:
        """Return the file's values as a model; raises the file's error for the first that is wrong.

        `values` may be what was made of the file's own; `locate` then says from which path in the
        file the value of a path comes.
        """
        checked = self.values if values is None else values
        try:
            return TypeAdapter(model).validate_python(checked)
        except ValidationError as failure:
            # its text quotes values, and those of a channels file are passwords
            errors = failure.errors(include_url=False)
        # a mistyped key is the cause where another one is missing
        first = min(errors, key=lambda error: error["type"] not in _UNKNOWN_KEY)
        path = _path_of(first, checked)
        raise self.invalid(path, _explain(first, model, path), place=locate(path)) from None


def load_toml(
    text: str,
    name: str,
    model: type[T],
    error: type[HotlineError],
    problems: Callable[[T], Iterable[Problem]] | None = None,
) -> T:
    """Return the model that the TOML `text` of the file `name` holds; raises `error`.

    `problems` looks for mistakes that no single value shows.
    """
    file = TomlFile(text, name, error)
    loaded = file.convert(model)
    for path, why in problems(loaded) if problems else ():
        raise file.invalid(path, why)
    return loaded


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return the error text for an unknown key: the key that may be meant, else those there are."""
    names = list(known)
    if near := get_close_matches(key, names, 1):
        return _('there is no such key; did you mean "{key}"?').format(key=near[0])
    return _("there is no such key; there are: {known}").format(known=", ".join(names))


def unknown_value(value: str, allowed: Iterable[str]) -> str:
    """Return the error text for an unknown value: the one that may be meant, else those allowed."""
    values = list(allowed)
    if near := get_close_matches(value, values, 1):
        return _('there is no such value; did you mean "{value}"?').format(value=near[0])
    return _("it must be one of: {allowed}").format(allowed=", ".join(values))


def _dotted(path: Path) -> str:
    """Return a path as it is written in TOML; the elements of a list are counted from 1."""
    keys = (str(key + 1) if isinstance(key, int) else key for key in path)
    return ".".join(key if _BARE_KEY.fullmatch(key) else f'"{key}"' for key in keys)


def _path_of(error: ErrorDetails, values: Any) -> Path:
    """Return the path of a wrong value, without pydantic's own steps, such as a union's."""
    path: list[str | int] = []
    for step in error["loc"]:
        if not _has_step(values, step):
            # what is missing has a path all the same
            return (*path, step) if error["type"] == "missing" else tuple(path)
        values = values[step]
        path.append(step)
    return tuple(path)


def _has_step(values: Any, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(values, list)
    return isinstance(values, Mapping) and step in values


def _explain(error: ErrorDetails, model: Any, path: Path) -> str:
    """Return what is wrong with the value at a path, and what is allowed there."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _UNKNOWN_KEY:
        return unknown_key(str(path[-1]), _fields_of(_type_at(model, path[:-1])) or ())
    if kind in ("literal_error", "enum"):
        is_key = error["loc"][-1] == "[key]"
        table = _type_at(model, path[:-1])
        allowed = _choices(get_args(table)[0] if is_key else _type_at(model, path))
        return _("it must be one of: {allowed}").format(allowed=", ".join(allowed))
    if kind == "value_error":
        return str(context["error"])
    if kind in _TEXTS:
        return _(_TEXTS[kind]).format(**context)
    return error["msg"]


def _fields_of(expected: Any) -> dict[str, Any] | None:
    """Return the fields of a pydantic model or dataclass; None for any other type."""
    fields: dict[str, Any] | None = getattr(expected, "__pydantic_fields__", None)
    return fields


def _type_at(model: Any, path: Path) -> Any:
    """Return the type that a model has at a path."""
    expected = model
    for step in path:
        if isinstance(expected, type) and issubclass(expected, RootModel):
            expected = expected.model_fields["root"].annotation
        if (fields := _fields_of(expected)) is not None:
            expected = fields[str(step)].annotation
        else:
            expected = get_args(expected)[-1 if get_origin(expected) is dict else 0]
        expected = _plain_type(expected)
    return expected


def _plain_type(expected: Any) -> Any:
    """Return a type without `Annotated` around it, and without None as an alternative."""
    while get_origin(expected) in (Annotated, Union, UnionType):
        expected = next(arg for arg in get_args(expected) if arg is not NoneType)
    return expected


def _choices(expected: Any) -> list[str]:
    """Return the members of a StrEnum or the values of a Literal."""
    if isinstance(expected, EnumType):
        return list(map(str, expected.__members__.values()))
    return [str(choice) for choice in get_args(expected)]
