"""`hotline doctor`, `metrics`, `backup`: for whoever keeps the service running."""

from pathlib import Path
from typing import Annotated

import typer

from models.labels import _
from models.settings import load_settings
from scripts.usage import App

_JSON = typer.Option("--json", help=_("For machines."))


def add_to(app: App) -> None:
    """Add these commands."""
    app.command(help=_("What is wrong with this installation, and what to do."))(doctor)
    app.command(help=_("Figures for Prometheus, on this machine's loopback."))(metrics)
    app.command(help=_("A copy of the store as it is now, while the service runs."))(backup)


def doctor(as_json: Annotated[bool, _JSON] = False) -> None:
    """Looks at everything and changes nothing; ends with 1 where something is wrong."""
    from scripts.doctoring import GOOD, WRONG, examine
    from scripts.edge import broker_url, print_json

    settings = load_settings()
    found = list(examine(settings, broker_url(settings)))
    if as_json:
        print_json([f.as_dict() for f in found])
    else:
        for one in found:
            mark = {GOOD: " ", WRONG: "!"}.get(one.state, "?")
            typer.echo(f"{mark} {_(one.check)}  {one.told}")
            if one.advice:
                typer.echo(f"    → {one.advice}")
    raise typer.Exit(1 if any(f.state == WRONG for f in found) else 0)


def metrics(
    port: Annotated[int, typer.Option(min=1, max=65535, help=_("Port."))] = 9145,
    once: Annotated[bool, typer.Option("--once", help=_("Print them and end."))] = False,
) -> None:
    """Every scrape reads the store and the broker; nothing is counted in between."""
    from models.clock import system_clock
    from scripts.edge import broker_url, open_store
    from scripts.metering import Figures, serve, written
    from workers.broker import Bells, connect
    from workers.main import stop_on_signals

    settings = load_settings()
    store = open_store(settings)
    figures = Figures(store, Bells(connect(broker_url(settings))), system_clock)
    try:
        if once:
            typer.echo(written(figures), nl=False)
        else:
            serve(figures, port, stop_on_signals(None))
    finally:
        store.close()


def backup(
    target: Annotated[Path, typer.Argument(dir_okay=False, help=_("A file that is not there."))],
) -> None:
    """SQLite only; the key is not in it, and without the key nothing of it can be read."""
    from scripts.backing import make_backup

    size = make_backup(load_settings(), target)
    typer.echo(_("{path}: {n} bytes. Keep the key file elsewhere.").format(path=target, n=size))
