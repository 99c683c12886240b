"""`hotline up`: run the whole service on one machine. `hotline db`: maintain its store."""

import logging
from contextlib import closing
from typing import Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.help import App

log = logging.getLogger("hotline.command")


def add_to(app: App) -> None:
    """Add these commands."""
    app.command(help=_("Run the whole service on one machine, until q or Ctrl+C."))(up)
    db = App(help=_("Maintain the store."))
    db.command("prune", help=_("Remove what the policy does not keep, as happens daily."))(prune)
    db.command("upgrade", help=_("Make the store, or upgrade it to the newest schema."))(upgrade)
    text = _("Write the row of a ticket anew from its messages and its log.")
    db.command("rebuild", help=text)(rebuild)
    text = _("Take policies, calendar and units as they are, where somebody has altered them.")
    db.command("accept", help=text)(accept)
    text = _("Move the store to another database, from SQLite to PostgreSQL or back.")
    db.command("move", help=text)(move)
    app.add_typer(db, name="db")


def up(
    demo: Annotated[
        bool,
        typer.Option(
            "--demo",
            help=_(
                "Play two working weeks in two minutes, in a home of its own; then it stands still."
            ),
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
    """Remove what the policy does not keep: notices, texts of tickets, files of the home."""
    from models.operations import pruning
    from models.rulebook import load_rulebook
    from models.rules.policy import in_force
    from models.rules.vocabulary import Permission
    from models.shared_clock import service_clock
    from scripts.bootstrap import use_store
    from scripts.file_retention import prune_files

    settings = load_settings()
    with use_store(settings, Permission.MAINTAIN) as store:
        now = service_clock(store)()
        with store.reading() as session:
            policy = in_force(list(load_rulebook(session).policies.values()), now)
        count = pruning.prune(store, now, policy)
        files = prune_files(settings.home, policy.keep, now)
    text = _("{count} rows and texts of tickets removed, {files} files and lines of them")
    typer.echo(text.format(count=count, files=files))


def upgrade(
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway", help=_("Though processes of the earlier release were lately at work.")
        ),
    ] = False,
) -> None:
    """Make the store, or upgrade it; safe to run at any time."""
    from models.schema import NEWEST
    from scripts.bootstrap import make_store

    settings = load_settings()
    before: list[str | None] = []
    with closing(make_store(settings, anyway=anyway, tell=before.append)) as store:
        note = store.cipher.keyring.note()
    if before == [None]:
        place = settings.sqlite_path or _("the database")
        typer.echo(_("Made a store in {place}.").format(place=place))
    elif before != [NEWEST]:
        typer.echo(_("The store is upgraded to schema {newest}.").format(newest=NEWEST))
    else:
        typer.echo(_("The store is up to date."))
    if note:
        log.warning(note)


def rebuild(ticket: Annotated[str, typer.Argument(help=_("The city's ticket number."))]) -> None:
    """Write the row of a ticket anew, and verify it then; exit 1 where something is still wrong."""
    from models.i18n import render
    from models.operations.rebuild import rebuild_ticket
    from models.queries.verification import verify
    from models.rules.vocabulary import Permission
    from models.security.findings import HARMS
    from models.shared_clock import store_clock
    from scripts.bootstrap import acting, use_store

    settings = load_settings()
    with use_store(settings) as store, acting(store, settings, Permission.MAINTAIN) as actor:
        with store.writing() as session:
            lines = rebuild_ticket(session, actor, ticket, store_clock(store)())
        findings = verify(store, ticket).findings
    text = _("ticket {ticket} is rebuilt, with {n} new lines in its log")
    typer.echo(text.format(ticket=ticket, n=lines))
    for finding in findings:
        log.warning(f"{render(HARMS[finding.harm])}: {render(finding.why)}")
    raise typer.Exit(1 if findings else 0)


def accept() -> None:
    """Take the tables of the rulebook as they are; the access log says who did."""
    from models.i18n import render
    from models.operations.accept import accept_tables
    from models.queries.table_check import PLACES
    from models.rules.vocabulary import Permission
    from models.shared_clock import store_clock
    from scripts.bootstrap import acting, use_store

    settings = load_settings()
    with (
        use_store(settings) as store,
        acting(store, settings, Permission.MAINTAIN) as actor,
        store.writing() as session,
    ):
        changed = accept_tables(session, actor, store_clock(store)())
    for kind in changed:
        typer.echo(_("{table}: taken as they are").format(table=render(PLACES[kind])))
    if not changed:
        typer.echo(_("all are as the service wrote them"))


def move(
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="URL", help=_("The new database, which must be empty; as in settings.")
        ),
    ],
) -> None:
    """Fill the new database, close the old one, and verify; exit 1 where something is wrong."""
    from scripts.tickets.chain_verification import print_findings
    from scripts.transfer.move import move_store

    result = move_store(load_settings(), to)
    print_findings(result.findings)
    text = _("moved: {tickets} tickets, {lines} lines of their logs; set HOTLINE_DATABASE_URL now")
    typer.echo(text.format(tickets=result.tickets, lines=result.lines))
    raise typer.Exit(1 if result.findings else 0)
