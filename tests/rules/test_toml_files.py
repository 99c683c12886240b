"""A TOML file that somebody wrote: each value's line is found, each mistake named in one line."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict

from models.errors import HotlineError
from models.rules.toml_files import load_toml
from models.rules.toml_lines import Path as TomlPath
from models.rules.toml_lines import find_lines

ROOT = Path(__file__).parents[2]
TRICKY = '''\
a = """x
"quoted" # no comment""" # a comment
b.c = '[no table]'
[[x]]
y = [ 1, # one
  "a]b", {k = [1,
  2]} ]
"q\\u0041" = 1979-05-27 07:32:00
[x.z]
w = 1
[[x.r]]
k = 1
[[x.r]]
"局" = 2
[[x]]
y = 0
[[x.r]]
k = 3
'''


def _paths(values: Any, above: TomlPath = ()) -> Iterator[TomlPath]:
    items = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in items:
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from _paths(value, (*above, key))


def test_a_value_is_found_whatever_stands_around_it() -> None:
    """Strings that look like tables, lists over several lines, tables in lists."""
    lines = find_lines(TRICKY)
    assert set(lines) == set(_paths(tomllib.loads(TRICKY)))
    assert lines["b", "c"] == 3
    assert lines["x", 0, "y", 2, "k", 1] == 7
    assert lines["x", 0, "qA"] == 8
    assert lines["x", 0, "r", 1, "局"] == 14
    assert lines["x", 1, "r", 0, "k"] == 18


FILES = sorted(p for f in ("models", "scripts") for p in (ROOT / f).rglob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_key_of_the_projects_own_files_is_on_its_line(path: Path) -> None:
    text = path.read_text("utf-8")
    lines = find_lines(text)
    assert set(lines) == set(_paths(tomllib.loads(text)))
    rows = text.splitlines()
    keys = {path: path[-1] for path in lines if isinstance(path[-1], str)}
    assert [path for path, key in keys.items() if key not in rows[lines[path] - 1]] == []


class Invalid(HotlineError):
    """The error that the tests' own file raises."""


class Part(BaseModel):
    """A table of a list."""

    model_config = ConfigDict(extra="forbid")
    size: int
    colour: Literal["red", "green"] = "red"


class Whole(BaseModel):
    """A file."""

    model_config = ConfigDict(extra="forbid")
    name: str
    part: tuple[Part, ...] = ()
    named: dict[str, dict[str, Part]] = {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 1", "f: line 1: name: write a text in quotes"),
        ("name = 'x'\n[part]", "f: line 2: part: write a list in square brackets"),
        ("nam = 'x'", 'f: line 1: nam: there is no such key; did you mean "name"?'),
        ("name = 'x'\nq = 1", "f: line 2: q: there is no such key; there are: name, part, named"),
        ("name = 'x'\n[[part]]", "f: line 2: part.1.size: it is missing"),
        (
            "name = 'x'\n[[part]]\nsize = 1\n[[part]]\nsize = 1\ncolour = 'blue'",
            "f: line 6: part.2.colour: it must be one of: red, green",
        ),
        (
            "name = 'x'\n[named.\"某局\".a]\nsize = 'many'",
            'f: line 3: named."某局".a.size: write a whole number',
        ),
        (
            "name = 'x'\nnamed = { b = { a = { siz = 1 } } }",
            'f: line 2: named.b.a.siz: there is no such key; did you mean "size"?',
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(Invalid) as error:
        load_toml(text, "f", Whole, Invalid)
    assert str(error.value) == message


def test_a_chinese_key_without_quotes_is_explained() -> None:
    with pytest.raises(Invalid, match="put Chinese names in quotes"):
        load_toml("[people.某局]", "f", Whole, Invalid)


def test_no_value_is_repeated() -> None:
    """A channels file holds passwords."""
    with pytest.raises(Invalid) as error:
        load_toml("name = 'x'\n[[part]]\nsize = 'secret-1234'", "f", Whole, Invalid)
    assert "secret" not in str(error.value)
    assert error.value.__cause__ is None
