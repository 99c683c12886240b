"""`hotline doctor`, `metrics`, `backup`, `restore`: keep the service running."""

from pathlib import Path
from typing import Annotated, Any

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.arguments import AsJson
from scripts.help import App


def add_to(app: App) -> None:
    """Add these commands."""
    app.command(help=_("Check this installation, and say what to do about each problem."))(doctor)
    app.command(help=_("Serve metrics to Prometheus, on the loopback interface only."))(metrics)
    app.command(help=_("Back up the store and its home while the service runs."))(backup)
    app.command(help=_("Restore a backup into an empty home, and verify it."))(restore)


def _kept(text: str) -> Any:
    return typer.Option(min=0, help=text)


def doctor(as_json: AsJson = False) -> None:
    """Check everything and change nothing; exit 1 where something is wrong."""
    from scripts.output import print_json
    from scripts.screen import screen
    from scripts.service.check_result import GOOD, PROBLEM
    from scripts.service.health_checks import run_health_checks
    from scripts.service.setup import broker_url
    from scripts.tables import Table, table_lines

    settings = load_settings()
    results = list(run_health_checks(settings, broker_url(settings)))
    if as_json:
        print_json([result.as_dict() for result in results])
    else:
        marks = {GOOD: " ", PROBLEM: "!"}
        rows = [(_(result.check), result.text) for result in results]
        with screen(settings) as page:
            for result, line in zip(results, table_lines(Table((), rows)), strict=True):
                page.line(f"{marks.get(result.state, '?')} {line}")
                if result.advice:
                    page.line(f"    > {result.advice}")
    raise typer.Exit(1 if any(result.state == PROBLEM for result in results) else 0)


def metrics(
    port: Annotated[int, typer.Option(min=1, max=65535, help=_("The port to listen on."))] = 9145,
    once: Annotated[
        bool, typer.Option("--once", help=_("Print the metrics once, and end."))
    ] = False,
) -> None:
    """Serve metrics; each scrape reads the store and the broker."""
    from models.shared_clock import service_clock
    from scripts.bootstrap import use_store
    from scripts.service.metrics import MetricsCollector, exposition, serve_metrics
    from scripts.service.setup import broker_url
    from workers.broker import Bells, connect
    from workers.shutdown import stop_on_signals

    settings = load_settings()
    with use_store(settings) as store:
        bells = Bells(connect(broker_url(settings), store.cipher.store_id))
        collector = MetricsCollector(store, bells, service_clock(store))
        if once:
            typer.echo(exposition(collector), nl=False)
        else:
            serve_metrics(collector, port, stop_on_signals(None))


def backup(
    target: Annotated[
        Path,
        typer.Argument(
            help=_("A folder, in which old backups are removed; or a new file."),
        ),
    ],
    hourly: Annotated[int, _kept(_("Hours that keep a backup."))] = 24,
    daily: Annotated[int, _kept(_("Days that keep a backup."))] = 14,
    monthly: Annotated[int, _kept(_("Months that keep a backup."))] = 12,
) -> None:
    """Back up the store and the files of its home, encrypted. The key is not in it: keep it apart.

    A file that ends with .db is a plain copy of a SQLite store.
    """
    from models.rules.backup_rotation import Rotation
    from scripts.transfer.backup import make_backup

    file, size = make_backup(load_settings(), target, Rotation(hourly, daily, monthly))
    typer.echo(_("{path}: {n} bytes. Keep the key file elsewhere.").format(path=file, n=size))


def restore(
    source: Annotated[
        Path, typer.Argument(metavar="BACKUP", dir_okay=False, help=_("The backup."))
    ],
) -> None:
    """Restore a backup into an empty home or database, and verify it; its key must be there."""
    from scripts.tickets.chain_verification import print_findings
    from scripts.transfer.restore import restore_backup

    findings = restore_backup(load_settings(), source)
    print_findings(findings)
    if findings:
        raise typer.Exit(1)
    typer.echo(_("{path} is restored, the chain is whole").format(path=source))
