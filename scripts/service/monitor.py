"""The monitor, with everything handed in that it needs."""

import secrets
import shlex
import sys
from threading import Event

from models.clock import Now
from models.database import Store
from models.i18n import _
from models.security.identity import current_actor
from models.security.roles import ACT
from models.settings import Settings
from monitor.main import run
from workers.broker import Bells, connect


def show_monitor(
    settings: Settings,
    store: Store,
    now: Now,
    broker_url: str,
    *,
    demo: bool = False,
    board: bool = False,
    stop: Event | None = None,
) -> None:
    """Run the monitor until the operator leaves it, or `stop` is set."""
    bells = Bells(connect(broker_url))
    who = current_actor(settings)
    # a token says who it is; whoever only plays needs no name of his own
    operator = settings.operator or (who.name if settings.token or demo else "")
    run(
        store,
        now,
        who,
        operator=operator,
        ask_name=who.may(ACT),
        broker_ok=bells.is_reachable,
        demo=demo,
        board=board,
        memory=settings.home / "monitor.json",
        stop=stop,
    )


def serve_monitor(host: str, port: int, token: str, arguments: list[str], public: str = "") -> None:
    """Serve the monitor to browsers, a process of this same program for each tab."""
    # imported here: a terminal needs no web server
    from monitor.serve import MonitorServer

    command = shlex.join([sys.executable, "-P", "-m", "scripts", "monitor", *arguments])

    def told(address: str) -> None:
        sys.stdout.write(address + "\n")
        sys.stdout.flush()

    opens = token or secrets.token_urlsafe(24)
    MonitorServer(command, host, port, _("12345 hotline"), opens, told, public).serve()
