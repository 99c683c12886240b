"""Decide where a command's result goes, and in which format: by the ending of its file's name."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import typer

from models.i18n import _
from models.settings import Settings
from scripts.output_files import OutputFile, require_outside_home

JSON = "json"
_TABLE = "table"
_ENDINGS = {
    ".txt": _TABLE,
    ".csv": "csv",
    ".html": "html",
    ".htm": "html",
    ".xlsx": "xlsx",
    ".json": JSON,
}


@dataclass(frozen=True, slots=True)
class ChosenOutput:
    """The format of a result, and its file; None for standard output."""

    form: str
    file: OutputFile | None


def choose_output(
    path: Path | None,
    asked: StrEnum | None,
    formats: type[StrEnum],
    settings: Settings,
    *,
    as_json: bool,
    overwrite: bool,
) -> ChosenOutput:
    """Choose a format: the one that was asked for, the one of the file's ending, or a table.

    A name without an ending, as `/dev/stdout`, says nothing. Raises BadParameter for an unknown
    ending and for one that contradicts what was asked for, HotlineError for a file in the home.
    """
    if as_json and asked is not None:
        raise typer.BadParameter(_("give --json or --format, not both"))
    wanted = JSON if as_json else asked and asked.value
    if path is None:
        return ChosenOutput(wanted or _TABLE, None)
    require_outside_home(path, settings)
    file = OutputFile(path, settings, overwrite)
    if not path.suffix:
        return ChosenOutput(wanted or _TABLE, file)
    form = _ENDINGS.get(path.suffix.lower())
    if form is None or (form != JSON and form not in tuple(formats)):
        endings = (e for e, f in _ENDINGS.items() if f == JSON or f in tuple(formats))
        text = _("{path}: the ending says no format; known are {allowed}")
        raise typer.BadParameter(text.format(path=path.name, allowed=", ".join(endings)))
    if wanted not in (None, form):
        text = _("{path} would be {ending}, but {asked} was asked for: leave one of them out")
        raise typer.BadParameter(text.format(path=path.name, ending=form, asked=wanted))
    return ChosenOutput(form, file)
