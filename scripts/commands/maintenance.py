"""`hotline doctor`, `metrics`, `backup`: for whoever keeps the service running."""

from pathlib import Path
from typing import Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.help import App

_JSON = typer.Option("--json", help=_("For machines."))


def add_to(app: App) -> None:
    """Add these commands."""
    app.command(help=_("What is wrong with this installation, and what to do."))(doctor)
    app.command(help=_("Figures for Prometheus, on this machine's loopback."))(metrics)
    app.command(help=_("A copy of the store as it is now, while the service runs."))(backup)


def doctor(as_json: Annotated[bool, _JSON] = False) -> None:
    """Looks at everything and changes nothing; ends with 1 where something is wrong."""
    from scripts.bootstrap import broker_url, print_json
    from scripts.service.health_checks import GOOD, WRONG, run_health_checks

    settings = load_settings()
    found = list(run_health_checks(settings, broker_url(settings)))
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
    from scripts.bootstrap import broker_url, open_store
    from scripts.service.metrics import MetricsCollector, exposition, serve_metrics
    from workers.broker import Bells, connect
    from workers.shutdown import stop_on_signals

    settings = load_settings()
    store = open_store(settings)
    figures = MetricsCollector(store, Bells(connect(broker_url(settings))), system_clock)
    try:
        if once:
            typer.echo(exposition(figures), nl=False)
        else:
            serve_metrics(figures, port, stop_on_signals(None))
    finally:
        store.close()


def backup(
    target: Annotated[Path, typer.Argument(dir_okay=False, help=_("A file that is not there."))],
) -> None:
    """SQLite only; the key is not in it, and without the key nothing of it can be read."""
    from scripts.service.backup import make_backup

    size = make_backup(load_settings(), target)
    typer.echo(_("{path}: {n} bytes. Keep the key file elsewhere.").format(path=target, n=size))
