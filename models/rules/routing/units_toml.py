"""Write units as a units file, which `load_units` reads again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields

import msgspec

from models.rules.routing.units_file import Rule, Unit

_LINE = 100
"""Characters in a line, where a list goes on in the next."""


def units_as_toml(units: Iterable[Unit], territory: Sequence[str]) -> str:
    """Return units and territory as the text of a units file."""
    parts = [_line("territory", tuple(territory)) if territory else ""]
    parts += ["\n".join(_unit(unit)) for unit in units]
    return "\n\n".join(part for part in parts if part) + "\n"


def _unit(unit: Unit) -> Iterator[str]:
    yield "[[unit]]"
    for field in fields(Unit):
        value = getattr(unit, field.name)
        if field.name != "rule" and value and value != field.default:
            yield _line(field.name, value)
    for rule in unit.rule:
        yield ""
        yield "[[unit.rule]]"
        yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    for field in fields(Rule):
        if value := getattr(rule, field.name):
            yield _line(field.name, value)


def _line(key: str, value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        return f"{key} = {_quoted(value)}"
    items = [_quoted(item) for item in value]
    line = f"{key} = [{', '.join(items)}]"
    if len(line) <= _LINE:
        return line
    return "\n".join([f"{key} = [", *(f"    {item}," for item in items), "]"])


def _quoted(text: str) -> str:
    # JSON escapes are TOML's, but for the delete character
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")
