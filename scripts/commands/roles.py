"""`hotline roles`: give users of the operating system their roles."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.i18n import N_, _, counted
from models.settings import load_settings
from scripts.arguments import OVERWRITE, AsJson, ExportFile
from scripts.completion import values
from scripts.help import App

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from models.database import Session
    from models.queries.roles import UserRoles
    from models.security.roles import Actor
    from models.settings import Settings


log = logging.getLogger("hotline.command")


def add_to(app: App) -> None:
    """Add these commands."""
    roles = App(help=_("Say who may do what: the roles of the operating system's users."))
    roles.command("list", help=_("List the roles that users have, and who gave them."))(list_roles)
    roles.command("set", help=_("Give a user a role."))(set_user)
    roles.command("remove", help=_("Take a user's role away."))(remove)
    roles.command("import", help=_("Replace the roles by those of a file."))(import_roles)
    roles.command("export", help=_("Write the roles to a file."))(export_roles)
    app.add_typer(roles, name="roles")


_NAME = typer.Argument(help=_("The user's name in the operating system."))


def list_roles(
    as_json: AsJson = False,
) -> None:
    """List all users with a role."""
    from models.rules.calendar import SHANGHAI
    from models.rules.vocabulary import UserRole, label
    from scripts.output import format_instant, print_json
    from scripts.screen import screen
    from scripts.tables import Table

    settings = load_settings()
    roles = _read(settings)
    if as_json:
        for name, (role, at, by) in roles.by_name.items():
            since = {"at": at.astimezone(SHANGHAI), "by": by}
            print_json({"name": name, "role": role or None} | since)
    else:
        rows = [
            (name, label(UserRole, role) or _("no role"), format_instant(at), by)
            for name, (role, at, by) in roles.by_name.items()
        ]
        with screen(settings) as page:
            page.table(Table((_("name"), _("role"), _("since"), _("given by")), rows))
    for name in roles.forged:
        text = _("{name}: a role that hotline has not given, and that counts for nothing")
        log.warning(text.format(name=name))
    if not roles.are_set_up and not as_json:
        typer.echo(_("Nobody has been given a role: the store's owner is supervisor."))


def set_user(
    name: Annotated[str, _NAME],
    role: Annotated[
        str,
        typer.Argument(
            help=_("operator, supervisor, auditor or feeder."), autocompletion=values("UserRole")
        ),
    ],
) -> None:
    """Give a user a role. The first to get one must be a supervisor."""
    from models.operations.roles import set_role
    from models.rules.vocabulary import UserRole

    if role not in tuple(UserRole):
        raise typer.BadParameter(_("one of: {allowed}").format(allowed=", ".join(UserRole)))
    _change(lambda session, actor, now: set_role(session, actor, name, UserRole(role), now))


def remove(name: Annotated[str, _NAME]) -> None:
    """Take a user's role away. One supervisor must be left."""
    from models.operations.roles import remove_role

    _change(lambda session, actor, now: remove_role(session, actor, name, now))


def import_roles(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Replace the roles of all users by those of the table `users` in a file."""
    from models.operations.roles import set_roles
    from models.security.identity import load_roles

    def change(session: "Session", actor: "Actor", now: "datetime") -> None:
        roles = load_roles(file)
        set_roles(session, actor, roles.users, now)
        if roles.tokens:
            text = _("tokens are not imported from a file; see `hotline tokens issue`")
            log.warning(text)

    _change(change)


def export_roles(
    file: ExportFile = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help=OVERWRITE)] = False,
) -> None:
    """Write the roles as a file that `import` takes again."""
    import json

    from scripts.output_files import export

    settings = load_settings()
    by_name = _read(settings).by_name
    lines = [
        f'{json.dumps(name, ensure_ascii=False)} = "{role.role}"'
        for name, role in by_name.items()
        if role.role
    ]
    text = "\n".join(["[users]", *lines, ""])
    export(text, file, settings, overwrite=overwrite)


def _read(settings: "Settings") -> "UserRoles":
    from models.queries.roles import user_roles
    from models.rules.vocabulary import Permission
    from scripts.bootstrap import use_store

    with use_store(settings, Permission.ROLES) as store, store.reading() as session:
        return user_roles(session)


def _change(change: "Callable[[Session, Actor, datetime], None]") -> None:
    """Change roles in one transaction, and say what that means for whoever did it."""
    from models.queries.roles import user_roles
    from models.rules.vocabulary import Permission, UserRole
    from models.shared_clock import store_clock
    from scripts.bootstrap import acting, use_store

    settings = load_settings()
    with (
        use_store(settings) as store,
        acting(store, settings, Permission.ROLES) as actor,
        store.writing() as session,
    ):
        change(session, actor, store_clock(store)())
        roles = user_roles(session)
    typer.echo(
        counted(
            len(roles.by_name),
            N_("{n} user has a role; nobody else has any."),
            N_("{n} users have a role; nobody else has any."),
        )
    )
    if actor.is_owner and roles.of(actor.name) != UserRole.SUPERVISOR:
        text = _("{name} owns the store, and is supervisor no longer; `hotline roles list`")
        log.warning(text.format(name=actor.name))
