"""Start the monitor, in this terminal or for browsers."""

import sys
from dataclasses import replace
from threading import Event

from models.child_environment import environment_for_child
from models.clock import DemoClock, Now
from models.database import Store
from models.i18n import N_
from models.rules.vocabulary import Permission, UserRole
from models.settings import Settings
from models.shared_clock import store_clock
from monitor.app import MonitorApp
from scripts.bootstrap import current_actor
from scripts.serving import note_missing_tokens, run_server
from workers.broker import Bells, connect


def show_monitor(
    settings: Settings,
    store: Store,
    now: Now,
    broker_url: str,
    *,
    wallboard: bool = False,
    stop: Event | None = None,
) -> bool:
    """Run the monitor until the operator quits, or `stop` is set.

    Returns whether the service is to end too, which is asked where `stop` is given.
    """
    bells = Bells(connect(broker_url, store.cipher.store_id))
    actor = current_actor(store, settings)
    demo = isinstance(now, DemoClock)
    # the owner of a store without roles is whoever says so; a demo needs no name
    named = settings.operator or (actor.name if demo else "")
    operator = named if actor.is_owner else actor.name
    app = MonitorApp(
        store,
        now,
        actor=actor,
        operator=operator,
        ask_name=actor.may(Permission.ACT),
        broker_ok=bells.is_reachable,
        demo=demo,
        wallboard=wallboard,
        preferences=settings.home / "monitor.json",
        exports=settings.home / "exports",
        stop=stop,
    )
    app.run()
    return app.ends_with_it


def serve_monitor(
    settings: Settings,
    store: Store,
    host: str,
    port: int,
    *,
    clock: str = "",
    wallboard: bool = False,
    public: str = "",
) -> None:
    """Serve the monitor to browsers; each tab gets a process of this program.

    Raises HotlineError where it cannot listen.
    """
    # imported here: a terminal needs no web server
    from monitor.serve import MonitorServer

    command = [sys.executable, "-P", "-m", "scripts", "monitor"]
    command += ["--board"] * wallboard + (["--clock", clock] if clock else [])
    server = MonitorServer(
        store,
        store_clock(store),
        command,
        # whoever logs in acts there, not whoever serves
        environment_for_child(replace(settings, token=None, operator=None)),
        title=N_("12345 hotline"),
        language=settings.lang,
        public=public,
        board=wallboard,
    )
    note_missing_tokens(store, UserRole.OPERATOR)
    run_server(server.run, host, port, public)
