"""`hotline listen`: take messages by HTTP."""

from typing import Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.arguments import ListenHost, QuietBefore
from scripts.help import App


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Take messages by HTTP; each source sends them with a token of its own."))(
        listen
    )


def listen(
    host: ListenHost = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help=_("The port to listen on."))] = 8013,
    public: Annotated[
        str, typer.Option(help=_("The address for senders, if a proxy gives it another one."))
    ] = "",
    quiet_before: QuietBefore = None,
) -> None:
    """Take what comes until interrupted; refused messages are kept with the reason."""
    from scripts.listen.process import run_listener
    from scripts.service.setup import prepare_process

    settings = load_settings()
    store, _now = prepare_process(settings, "")
    day = quiet_before.date() if quiet_before else None
    run_listener(settings, store, host, port, public=public, quiet_before=day)
