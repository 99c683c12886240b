"""Set up a process of the service: its log, its store, its clock, and where its broker is."""

import logging
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from models.clock import Now, parse_clock
from models.database import Store, StoreNotReady
from models.i18n import _
from models.settings import Settings
from models.shared_clock import service_clock
from models.store_errors import StoreError, is_passing_outage, outage_reason
from scripts.bootstrap import open_store
from scripts.service.logs import configure_logging
from workers.embedded import EmbeddedServer
from workers.memory import share_one_heap

log = logging.getLogger("hotline.main")

_RETRY_INTERVAL = 2.0
"""Real seconds between two tries to reach a database that is not ready."""

_T = TypeVar("_T")


def prepare_process(settings: Settings, clock: str, role: str = "") -> tuple[Store, Now]:
    """Configure the log and open the store; returns the store and the clock to use.

    That is the clock that `clock` describes, or the one that the service on this store runs on.
    `role` names a process that is not the command that runs. Raises HotlineError.
    """
    configure_logging(settings.log)
    share_one_heap()
    application = f"hotline {role}" if role else ""
    store = outlast_shortage(lambda: open_store(settings, application))
    return store, parse_clock(clock) if clock else service_clock(store)


def outlast_shortage(begin: Callable[[], _T], stop: Event | None = None) -> _T:
    """Call `begin` until the database is ready for it, and return its result.

    A database without a free connection, or one that is just starting or changing over to another
    server, is waited for, since nobody has to mend it. Whatever else fails is raised, and this too
    once `stop` is set.
    """
    stop = stop or Event()
    while True:
        try:
            return begin()
        except (StoreNotReady, StoreError) as error:
            passing = isinstance(error, StoreNotReady) or is_passing_outage(error)
            if not passing or stop.is_set():
                raise
            log.warning(_("waiting: {why}").format(why=outage_reason(error)))
        stop.wait(_RETRY_INTERVAL)


def broker_url(settings: Settings) -> str:
    """The broker's address: the setting, or the embedded server of a running `hotline up`."""
    return settings.broker_url or EmbeddedServer(settings.home / "valkey").url
