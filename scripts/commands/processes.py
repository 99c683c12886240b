"""`hotline worker`, `timekeeper`, `monitor`, `alive`: one process of the service."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from models.errors import HotlineError
from models.i18n import _
from models.settings import load_settings
from scripts.arguments import ListenHost
from scripts.help import App

_CLOCK = typer.Option("--clock", hidden=True, help="began,start,speed")
_PARENT = typer.Option("--parent", hidden=True)


def add_to(app: App) -> None:
    """Add these commands."""
    app.command(help=_("Run a worker: apply messages, move clocks, send notices."))(worker)
    app.command(help=_("Run a timekeeper: wake the workers for everything that is due."))(
        timekeeper
    )
    app.command(help=_("Run the monitor, in this terminal or for browsers."))(monitor)
    app.command(
        help=_("Check that a worker or timekeeper of this machine reports; for health checks.")
    )(alive)


def worker(
    queues: Annotated[
        str, typer.Option(help=_("Queues to serve, separated by commas; all by default."))
    ] = "",
    threads: Annotated[
        int,
        typer.Option(min=1, max=64, help=_("Number of threads, beside the one for emergencies.")),
    ] = 1,
    clock: Annotated[str, _CLOCK] = "",
    parent: Annotated[int, _PARENT] = 0,
) -> None:
    """Run one worker process."""
    from models.rules.queues import QUEUES
    from scripts.service.processes import run_worker_process

    chosen = [q for q in queues.split(",") if q] or list(QUEUES)
    if unknown := sorted(set(chosen) - set(QUEUES)):
        known = ", ".join(QUEUES)
        why = _("no queue {name}; there are: {known}")
        raise HotlineError(why.format(name=unknown[0], known=known))
    raise typer.Exit(
        run_worker_process(
            load_settings(), queues=chosen, threads=threads, clock=clock, parent=parent or None
        )
    )


def timekeeper(
    patience: Annotated[
        float,
        typer.Option(
            min=0.1, help=_("Seconds after which a row that still waits is rung for again.")
        ),
    ] = 30,
    clock: Annotated[str, _CLOCK] = "",
    parent: Annotated[int, _PARENT] = 0,
) -> None:
    """Run one timekeeper process; any number may run."""
    from scripts.service.processes import run_timekeeper_process

    raise typer.Exit(
        run_timekeeper_process(
            load_settings(),
            patience=timedelta(seconds=patience),
            clock=clock,
            parent=parent or None,
        )
    )


def monitor(
    board: Annotated[
        bool,
        typer.Option(
            "--board", help=_("Show the wallboard: large figures for a screen on the wall.")
        ),
    ] = False,
    web: Annotated[
        bool,
        typer.Option(
            "--serve", help=_("Serve the monitor to browsers; people log in with their tokens.")
        ),
    ] = False,
    host: ListenHost = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help=_("The port to listen on."))] = 8012,
    public: Annotated[
        str, typer.Option(help=_("The address for browsers, if a proxy gives it another one."))
    ] = "",
    districts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help=_("Choose a district first, of those whose homes a file names.")
        ),
    ] = None,
    clock: Annotated[str, _CLOCK] = "",
) -> None:
    """Watch tickets, clocks and queues, and act on them."""
    settings = load_settings()
    if districts is not None:
        from scripts.service.districts import read_districts, watch_districts

        watch_districts(read_districts(districts), settings, wallboard=board)
        return
    if web:
        from scripts.service.served_monitor import ServedMonitor

        nobody = replace(settings, token=None, operator=None)
        raise typer.Exit(ServedMonitor(nobody, host, port, clock, board, public).run())
    from scripts.service.monitor import show_monitor
    from scripts.service.setup import broker_url, prepare_process

    store, now = prepare_process(settings, clock)
    show_monitor(settings, store, now, broker_url(settings), wallboard=board)


def alive(role: Annotated[str, typer.Argument(help="worker, timekeeper")]) -> None:
    """Exit 0 where a process of this role and machine has reported lately, else 1."""
    import socket

    from models.queries.health import is_reporting
    from models.shared_clock import store_clock
    from scripts.bootstrap import use_store

    with use_store(load_settings()) as store, store.reading() as session:
        if not is_reporting(session, f"{role}@{socket.gethostname()}:", store_clock(store)()):
            raise HotlineError(_("no {role} of this machine has reported").format(role=role))
