"""`hotline bench`: measure the service against limits and peers."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from models.errors import HotlineError
from models.i18n import _
from scripts.arguments import AsJson
from scripts.help import App


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Measure the service against limits and peers, on servers of its own."))(
        bench
    )


def bench(
    rows: Annotated[
        list[str] | None, typer.Argument(help=_("P1 to P16; all by default."), metavar="[ROW]...")
    ] = None,
    as_json: AsJson = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help=_("As docs/performance.md has it."))
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help=_("Everything small, in under a minute."))
    ] = False,
    runs: Annotated[int, typer.Option(min=0, help=_("Runs of each; 0: 5, or 1 if quick."))] = 0,
    scale: Annotated[
        float,
        typer.Option(min=0, max=10, help=_("Share of the full sizes; 0: 1, or 0.005 if quick.")),
    ] = 0,
    huge: Annotated[
        bool, typer.Option("--huge", help=_("P12 with ten million closed tickets too."))
    ] = False,
    database: Annotated[
        str, typer.Option(help=_("A PostgreSQL to use, where databases may be made."))
    ] = "",
    profile: Annotated[
        Path | None,
        typer.Option(file_okay=False, help=_("Where py-spy leaves what workers spend time on.")),
    ] = None,
) -> None:
    """Print figure, limit or peer, ratio and goal of each row.

    Raises HotlineError in an installed package, which has no benchmarks.
    """
    if find_spec("scripts.bench") is None:
        raise HotlineError(_("The benchmarks are not installed: run `make bench` in a clone."))

    from scripts.bench.runner import Options, run_bench

    options = Options(
        rows=[name.upper() for name in rows or ()],
        runs=runs or (1 if quick else 5),
        scale=scale or (0.005 if quick else 1.0),
        huge=huge,
        quick=quick,
        database=database or None,
        profile=profile,
    )
    raise typer.Exit(run_bench(options, as_json=as_json, markdown=markdown))
