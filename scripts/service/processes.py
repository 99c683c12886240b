"""A worker and a timekeeper: what each of these processes does from its start to its end.

All that they need is imported here, so that whoever has loaded this module has loaded it for them.
"""

from collections.abc import Sequence
from datetime import timedelta

import models.migrations  # noqa: F401 - these three are what the edge imports late
import scripts.service.logs  # noqa: F401
import workers.notices.dispatcher  # noqa: F401
from models.operations.calendar import settle_provisional
from models.rules.queues import QUEUES
from models.settings import Settings
from scripts.bootstrap import broker_url, notice_dispatcher, prepare_process
from workers.main import run_timekeeper, run_worker
from workers.timekeeper import PATIENCE


def run_worker_process(
    settings: Settings,
    *,
    queues: Sequence[str] = QUEUES,
    threads: int = 2,
    clock: str = "",
    parent: int | None = None,
) -> int:
    """Answer bells until told to stop, or until the process `parent` is gone; the exit code.

    `clock` describes the time of a demo or a bench. Raises HotlineError.
    """
    store, now = prepare_process(settings, clock)
    dispatcher = notice_dispatcher(store, settings, now)
    broker = broker_url(settings)
    return run_worker(store, broker, now, dispatcher, queues=queues, threads=threads, parent=parent)


def run_timekeeper_process(
    settings: Settings,
    *,
    patience: timedelta = PATIENCE,
    clock: str = "",
    parent: int | None = None,
) -> int:
    """Ring for what is due until told to stop, or until the process `parent` is gone.

    What is still waiting is rung for again after `patience` (real time). Raises HotlineError.
    """
    store, now = prepare_process(settings, clock)
    with store.writing() as session:
        settle_provisional(session, now())
    return run_timekeeper(store, broker_url(settings), now, patience=patience, parent=parent)
