"""A host's processes for several districts, forked from one that has loaded their libraries."""

import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event
from time import sleep

from sqlalchemy import func, select

from models.clock import parse_clock
from models.database import Store
from models.settings import load_settings
from models.tables.core import PROCESS
from scripts.bootstrap import open_store
from scripts.service.logs import configure_logging
from scripts.service.processes import run_timekeeper_process, run_worker_process
from scripts.service.supervisor import Child, Supervisor
from tests.chaos import feed_process
from tests.chaos.known_feed import read

FED = "fed"
"""The file beside the feed that is there once all of it was fed."""

PROCESSES = 4
"""A worker and a timekeeper of each district on each of two hosts."""

_POLL_INTERVAL = 0.1
_PATIENCE = timedelta(seconds=1.5)


def run_host(districts: Sequence[Mapping[str, str]], log: Path) -> None:
    """Keep a worker and a timekeeper of each district running until told to stop.

    A district is its settings, its `clock`, and the file of its feed if this host feeds it.
    """
    stop = Event()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop_signal, lambda *_: stop.set())
    configure_logging("text")
    supervisor = Supervisor(log, logging.getLogger("hotline.service").warning)
    for number, district in enumerate(districts, 1):
        clock, feed = district["clock"], district.get("feed")
        settings = load_settings({k: v for k, v in district.items() if k.startswith("HOTLINE_")})
        parts: dict[str, Callable[..., int]] = {
            "worker": partial(run_worker_process, settings),
            "timekeeper": partial(run_timekeeper_process, settings, patience=_PATIENCE),
        }
        for role, run in parts.items():
            running = partial(run, clock=clock, parent=os.getpid())
            supervisor.children.append(Child(f"{role} of district {number}", running))
        if feed:
            feeder = partial(_feed, district, Path(feed), clock)
            supervisor.children.append(Child(f"feeder of district {number}", feeder))
    while not stop.is_set():
        supervisor.poll()
        stop.wait(_POLL_INTERVAL)
    supervisor.stop()


def at_work(store: Store) -> int:
    """Return how many processes of a district have reported."""
    with store.reading() as session:
        return session.scalar(select(func.count(PROCESS.c.name))) or 0


def _feed(district: Mapping[str, str], feed: Path, clock: str) -> int:
    """Feed all once both hosts are at work, note it, and wait for the end.

    Whoever ends is started again.
    """
    settings = load_settings({k: v for k, v in district.items() if k.startswith("HOTLINE_")})
    store = open_store(settings)
    while at_work(store) < PROCESSES:
        sleep(_POLL_INTERVAL)
    feed_process.run(store, read(feed), parse_clock(clock))
    feed.with_name(FED).touch()
    signal.pause()
    return 0


if __name__ == "__main__":
    run_host(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
