"""Start the monitor, in this terminal or for browsers."""

import secrets
import shlex
import sys
from threading import Event

from models.clock import Now
from models.database import Store
from models.i18n import _
from models.rules.vocabulary import Permission
from models.settings import Settings
from monitor.app import MonitorApp
from scripts.bootstrap import current_actor
from workers.broker import Bells, connect


def show_monitor(
    settings: Settings,
    store: Store,
    now: Now,
    broker_url: str,
    *,
    demo: bool = False,
    wallboard: bool = False,
    stop: Event | None = None,
) -> None:
    """Run the monitor until the operator quits, or `stop` is set."""
    bells = Bells(connect(broker_url))
    actor = current_actor(store, settings)
    # the owner of a store without roles is whoever says so; a demo needs no name
    named = settings.operator or (actor.name if demo else "")
    operator = named if actor.is_owner else actor.name
    MonitorApp(
        store,
        now,
        actor=actor,
        operator=operator,
        ask_name=actor.may(Permission.ACT),
        broker_ok=bells.is_reachable,
        demo=demo,
        wallboard=wallboard,
        preferences=settings.home / "monitor.json",
        stop=stop,
    ).run()


def serve_monitor(host: str, port: int, token: str, arguments: list[str], public: str = "") -> None:
    """Serve the monitor to browsers; each tab gets a process of this program."""
    # imported here: a terminal needs no web server
    from monitor.serve import MonitorServer

    command = shlex.join([sys.executable, "-P", "-m", "scripts", "monitor", *arguments])

    def print_address(address: str) -> None:
        sys.stdout.write(address + "\n")
        sys.stdout.flush()

    secret = token or secrets.token_urlsafe(24)
    MonitorServer(command, host, port, _("12345 hotline"), secret, print_address, public).serve()
