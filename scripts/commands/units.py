"""`hotline units`: import, export, rename and merge units, and find one by any of its names."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.i18n import N_, _, counted
from models.settings import load_settings
from models.text_files import read_text
from scripts.arguments import OVERWRITE, AsJson, DryRun, ExportFile
from scripts.bootstrap import use_store
from scripts.help import App
from scripts.output import print_json
from scripts.output_files import export

if TYPE_CHECKING:
    from models.database import Session
    from models.operations.units import UnitsChange


def add_to(app: App) -> None:
    """Add these commands."""
    units = App(help=_("Import, export, rename and merge units, and find them by name."))
    units.command("import", help=_("Replace the district's units by those of a file."))(
        import_units
    )
    units.command("export", help=_("Write the district's units, with their ids, as a units file."))(
        export_units
    )
    units.command("rename", help=_("Give a unit another name; its open tickets go on."))(rename)
    units.command("merge", help=_("Merge a unit into another, which takes over its open tickets."))(
        merge
    )
    units.command("find", help=_("Find the unit that a name means, in any spelling."))(find)
    app.add_typer(units, name="units")


def import_units(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Replace the district's units by those of a file.

    A unit keeps its id under another name; its open tickets pass on.
    """
    from models.operations.units import replace_units
    from models.rules.routing.directory import load_units

    def replace(session: "Session", now: "datetime") -> "UnitsChange":
        return replace_units(session, load_units(read_text(file), str(file)), now)

    _change(replace, dry_run, as_json)


def rename(
    unit: Annotated[str, typer.Argument(help=_("The unit, by any of its names."))],
    name: Annotated[str, typer.Argument(help=_("Its new full name."))],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give a unit another name; the old one becomes an alias, and its open tickets pass on."""
    from models.operations.units import rename_unit

    _change(lambda session, now: rename_unit(session, unit, name, now), dry_run, as_json)


def merge(
    unit: Annotated[str, typer.Argument(help=_("The unit that is no more."))],
    into: Annotated[str, typer.Option("--into", help=_("The unit that takes over from it."))],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Merge a unit into another, which takes over its names, words, bodies and open tickets."""
    from models.operations.units import merge_units

    _change(lambda session, now: merge_units(session, unit, into, now), dry_run, as_json)


def export_units(
    file: ExportFile = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help=OVERWRITE)] = False,
) -> None:
    """Write the district's units, with their ids, as a units file that `import` takes again."""
    from models.rulebook import stored_territory, stored_units
    from models.rules.routing.units_toml import units_as_toml
    from models.rules.vocabulary import Permission

    settings = load_settings()
    with use_store(settings, Permission.RULEBOOK) as store, store.reading() as session:
        text = units_as_toml(stored_units(session), stored_territory(session))
    export(text, file, settings, overwrite=overwrite)


def _change(
    change_units: "Callable[[Session, datetime], UnitsChange]", dry_run: bool, as_json: bool
) -> None:
    """Change the units in one transaction, and print what has changed."""
    from dataclasses import asdict

    from models.rules.vocabulary import Permission
    from models.shared_clock import service_clock

    settings = load_settings()
    with use_store(settings, Permission.RULEBOOK) as store:
        now = service_clock(store)()
        with store.writing() as session:
            change = change_units(session, now)
            if dry_run:
                session.rollback()
    if as_json:
        print_json(asdict(change) | {"dry_run": dry_run})
        return
    _print(change)
    if dry_run:
        typer.echo(_("Nothing has been changed."))


def _print(change: "UnitsChange") -> None:
    for text, names in ((_("new: {names}"), change.added), (_("changed: {names}"), change.changed)):
        if names:
            typer.echo(text.format(names="、".join(names)))
    for text, pairs in (
        (_("renamed: {unit} to {successor}"), change.renamed),
        (_("merged: {unit} into {successor}"), change.merged),
    ):
        for unit, successor in pairs.items():
            typer.echo(text.format(unit=unit, successor=successor))
    for unit, n in change.passed_on.items():
        typer.echo(_("{n} open tickets pass on from {unit}").format(unit=unit, n=n))
    for unit, tickets in change.retired.items():
        if not tickets:
            typer.echo(_("gone: {unit}").format(unit=unit))
            continue
        text = _(
            "gone: {unit}, which keeps its open tickets until another unit takes over"
            " (hotline units merge {unit} --into UNIT): {tickets}"
        )
        typer.echo(text.format(unit=unit, tickets="、".join(tickets)))
    typer.echo(counted(change.count, N_("{n} unit."), N_("{n} units.")))


def find(names: list[str], as_json: AsJson = False) -> None:
    """Find the unit that a name means, in whatever form a city writes it."""
    from models.rulebook import load_rulebook
    from scripts.screen import screen
    from scripts.tables import Table

    settings = load_settings()
    with use_store(settings) as store, store.reading() as session:
        directory = load_rulebook(session).directory
    units = {name: directory.resolve(name) for name in names}
    if as_json:
        print_json(units)
    else:
        rows = [(name, unit or _("not known")) for name, unit in units.items()]
        with screen(settings) as page:
            page.table(Table((_("spelling"), _("unit")), rows))
    if None in units.values():
        raise typer.Exit(1)
