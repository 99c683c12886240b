"""Start the monitor in this terminal, or in what stands for one."""

from threading import Event

from models.clock import DemoClock, Now
from models.database import Store
from models.rules.vocabulary import Permission
from models.settings import Settings
from monitor.app import MonitorApp
from scripts.bootstrap import current_actor
from scripts.service.terminal import drawing_on_terminal
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
    with drawing_on_terminal():
        app.run()
    return app.ends_with_it
