"""`hotline export` and `hotline import`: tickets for archive and auditors, a store for another."""

from pathlib import Path
from typing import Annotated

import typer

from models.errors import HotlineError
from models.i18n import _
from models.settings import load_settings
from scripts.arguments import REASON, asked_reason, parse_time
from scripts.help import App


def add_to(app: App) -> None:
    """Add these commands."""
    app.command(help=_("Export tickets with everything of them, or the whole store."))(export)
    app.command("import", help=_("Fill an empty store from a whole export, and verify it."))(
        import_export
    )


def export(
    folder: Annotated[
        Path, typer.Argument(help=_("The new folder; with --check one that was exported."))
    ],
    ticket: Annotated[str, typer.Option(metavar="TICKET", help=_("Only this ticket."))] = "",
    since: Annotated[
        str, typer.Option(metavar="TIME", help=_("Only tickets received at this time or later."))
    ] = "",
    until: Annotated[
        str, typer.Option(metavar="TIME", help=_("Only tickets received before this time."))
    ] = "",
    reveal: Annotated[
        bool, typer.Option("--reveal", help=_("Write what people wrote in clear; this is logged."))
    ] = False,
    reason: Annotated[str, REASON] = "",
    whole: Annotated[
        bool, typer.Option("--whole", help=_("Every row of the store, encrypted as it is."))
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help=_("Check an exported folder; no store is needed."))
    ] = False,
    key: Annotated[
        str, typer.Option(metavar="HEX", help=_("With --check: the key of `hotline anchors key`."))
    ] = "",
) -> None:
    """Write JSON Lines and CSV with a signed manifest and proofs, redacted unless --reveal."""
    from models.queries.exported_tickets import ExportScope
    from scripts.transfer.export import export_tickets, export_whole
    from scripts.transfer.export_folder import check_folder

    if check:
        manifest = check_folder(folder, _key(key))
        text = _("{path} is as it was exported at {at} by {who}")
        at = f"{parse_time(manifest.made_at.isoformat()):%Y-%m-%d %H:%M}"
        typer.echo(text.format(path=folder, at=at, who=manifest.by))
        return
    settings = load_settings()
    scope = ExportScope(
        ticket or None,
        parse_time(since) if since else None,
        parse_time(until) if until else None,
    )
    if whole and (reveal or scope != ExportScope()):
        raise HotlineError(_("--whole takes every ticket, encrypted: give no other option"))
    if whole:
        export_whole(settings, folder)
        typer.echo(_("{path}: the whole store; it opens with its key alone").format(path=folder))
        return
    why = asked_reason(reason) if reveal else None
    manifest = export_tickets(settings, folder, scope, why)
    typer.echo(_("{path}: {n} tickets").format(path=folder, n=manifest.tickets))


def import_export(
    folder: Annotated[Path, typer.Argument(help=_("A folder of `hotline export --whole`."))],
) -> None:
    """Fill an empty store, whose key must be there; exit 1 where something is wrong in it."""
    from scripts.tickets.chain_verification import print_findings
    from scripts.transfer.export import import_whole

    result = import_whole(load_settings(), folder)
    print_findings(result.findings)
    text = _("imported: {tickets} tickets, {lines} lines of their logs")
    typer.echo(text.format(tickets=result.tickets, lines=result.lines))
    raise typer.Exit(1 if result.findings else 0)


def _key(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(_("64 hexadecimal digits")) from error
