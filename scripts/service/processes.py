"""Run a worker or a timekeeper from its start to its end.

Everything that they need is imported at the top: a supervisor that has imported this module can
fork processes that load nothing any more.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import models.migrations  # noqa: F401 - bootstrap imports it late
from models.clock import Now
from models.database import Store
from models.operations.calendar import settle_provisional
from models.queries.health import DEFAULT_PATIENCE
from models.rules.queues import QUEUES
from models.settings import Settings
from scripts.file_retention import prune_files
from scripts.service.event_channels import configured_channels
from scripts.service.policy_file import policy_file_note
from scripts.service.setup import broker_url, outlast_shortage, prepare_process
from workers.events.event_sender import EventSender
from workers.main import run_timekeeper, run_worker
from workers.notices.dispatcher import NoticeDispatcher

log = logging.getLogger("hotline.policy")


def run_worker_process(
    settings: Settings,
    *,
    queues: Sequence[str] = QUEUES,
    threads: int = 1,
    clock: str = "",
    parent: int | None = None,
    compares_letters: bool = True,
) -> int:
    """Handle bells until a stop signal or the end of the process `parent`; returns the exit code.

    `clock` describes the clock of a demo or a benchmark, `compares_letters` is as for `run_worker`.
    Raises HotlineError.
    """
    store, now = prepare_process(settings, clock, "worker")
    outlast_shortage(lambda: _warn_of_policy_file(store, settings, parent))
    channels = configured_channels(settings)
    dispatcher = NoticeDispatcher(store, now, settings.home, channels, settings.lang)
    senders = [EventSender(name, each, store, now) for name, each in channels.events.items()]
    broker = broker_url(settings)
    return run_worker(
        store,
        broker,
        now,
        dispatcher,
        queues=queues,
        threads=threads,
        parent=parent,
        senders=senders,
        compares_letters=compares_letters,
        # what a demo or a benchmark made will be thrown away
        anchors=None if clock else settings.anchors,
    )


def run_timekeeper_process(
    settings: Settings,
    *,
    patience: timedelta = DEFAULT_PATIENCE,
    clock: str = "",
    parent: int | None = None,
) -> int:
    """Ring due bells until a stop signal or the end of the process `parent`; returns the exit code.

    What still waits is rung again after `patience` (real time). Raises HotlineError.
    """
    store, now = prepare_process(settings, clock, "timekeeper")
    outlast_shortage(lambda: _warn_of_policy_file(store, settings, parent))
    outlast_shortage(lambda: _settle_calendar(store, now))
    return run_timekeeper(
        store,
        broker_url(settings),
        now,
        patience=patience,
        parent=parent,
        prune_files=partial(prune_files, settings.home),
    )


def _settle_calendar(store: Store, now: Now) -> None:
    with store.writing() as session:
        settle_provisional(session, now())


def _warn_of_policy_file(store: Store, settings: Settings, parent: int | None) -> None:
    """Say that the file of HOTLINE_POLICY decides nothing where it differs from the store.

    `hotline up` says it for the processes that it starts.
    """
    if parent is None:
        with store.reading() as session:
            note = policy_file_note(session, settings)
        if note is not None:
            log.warning("HOTLINE_POLICY: %s; %s", note.text, note.advice)
