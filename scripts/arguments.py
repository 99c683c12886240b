"""Parse what a person typed at the command line."""

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.i18n import _

if TYPE_CHECKING:
    from models.queries.figures import Month

OVERWRITE = _("Overwrite the output file if it is there.")
"""The help of `--overwrite`."""

AsJson = Annotated[bool, typer.Option("--json", help=_("Print JSON, for programs."))]

Overwrite = Annotated[bool, typer.Option("--overwrite", help=OVERWRITE)]


class SheetFormat(StrEnum):
    """The formats of a sheet of tables."""

    table = "table"
    csv = "csv"
    html = "html"


AsFormat = Annotated[
    SheetFormat | None,
    typer.Option(
        "--format", help=_("The output format; by default as the file's name ends, else a table.")
    ),
]

ToFile = Annotated[
    Path | None,
    typer.Option("--output", dir_okay=False, help=_("The output file; the screen by default.")),
]

DryRun = Annotated[bool, typer.Option("--dry-run", help=_("Only show what would change."))]

QuietBefore = Annotated[
    datetime | None,
    typer.Option(
        "--quiet-before",
        formats=["%Y-%m-%d"],
        help=_("Send no notices of what happened before this day."),
    ),
]

ListenHost = Annotated[
    str, typer.Option(help=_("The address to listen on; other machines should use a proxy."))
]

ExportFile = Annotated[
    Path | None, typer.Argument(help=_("Where to write it; standard output if absent, or for -."))
]

REASON = typer.Option(
    "--reason",
    help=_(
        "With --reveal: why; claimant_asks, handling, checking, review, or in words of your own."
    ),
)


def asked_reason(reason: str) -> str:
    """Return the reason for seeing personal data; a person at a terminal is asked for it."""
    if reason.strip():
        return reason
    if not sys.stdin.isatty():
        raise typer.BadParameter(_("say why you need to see it: --reason"))
    return str(typer.prompt(_("Reason")))


_YEARS = range(1950, 2101)
"""The years whose festivals are known by law."""


def _require_known_year(year: int) -> None:
    if year not in _YEARS:
        raise typer.BadParameter(_("the year must lie between 1950 and 2100"))


def parse_time(text: str) -> datetime:
    """A time as 2026-09-29T16:00; without an offset it is Asia/Shanghai."""
    from models.rules.calendar import SHANGHAI

    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(_("write a time as 2026-09-29T16:00")) from error
    _require_known_year(at.year)
    return (at.replace(tzinfo=SHANGHAI) if at.tzinfo is None else at).astimezone(SHANGHAI)


def parse_month(text: str) -> "Month":
    """A month as 2026-10."""
    from models.queries.figures import Month

    try:
        month = Month.parse(text)
    except ValueError as error:
        raise typer.BadParameter(_("write a month as 2026-10")) from error
    _require_known_year(month.year)
    return month
