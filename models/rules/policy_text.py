"""The text of a policy file: higher rules laid over it, and the line where a value stands."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from models.i18n import N_, _

OVERRIDE = "override"


def overridden(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the policy's values with those of its `[[override]]` tables over them (7.3).

    Also the document that set each value, by the value's path: a later table wins. Raises
    ValueError where a table cites no document.
    """
    base = {k: v for k, v in data.items() if k != OVERRIDE}
    tables = data.get(OVERRIDE, [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise ValueError(_("write [[override]], with two brackets, for each higher rule"))
    documents: dict[str, str] = {}
    for table in tables:
        document = table.get("document")
        if not isinstance(document, str) or not document.strip():
            raise ValueError(_("an override needs the `document` that says so"))
        values = {k: v for k, v in table.items() if k != "document"}
        base = _laid_over(base, values)
        documents |= dict.fromkeys(_paths(values), document)
    return base, documents


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, dict) and isinstance(value, dict):
            merged[key] = _laid_over(under, value)
        else:
            merged[key] = value
    return merged


def _paths(values: Mapping[str, Any], above: str = "") -> list[str]:
    paths = []
    for key, value in values.items():
        path = f"{above}{key}"
        paths += _paths(value, f"{path}.") if isinstance(value, dict) else [path]
    return paths


def describe_error(error: ValidationError, line: Callable[[Sequence[str]], int]) -> str:
    """Describe the first error of a TOML text: its line, the setting, and what is allowed there.

    `line` finds the line of what a path leads to.
    """
    first = error.errors(include_input=False, include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    # pydantic's own messages are shown as they are, but for missing and unknown settings
    what = _(_SHAPES.get(first["type"], "")) or first["msg"].removeprefix("Value error, ")
    if not path:
        return what
    return f"{line_prefix(line(path))}{'.'.join(path)}: {what}"


def line_prefix(number: int) -> str:
    """Return the beginning of a message about this line of a file."""
    return _("line {n}: ").format(n=number)


_SHAPES = {"missing": N_("it is missing"), "extra_forbidden": N_("there is no such setting")}


def line_of(text: str, path: Sequence[str], documents: Mapping[str, str] | None = None) -> int:
    """Return the line of the value that `path` leads to, or of the nearest table above it.

    A value that a higher rule has set, by `documents`, is looked for in its override.
    """
    lines = text.splitlines()
    full = ".".join(path)
    if any(full == p or full.startswith(f"{p}.") for p in documents or ()):
        return _last_override(lines, path)
    best = 1
    for depth in range(len(path), 0, -1):
        table, key = ".".join(path[: depth - 1]), path[depth - 1]
        inside = table == ""
        for number, line in enumerate(lines, 1):
            if header := re.fullmatch(r"\s*\[+\s*([\w.-]+)\s*\]+\s*(#.*)?", line):
                inside = header[1] == table
                if header[1] == ".".join(path[:depth]):
                    best = max(best, number)
            elif inside and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return number
        if best > 1:
            return best
    return best


def _last_override(lines: Sequence[str], path: Sequence[str]) -> int:
    """The line of the override that won: the last that sets this value."""
    keys = "|".join(map(re.escape, path))
    inside, best = False, 1
    for number, line in enumerate(lines, 1):
        if header := re.match(r"\s*\[+\s*([\w.-]+)", line):
            inside = header[1].split(".")[0] == OVERRIDE
        elif inside and re.match(rf"\s*([\w.]+\.)?({keys})\s*=", line):
            best = number
    return best
