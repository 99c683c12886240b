"""The monitor as the command runs it."""

from collections.abc import Callable
from pathlib import Path
from threading import Event

from models.clock import Now
from models.database import Store
from models.security.roles import Actor
from monitor.app import MonitorApp


def run(
    store: Store,
    now: Now,
    actor: Actor,
    *,
    operator: str = "",
    ask_name: bool = False,
    board: bool = False,
    memory: Path | None = None,
    demo: bool = False,
    broker_ok: Callable[[], bool] | None = None,
    bell: bool = True,
    every: float | None = 1.0,
    stop: Event | None = None,
) -> None:
    """Show the store on this terminal until the operator quits, or `stop` is set."""
    MonitorApp(
        store,
        now,
        actor=actor,
        operator=operator,
        ask_name=ask_name,
        board=board,
        memory=memory,
        demo=demo,
        broker_ok=broker_ok,
        bell=bell,
        every=every,
        stop=stop,
    ).run()
