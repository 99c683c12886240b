"""The monitor, with everything handed in that it needs."""

from models.clock import Now
from models.database import Store
from models.identity import actor
from models.rules.roles import ACT
from models.settings import Settings
from monitor.main import run
from workers.broker import Bells, connect


def show_monitor(
    settings: Settings, store: Store, now: Now, broker_url: str, *, demo: bool = False
) -> None:
    """Run the monitor until the operator leaves it."""
    bells = Bells(connect(broker_url))
    who = actor(settings)
    # a token says who it is; whoever only plays needs no name of his own
    operator = settings.operator or (who.name if settings.token or demo else "")
    run(
        store,
        now,
        who,
        operator=operator,
        ask_name=who.may(ACT),
        broker_ok=bells.reachable,
        demo=demo,
    )
