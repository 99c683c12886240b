"""`hotline up`: every process of the service on one machine, watched and ended together."""

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from models.clock import DemoClock, Now, monotonic, system_clock
from models.errors import HotlineError
from models.i18n import _
from models.settings import Settings
from scripts.bootstrap import bootstrap_store, print_json
from scripts.service.child_process import ForkedProcess, end
from workers.embedded import EmbeddedServer, ServerNotStarted

if TYPE_CHECKING:
    from models.database import Store
    from models.queries.level_counts import LevelCounts

Say = Callable[[str], None]

_STATUS_EVERY = 5.0
_LOOK_EVERY = 0.2
_END_WITHIN = 15.0
"""Longer than the crew gives its own."""


class SupervisorGone(HotlineError):
    """Nobody is there any more who starts workers."""


def run_service(
    settings: Settings, *, demo: bool, headless: bool, for_seconds: float, workers: int
) -> None:
    """Run the whole service until told to stop, or for so many seconds when headless.

    Raises HotlineError where a part cannot be started.
    """
    now: Now = system_clock
    if demo:
        settings = replace(
            settings, home=settings.home / "demo", database_url=None, broker_url=None
        )
        shutil.rmtree(settings.home, ignore_errors=True)
    server = None if settings.broker_url else EmbeddedServer(settings.home / "valkey")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    store = supervisor = None
    try:
        if server is not None:
            server.launch()
        # it starts while the libraries load that workers need, and `hotline --help` does not
        from scripts.service.supervisor import run_supervisor

        if server is not None:
            server.wait()
            settings = replace(settings, broker_url=server.url)
        if demo:
            now = _staged(settings)
        headless = headless or not sys.stdout.isatty()
        say = _teller(settings, quiet=not headless)
        # before the store is opened here: no process with an open database may fork
        clock = str(now) if isinstance(now, DemoClock) else ""
        watching = partial(run_supervisor, settings, clock, workers, say, os.getpid())
        supervisor = ForkedProcess("crew", watching)
        store = bootstrap_store(settings)
        watched = Watched(server, supervisor, say)
        if headless:
            _watch(watched, store, now, stop, for_seconds)
        else:
            _with_monitor(settings, watched, store, now, stop, demo=demo)
    finally:
        if supervisor is not None:
            end([supervisor], _END_WITHIN)
        if server is not None:
            server.stop()
        if store is not None:
            store.close()


def _staged(settings: Settings) -> DemoClock:
    """Put the demo's letters into its store; the clock that they are played by."""
    # imported here: letters and all are of no use to a real service
    from scripts.demo.scenario import load_demo

    store = bootstrap_store(settings)
    try:
        return load_demo(store)
    finally:
        store.close()


def _teller(settings: Settings, *, quiet: bool) -> Say:
    log = settings.home / "service.log"

    def say(text: str) -> None:
        line = f"{system_clock():%Y-%m-%d %H:%M:%S} {text}\n"
        # a full disk must not end those who would tell of it
        with suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.write(line)
        if not quiet:
            sys.stderr.write(line)

    return say


@dataclass(frozen=True)
class Watched:
    """What must run beside this process: the key-value server, if it is our own, and the crew."""

    server: EmbeddedServer | None
    supervisor: ForkedProcess
    say: Say

    def look(self) -> None:
        """Start the server anew if it has ended. Raises CrewGone: then there is no going on."""
        if self.server is not None and self.server.pid is None:
            self.say(_("the key-value server ended; starting anew"))
            try:
                self.server.start()
            except (ServerNotStarted, OSError) as wrong:
                # the store goes on taking letters; the next look tries again
                self.say(str(wrong))
        if (code := self.supervisor.poll()) is not None:
            text = _("the process that watches the workers ended ({code}); start the service anew")
            raise SupervisorGone(text.format(code=code))


def _watch(
    watched: Watched,
    store: "Store",
    now: Now,
    stop: threading.Event,
    for_seconds: float,
) -> None:
    from models.database import is_transient

    until = monotonic() + for_seconds if for_seconds else float("inf")
    told_at = monotonic()
    while not stop.is_set() and monotonic() < until:
        watched.look()
        if monotonic() - told_at >= _STATUS_EVERY:
            told_at = monotonic()
            try:
                sys.stdout.write(_status(_levels(store), now) + "\n")
            except Exception as wrong:
                if not is_transient(wrong):
                    raise
                watched.say(_("the store cannot be reached"))
            sys.stdout.flush()
        stop.wait(min(_LOOK_EVERY, max(0.0, until - monotonic())))
    print_json(_levels(store).as_dict())


def _with_monitor(
    settings: Settings,
    watched: Watched,
    store: "Store",
    now: Now,
    stop: threading.Event,
    *,
    demo: bool,
) -> None:
    from scripts.service.monitor import show_monitor

    gone: list[SupervisorGone] = []

    def keep_looking() -> None:
        while not stop.wait(_LOOK_EVERY):
            try:
                watched.look()
            except SupervisorGone as wrong:
                gone.append(wrong)
                stop.set()

    watcher = threading.Thread(target=keep_looking, daemon=True)
    watcher.start()
    try:
        show_monitor(settings, store, now, str(settings.broker_url), demo=demo, stop=stop)
    finally:
        stop.set()
        watcher.join()
    if gone:
        raise gone[0]


def _levels(store: "Store") -> "LevelCounts":
    from models.queries.level_counts import count_levels

    with store.reading() as session:
        return count_levels(session)


def _status(levels: "LevelCounts", now: Now) -> str:
    text = _(
        "{at}  tickets {tickets}  open {open}  pre-warning {prewarning}  yellow {yellow}  red {red}"
        "  manual {manual}  waiting {waiting}"
    )
    return text.format(at=f"{now():%Y-%m-%d %H:%M}", **levels.as_dict())
