"""`hotline doctor`, `metrics`, `backup`: keep the service running."""

from pathlib import Path
from typing import Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.arguments import AsJson
from scripts.help import App


def add_to(app: App) -> None:
    """Add these commands."""
    app.command(help=_("Check this installation, and say what to do about each problem."))(doctor)
    app.command(help=_("Serve metrics to Prometheus, on the loopback interface only."))(metrics)
    app.command(help=_("Back up the store while the service runs."))(backup)


def doctor(as_json: AsJson = False) -> None:
    """Check everything and change nothing; exit 1 where something is wrong."""
    from scripts.output import print_json
    from scripts.service.check_result import GOOD, PROBLEM
    from scripts.service.health_checks import run_health_checks
    from scripts.service.setup import broker_url

    settings = load_settings()
    results = list(run_health_checks(settings, broker_url(settings)))
    if as_json:
        print_json([result.as_dict() for result in results])
    else:
        for result in results:
            mark = {GOOD: " ", PROBLEM: "!"}.get(result.state, "?")
            typer.echo(f"{mark} {_(result.check)}  {result.text}")
            if result.advice:
                typer.echo(f"    → {result.advice}")
    raise typer.Exit(1 if any(result.state == PROBLEM for result in results) else 0)


def metrics(
    port: Annotated[int, typer.Option(min=1, max=65535, help=_("The port to listen on."))] = 9145,
    once: Annotated[
        bool, typer.Option("--once", help=_("Print the metrics once, and end."))
    ] = False,
) -> None:
    """Serve metrics; each scrape reads the store and the broker."""
    from models.clock import system_clock
    from scripts.bootstrap import use_store
    from scripts.service.metrics import MetricsCollector, exposition, serve_metrics
    from scripts.service.setup import broker_url
    from workers.broker import Bells, connect
    from workers.shutdown import stop_on_signals

    settings = load_settings()
    with use_store(settings) as store:
        collector = MetricsCollector(store, Bells(connect(broker_url(settings))), system_clock)
        if once:
            typer.echo(exposition(collector), nl=False)
        else:
            serve_metrics(collector, port, stop_on_signals(None))


def backup(
    target: Annotated[
        Path, typer.Argument(dir_okay=False, help=_("The new file; it must not exist."))
    ],
) -> None:
    """Back up a SQLite store. The key is not in it, and it cannot be read without the key."""
    from scripts.service.backup import make_backup

    size = make_backup(load_settings(), target)
    typer.echo(_("{path}: {n} bytes. Keep the key file elsewhere.").format(path=target, n=size))
