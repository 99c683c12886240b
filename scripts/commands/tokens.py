"""`hotline tokens`: issue, list and revoke the tokens of people and machines."""

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.arguments import AsJson
from scripts.completion import values
from scripts.help import App

if TYPE_CHECKING:
    from datetime import datetime

    from models.security.tokens import Token

_DAYS, _MOST_DAYS = 365, 3650


def add_to(app: App) -> None:
    """Add these commands."""
    tokens = App(help=_("Manage the tokens that people log in with and machines identify with."))
    tokens.command(help=_("Issue a token; it is printed once and stored nowhere."))(issue)
    tokens.command("list", help=_("List the tokens, until when they hold, and their last use."))(
        list_tokens
    )
    tokens.command(help=_("Revoke a token; tabs opened with it end within seconds."))(revoke)
    app.add_typer(tokens, name="tokens")


def issue(
    name: Annotated[str, typer.Argument(help=_("Whose token it is; the logs name them so."))],
    role: Annotated[
        str,
        typer.Option(
            help=_("The role: operator, supervisor, auditor, feeder."),
            autocompletion=values("UserRole"),
        ),
    ],
    speaks: Annotated[
        str,
        typer.Option(
            help=_("In whose name it may send messages: city,units,desk; by default as the role.")
        ),
    ] = "",
    unit: Annotated[str, typer.Option(help=_("The only unit that it may speak for."))] = "",
    expires: Annotated[
        int, typer.Option(min=1, max=_MOST_DAYS, help=_("The days for which it holds."))
    ] = _DAYS,
) -> None:
    """Print the token alone on standard output, so that it can be passed on by a pipe."""
    from models.operations.tokens import issue_token
    from models.rules.vocabulary import Permission, Sender, UserRole
    from models.security.tokens import Token
    from models.shared_clock import store_clock
    from scripts.bootstrap import acting, use_store

    if role not in tuple(UserRole):
        raise typer.BadParameter(_("one of: {allowed}").format(allowed=", ".join(UserRole)))
    senders = [sender for sender in speaks.split(",") if sender]
    if unknown := set(senders) - set(Sender):
        text = _("{name}: one of: {allowed}")
        raise typer.BadParameter(text.format(name=min(unknown), allowed=", ".join(Sender)))
    settings = load_settings()
    with (
        use_store(settings) as store,
        acting(store, settings, Permission.TOKENS) as actor,
    ):
        now = store_clock(store)()
        wanted = Token(
            name,
            UserRole(role),
            tuple(sender for sender in Sender if sender in senders),
            unit or None,
            issued_at=now,
            expires_at=now + timedelta(days=expires),
        )
        with store.writing() as session:
            token = issue_token(session, actor, wanted, now)
    if sys.stdout.isatty():
        typer.echo(_("The token, shown this once:"), err=True)
    typer.echo(token)


def list_tokens(
    as_json: AsJson = False,
) -> None:
    """List all tokens by name. The tokens themselves are not known."""
    from models.queries.tokens import tokens
    from models.rules.vocabulary import Permission, Sender, UserRole, label
    from models.shared_clock import store_clock
    from scripts.bootstrap import use_store
    from scripts.output import print_json
    from scripts.screen import screen
    from scripts.tables import Table

    settings = load_settings()
    with use_store(settings, Permission.TOKENS) as store, store.reading() as session:
        now = store_clock(store)()
        listed = tokens(session)
    if as_json:
        for token in filter(None, listed.values()):
            print_json(_as_dict(token, now))
        return
    rows = [
        (
            name,
            label(UserRole, token.role),
            ", ".join(label(Sender, sender) for sender in token.speaks),
            token.unit or "-",
            _state(token, now),
            _shown(token.last_used_at),
        )
        for name, token in listed.items()
        if token is not None
    ]
    heads = (_("name"), _("role"), _("speaks for"), _("unit"), _("state"), _("last used"))
    with screen(settings) as page:
        page.table(Table(heads, rows))
        for name in (name for name, token in listed.items() if token is None):
            page.line(_("{name}: not issued by hotline, not valid").format(name=name))


def revoke(name: Annotated[str, typer.Argument(help=_("Whose token it is."))]) -> None:
    """Revoke a token; another one may be issued to the same name."""
    from models.operations.tokens import revoke_token
    from models.rules.vocabulary import Permission
    from models.shared_clock import store_clock
    from scripts.bootstrap import acting, use_store

    settings = load_settings()
    with (
        use_store(settings) as store,
        acting(store, settings, Permission.TOKENS) as actor,
        store.writing() as session,
    ):
        revoke_token(session, actor, name, store_clock(store)())
    typer.echo(_("The token of {name} is revoked.").format(name=name))


def _state(token: "Token", now: "datetime") -> str:
    if token.revoked_at is not None:
        return _("revoked {at}").format(at=_shown(token.revoked_at))
    if token.expires_at is None:
        return _("without end")
    text = _("expired {at}") if token.expires_at <= now else _("until {at}")
    return text.format(at=_shown(token.expires_at))


def _shown(at: "datetime | None") -> str:
    from scripts.output import format_instant

    return format_instant(at) if at is not None else _("never")


def _as_dict(token: "Token", now: "datetime") -> dict[str, object]:
    from models.rules.calendar import SHANGHAI

    instants = ("issued_at", "expires_at", "revoked_at", "last_used_at")
    times = {name: getattr(token, name) for name in instants}
    return {
        "name": token.name,
        "role": token.role,
        "speaks": token.speaks,
        "unit": token.unit,
        "valid": token.is_valid(now),
        **{name: at and at.astimezone(SHANGHAI) for name, at in times.items()},
    }
