"""The monitor, with everything handed in that it needs."""

from models.clock import Now
from models.database import Store
from models.settings import Settings
from monitor.main import run
from workers.broker import Bells, connect


def show_monitor(
    settings: Settings, store: Store, now: Now, broker_url: str, *, demo: bool = False
) -> None:
    """Run the monitor until the operator leaves it."""
    bells = Bells(connect(broker_url))
    run(store, now, broker_ok=bells.reachable, demo=demo)
