"""Higher rules laid over the district's policy (Regulation 7.3)."""

from collections.abc import Mapping
from typing import Any

from models.i18n import _
from models.rules.toml_files import TomlFile
from models.rules.toml_lines import Path

_OVERRIDE = "override"


def apply_overrides(file: TomlFile) -> tuple[dict[str, Any], dict[str, str]]:
    """The policy's values with those of its `[[override]]` tables over them.

    Also the document that set each value, by the value's path: a later table wins. Raises the
    file's error where a table cites no document.
    """
    values = {key: value for key, value in file.values.items() if key != _OVERRIDE}
    tables = file.values.get(_OVERRIDE, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        why = _("write [[override]], with two brackets, for each higher rule")
        raise file.invalid((_OVERRIDE,), why)
    documents: dict[str, str] = {}
    for index, table in enumerate(tables):
        document = table.get("document")
        if not isinstance(document, str) or not document.strip():
            why = _("an override needs the `document` that says so")
            raise file.invalid((_OVERRIDE, index), why)
        above = {key: value for key, value in table.items() if key != "document"}
        values = laid_over(values, above)
        documents |= dict.fromkeys(leaf_paths(above), document)
    return values, documents


def written_at(path: Path, values: Mapping[str, Any]) -> Path:
    """The path in the file of the value that holds at this path: the last override that sets it."""
    tables = values.get(_OVERRIDE, [])
    for index in reversed(range(len(tables))):
        if _has(tables[index], path):
            return (_OVERRIDE, index, *path)
    return path


def _has(table: Any, path: Path) -> bool:
    for key in path:
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return True


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with others over them, table by table."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, dict) and isinstance(value, dict):
            merged[key] = laid_over(under, value)
        else:
            merged[key] = value
    return merged


def leaf_paths(values: Mapping[str, Any], above: str = "") -> list[str]:
    """The dotted paths of all values that are no tables."""
    paths = []
    for key, value in values.items():
        path = f"{above}{key}"
        paths += leaf_paths(value, f"{path}.") if isinstance(value, dict) else [path]
    return paths
