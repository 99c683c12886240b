"""`hotline units`: import the units file, and find a unit by any of its names."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from models.text_files import read_text
from scripts.bootstrap import require_permission, use_store
from scripts.help import App
from scripts.output import print_json

if TYPE_CHECKING:
    from models.operations.rulebook import UnitsChange


def add_to(app: App) -> None:
    """Add these commands."""
    units = App(help=_("Import units, and find them by name."))
    units.command("import", help=_("Replace the district's units by those of a file."))(
        import_units
    )
    units.command("find", help=_("Find the unit that a name means, in any spelling."))(find)
    app.add_typer(units, name="units")


_JSON = Annotated[bool, typer.Option("--json", help=_("Print JSON, for programs."))]


def import_units(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=_("Only show what would change."))
    ] = False,
    as_json: _JSON = False,
) -> None:
    """Replace the district's units by those of a file; open tickets keep their units."""
    from dataclasses import asdict

    from models.operations.rulebook import replace_units
    from models.rules.routing.directory import load_units
    from models.rules.vocabulary import Permission

    settings = load_settings()
    require_permission(settings, Permission.RULEBOOK)
    units = load_units(read_text(file), str(file))
    with use_store(settings) as store, store.writing() as session:
        change = replace_units(session, units)
        if dry_run:
            session.rollback()
    if as_json:
        print_json(asdict(change) | {"dry_run": dry_run})
        return
    _print(change)
    if dry_run:
        typer.echo(_("Nothing has been changed."))


def _print(change: "UnitsChange") -> None:
    for text, names in (
        (_("new: {names}"), change.added),
        (_("changed: {names}"), change.changed),
        (_("gone: {names}"), change.removed),
    ):
        if names:
            typer.echo(text.format(names="、".join(names)))
    for unit, tickets in change.holding.items():
        text = _("{unit} is gone, but holds {n} open tickets: they stay with it")
        typer.echo(text.format(unit=unit, n=tickets))
    typer.echo(_("{n} units.").format(n=change.count))


def find(names: list[str], as_json: _JSON = False) -> None:
    """Find the unit that a name means, in whatever form a city writes it."""
    from models.rulebook import load_rulebook

    # a new store gets the units that come with the project, as with any other command
    with use_store(load_settings(), bootstrap=True) as store, store.reading() as session:
        directory = load_rulebook(session).directory
    units = {name: directory.resolve(name) for name in names}
    if as_json:
        print_json(units)
    else:
        unknown = _("not known")
        for name, unit in units.items():
            typer.echo(f"{name}  {unit or unknown}")
    if None in units.values():
        raise typer.Exit(1)
