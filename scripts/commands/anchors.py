"""`hotline anchors`: print the anchors of the store, and note that a backup was restored."""

from typing import Annotated

import msgspec
import typer

from models.errors import HotlineError
from models.i18n import _
from models.settings import load_settings
from scripts.help import App


def add_to(app: App) -> None:
    """Add these commands."""
    anchors = App(help=_("Signed digests of all that was written, made every minute."))
    anchors.command("list", help=_("Print the anchors, as their copy outside has them."))(
        list_anchors
    )
    anchors.command(help=_("Print the public key that anchors are checked with."))(key)
    anchors.command(help=_("Note that a backup was restored, and set the present copy aside."))(
        restored
    )
    app.add_typer(anchors, name="anchors")


def list_anchors(
    since: Annotated[
        int, typer.Option(min=1, metavar="NUMBER", help=_("The first one to be printed."))
    ] = 1,
) -> None:
    """Print them as JSON Lines; each can be checked with the public key in it alone."""
    from models.anchor_file import as_line
    from models.queries.anchors import anchor_public_key, anchors
    from scripts.bootstrap import read_store
    from scripts.output import print_json

    settings = load_settings()
    with read_store(settings) as session:
        public = anchor_public_key(session)
        if public is None:
            raise HotlineError(_("the store has no key for anchors; see `hotline log --verify`"))
        for anchor in anchors(session, since - 1):
            print_json(msgspec.to_builtins(as_line(anchor, public)))


def key() -> None:
    """Print the key as 64 hexadecimal digits (Ed25519)."""
    from models.queries.anchors import anchor_public_key
    from scripts.bootstrap import read_store

    settings = load_settings()
    with read_store(settings) as session:
        public = anchor_public_key(session)
    if public is None:
        raise HotlineError(_("the store has no key for anchors; see `hotline log --verify`"))
    typer.echo(public.hex())


def restored() -> None:
    """Set the copy outside aside under another name, so that a new one is begun."""
    from models.anchor_file import AnchorFile
    from models.rules.vocabulary import Permission
    from models.shared_clock import store_clock
    from scripts.bootstrap import acting, use_store

    settings = load_settings()
    if settings.anchors is None:
        raise HotlineError(_("anchors are not copied: HOTLINE_ANCHORS is none"))
    with use_store(settings) as store, acting(store, settings, Permission.MAINTAIN):
        older = AnchorFile(settings.anchors).rename(store_clock(store)())
    if older is None:
        raise HotlineError(_("there is no copy in {path}").format(path=settings.anchors))
    typer.echo(_("the copy of the anchors is now {path}").format(path=older))
