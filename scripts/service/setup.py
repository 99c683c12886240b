"""Set up a process of the service: its log, its store, its clock, and where its broker is."""

from models.clock import Now, parse_clock
from models.database import Store
from models.settings import Settings
from models.shared_clock import store_clock
from scripts.bootstrap import open_store
from scripts.service.logs import configure_logging
from workers.embedded import EmbeddedServer


def prepare_process(settings: Settings, clock: str) -> tuple[Store, Now]:
    """Configure the log and open the store; returns the store and the clock to use.

    That is the clock that `clock` describes, or the one that all processes on this store share.
    Raises HotlineError.
    """
    configure_logging(settings.log)
    store = open_store(settings)
    return store, parse_clock(clock) if clock else store_clock(store)


def broker_url(settings: Settings) -> str:
    """The broker's address: the setting, or the embedded server of a running `hotline up`."""
    return settings.broker_url or EmbeddedServer(settings.home / "valkey").url
