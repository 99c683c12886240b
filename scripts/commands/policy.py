"""`hotline policy`: the versions of the policy in the store, and files that may become one."""

from pathlib import Path
from typing import Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.arguments import AsJson, DryRun
from scripts.help import App

_FILE = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]


def add_to(app: App) -> None:
    """Add these commands."""
    policy = App(help=_("Show, check, import and withdraw versions of the policy."))
    policy.command("show", help=_("Print a version, or the one in force."))(show)
    policy.command("list", help=_("List the versions, and when each of them holds."))(list_versions)
    policy.command("check", help=_("Check a policy file; the store is not touched."))(check)
    policy.command("import", help=_("Import a policy file as a new version."))(import_file)
    policy.command(
        "withdraw", help=_("Withdraw a version that was imported by mistake; it is kept.")
    )(withdraw)
    app.add_typer(policy, name="policy")


def show(
    version: Annotated[int | None, typer.Argument(help=_("The number of the version."))] = None,
    as_json: AsJson = False,
) -> None:
    """Print the file of a version as it was imported, after a comment that says when it holds."""
    from models.queries.policies import PolicyVersionNotFound, policy_versions, version_at
    from models.shared_clock import service_clock
    from scripts.bootstrap import use_store
    from scripts.output import print_json
    from scripts.rulebook.policies import version_as_dict, version_line

    settings = load_settings()
    with use_store(settings) as store, store.reading() as session:
        versions = policy_versions(session)
        now = service_clock(store)()
    by_number = {each.number: each for each in versions}
    version_shown = version_at(versions, now) if version is None else by_number.get(version)
    if version_shown is None:
        raise PolicyVersionNotFound(version or 0, by_number)
    if as_json:
        print_json(version_as_dict(version_shown) | {"text": version_shown.text})
        return
    typer.echo(f"# {version_line(version_shown)}")
    typer.echo(version_shown.text, nl=not version_shown.text.endswith("\n"))


def list_versions(as_json: AsJson = False) -> None:
    """List all versions in the order of their import, with the tickets that run under them."""
    from models.queries.policies import policy_versions, tickets_by_policy
    from scripts.bootstrap import read_store
    from scripts.output import print_json
    from scripts.rulebook.policies import held, version_as_dict
    from scripts.screen import screen
    from scripts.tables import Table

    settings = load_settings()
    with read_store(settings) as session:
        versions = policy_versions(session)
        tickets = tickets_by_policy(session)
    counts = {version.number: tickets.get(version.id, (0, 0)) for version in versions}
    if as_json:
        print_json(
            [
                version_as_dict(v) | dict(zip(("tickets", "open"), counts[v.number], strict=True))
                for v in versions
            ]
        )
        return
    rows = [
        (
            str(version.number),
            version.policy.document,
            held(version),
            *map(str, counts[version.number]),
        )
        for version in versions
    ]
    heads = (_("version"), _("document"), _("holds"), _("tickets"), _("of them open"))
    with screen(settings) as page:
        page.table(Table(heads, rows, numbers=(0, 3, 4)))


def check(file: _FILE, as_json: AsJson = False) -> None:
    """Check a file; exit 1 with the line that is wrong."""
    from models.rules.policy import lacking_terms, load_policy
    from models.text_files import read_text
    from scripts.output import print_json

    policy = load_policy(read_text(file), str(file))
    lacking = lacking_terms(policy)
    if as_json:
        head = {"district": policy.district, "document": policy.document}
        print_json(head | {"valid_from": policy.valid_from, "lacking_terms": lacking})
        return
    text = _("{district}, {document}, valid from {day}: the file can be imported")
    typer.echo(
        text.format(district=policy.district, document=policy.document, day=policy.valid_from)
    )
    if lacking:
        typer.echo(_("It does not set the terms {names}.").format(names=", ".join(lacking)))


def import_file(
    file: _FILE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Import a file; tickets received before keep the version that they run under (7.2)."""
    from models.operations.policies import clocks_under, import_policy
    from models.rules.policy import load_policy
    from models.rules.vocabulary import Permission
    from models.shared_clock import service_clock
    from models.text_files import read_text
    from scripts.bootstrap import use_store
    from scripts.output import print_json
    from scripts.rulebook.policies import import_as_dict, import_lines

    settings = load_settings()
    with use_store(settings, Permission.RULEBOOK) as store:
        text, name = read_text(file), str(file)
        policy = load_policy(text, name)
        now = service_clock(store)()
        with store.writing() as session:
            clocks = list(clocks_under(session, policy, now)) if dry_run else []
            result = import_policy(session, text, name, now)
            if dry_run:
                session.rollback()
    if as_json:
        print_json(import_as_dict(result, policy, clocks, dry_run=dry_run))
        return
    for line in import_lines(result, policy, clocks, dry_run=dry_run):
        typer.echo(line)


def withdraw(
    version: Annotated[int, typer.Argument(help=_("The number of the version."))],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Withdraw a version; its open tickets are decided anew under the one that holds without it."""
    from models.operations.policies import withdraw_policy
    from models.rules.vocabulary import Permission
    from models.shared_clock import service_clock
    from scripts.bootstrap import use_store
    from scripts.output import print_json
    from scripts.rulebook.changes import change_as_dict, change_lines

    settings = load_settings()
    with use_store(settings, Permission.RULEBOOK) as store:
        now = service_clock(store)()
        with store.writing() as session:
            change = withdraw_policy(session, version, now)
            if dry_run:
                session.rollback()
    if as_json:
        print_json({"version": version, "dry_run": dry_run} | change_as_dict(change))
        return
    for line in change_lines(change):
        typer.echo(line)
    text = _("Version {n} is withdrawn; {tickets} tickets were folded again.")
    typer.echo(text.format(n=version, tickets=change.tickets))
    if dry_run:
        typer.echo(_("Nothing has been changed."))
