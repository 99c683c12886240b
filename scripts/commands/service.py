"""`hotline up`: run the whole service on one machine. `hotline db`: maintain its store."""

from typing import Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.help import App


def add_to(app: App) -> None:
    """Add these commands."""
    app.command(help=_("Run the whole service on one machine, until q or Ctrl-C."))(up)
    db = App(help=_("Maintain the store."))
    db.command("prune", help=_("Remove old notices, as happens daily."))(prune)
    db.command("upgrade", help=_("Upgrade the store to the newest schema."))(upgrade)
    app.add_typer(db, name="db")


def up(
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help=_("Play two working weeks in two minutes, in a home of its own.")
        ),
    ] = False,
    headless: Annotated[bool, typer.Option("--headless", help=_("Without the monitor."))] = False,
    for_seconds: Annotated[
        float, typer.Option("--for", min=0, help=_("Stop after this many seconds (headless only)."))
    ] = 0,
    workers: Annotated[int, typer.Option(min=1, max=64, help=_("Number of worker processes."))] = 2,
) -> None:
    """Run the key-value server, workers, the timekeeper and the monitor."""
    from scripts.service.up import run_service

    run_service(
        load_settings(), demo=demo, headless=headless, for_seconds=for_seconds, workers=workers
    )


def prune() -> None:
    """Remove notices that were sent long ago, as the policy says."""
    from models.operations import pruning
    from models.rulebook import load_rulebook
    from models.rules.policy import in_force
    from models.rules.vocabulary import Permission
    from models.shared_clock import store_clock
    from scripts.bootstrap import use_store

    with use_store(load_settings(), Permission.MAINTAIN, bootstrap=True) as store:
        now = store_clock(store)()
        with store.reading() as session:
            policy = in_force(list(load_rulebook(session).policies.values()), now)
        count = pruning.prune(store, now, policy)
    typer.echo(_("{count} notices removed; the log has them all").format(count=count))


def upgrade() -> None:
    """Run the migrations; safe to run at any time."""
    from scripts.bootstrap import use_store

    with use_store(load_settings(), bootstrap=True) as store:
        note = store.cipher.keyring.note()
    typer.echo(_("The store is up to date."))
    if note:
        typer.echo(note, err=True)
