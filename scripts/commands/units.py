"""`hotline units`: who handles what."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.bootstrap import allowed, bootstrap_store, open_store, print_json, read_text
from scripts.help import App

if TYPE_CHECKING:
    from models.operations.rulebook import UnitsChange


def add_to(app: App) -> None:
    """Add these commands."""
    units = App(help=_("Units, leaders, streets, words."))
    units.command("import", help=_("Make a file's units the district's units."))(import_units)
    units.command("find", help=_("Which unit a name, in any spelling, means."))(find)
    app.add_typer(units, name="units")


_JSON = Annotated[bool, typer.Option("--json", help=_("For machines."))]


def import_units(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=_("Only show what would change."))
    ] = False,
    as_json: _JSON = False,
) -> None:
    """Check a units file and make it the district's; tickets under way keep their units."""
    from dataclasses import asdict

    from models.operations.rulebook import replace_units
    from models.rules.routing.directory import load_units
    from models.security.roles import RULEBOOK

    settings = load_settings()
    allowed(settings, RULEBOOK)
    units = load_units(read_text(file), str(file))
    store = open_store(settings)
    with store.writing() as session:
        replaced = replace_units(session, units)
        if dry_run:
            session.rollback()
    if as_json:
        print_json(asdict(replaced) | {"dry_run": dry_run})
        return
    _print(replaced)
    if dry_run:
        typer.echo(_("Nothing has been changed."))


def _print(replaced: "UnitsChange") -> None:
    for text, names in (
        (_("new: {names}"), replaced.added),
        (_("changed: {names}"), replaced.changed),
        (_("gone: {names}"), replaced.removed),
    ):
        if names:
            typer.echo(text.format(names="、".join(names)))
    for unit, tickets in replaced.holding.items():
        text = _("{unit} is gone, but holds {n} open tickets: they stay with it")
        typer.echo(text.format(unit=unit, n=tickets))
    typer.echo(_("{n} units.").format(n=replaced.count))


def find(names: list[str], as_json: _JSON = False) -> None:
    """A name is found in whatever form a city writes it, if it can mean one unit only."""
    from models.rulebook import load_rulebook

    settings = load_settings()
    # a new store gets the units that come with the project, as any other command would find them
    store = bootstrap_store(settings)
    with store.reading() as session:
        directory = load_rulebook(session).directory
    found = {name: directory.resolve(name) for name in names}
    if as_json:
        print_json(found)
    else:
        unknown = _("not known")
        for name, unit in found.items():
            typer.echo(f"{name}  {unit or unknown}")
    if None in found.values():
        raise typer.Exit(1)
