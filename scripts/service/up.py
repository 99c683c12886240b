"""`hotline up`: run the whole service on one machine, with or without the monitor."""

import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from typer import Exit

from models.clock import DemoClock, Now, has_ended, monotonic
from models.errors import HotlineError
from models.i18n import _
from models.rules.calendar import SHANGHAI
from models.settings import Settings
from models.shared_clock import note_demo_clock, service_clock
from scripts.bootstrap import make_store, open_store, ready_home
from scripts.output import print_json
from scripts.service.child_process import ForkedProcess, stop_all
from workers.embedded import EmbeddedServer, ServerNotStarted

if TYPE_CHECKING:
    from models.database import Store
    from models.queries.level_counts import LevelCounts

Reporter = Callable[[str], None]

log = logging.getLogger("hotline.service")

_STATUS_INTERVAL = 5.0
_POLL_INTERVAL = 0.2
_SCHEMA_INTERVAL = 2.0
_STOP_TIMEOUT = 15.0
"""Longer than the supervisor gives its children."""


class SupervisorGone(HotlineError):
    """The supervisor has ended, so that nothing restarts workers any more."""


def run_service(
    settings: Settings, *, demo: bool, headless: bool, for_seconds: float, workers: int
) -> None:
    """Run the whole service until a stop signal, or for some seconds when headless.

    Raises HotlineError where a part cannot be started.
    """
    if demo:
        settings = replace(
            settings,
            home=settings.home / "demo",
            database_url=None,
            broker_url=None,
            anchors=None,
        )
        shutil.rmtree(settings.home, ignore_errors=True)
    ready_home(settings)
    server = None if settings.broker_url else EmbeddedServer(settings.home / "valkey")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    store = supervisor = None
    try:
        if server is not None:
            server.launch()
        # the server starts while the workers' libraries load, which `hotline --help` must not load
        from scripts.service.logs import configure_logging
        from scripts.service.setup import outlast_shortage
        from scripts.service.supervisor import run_supervisor
        from workers.broker import require_broker
        from workers.memory import share_one_heap

        if server is not None:
            server.wait()
            settings = replace(settings, broker_url=server.url)
        require_broker(str(settings.broker_url))
        # closed before the supervisor is forked: no process with an open database may fork
        make = partial(make_store, settings, apart=call_apart)
        with closing(outlast_shortage(make, stop)) as made:
            clock = str(_fill_demo_store(made)) if demo else ""
        headless = headless or not sys.stdout.isatty()
        share_one_heap()
        configure_logging(settings.log, settings.home / "service.log", quiet=not headless)
        report = log.warning
        run = partial(run_supervisor, settings, clock, workers, report, os.getpid())
        supervisor = ForkedProcess("supervisor", run)
        store = outlast_shortage(partial(open_store, settings), stop)
        now = service_clock(store)
        _report_policy_file(store, settings, report)
        if note := store.cipher.keyring.note():
            report(note)
        watch = ServiceWatch(server, supervisor, store, report)
        if headless:
            _run_headless(watch, store, now, stop, for_seconds, as_json=settings.log == "json")
        else:
            _run_with_monitor(settings, watch, store, now, stop)
    finally:
        if supervisor is not None:
            stop_all([supervisor], _STOP_TIMEOUT)
        if server is not None:
            server.stop()
        if store is not None:
            store.close()


_NOT_READY = 75
"""The exit code of an upgrade that is to be tried again (EX_TEMPFAIL)."""


def call_apart(upgrade: Callable[[], None]) -> None:
    """Call `upgrade` in a process of its own, which says what is wrong; raises Exit then.

    Raises StoreNotReady where it is to be tried again: the process itself waits for nothing, since
    nobody could tell it to stop.
    """
    # imported here: `hotline --help` must not load them
    from models.database import StoreNotReady
    from models.store_errors import StoreError, is_passing_outage, outage_reason

    reads, writes = os.pipe()

    def run() -> int:
        # Ctrl-C reaches the whole process group, and does not end an upgrade
        os.setsid()
        try:
            upgrade()
        except (StoreNotReady, StoreError) as error:
            if not (isinstance(error, StoreNotReady) or is_passing_outage(error)):
                raise
            reason = error.reason if isinstance(error, StoreNotReady) else outage_reason(error)
            os.write(writes, reason.encode())
            return _NOT_READY
        return 0

    with os.fdopen(reads, "rb") as answer:
        process = ForkedProcess("upgrade", run)
        os.close(writes)
        process.wait_until(float("inf"))
        if process.code == _NOT_READY:
            raise StoreNotReady(answer.read().decode())
    if process.code:
        raise Exit(1)


def _report_policy_file(store: "Store", settings: Settings, report: Reporter) -> None:
    """Say so where the policy file of the settings is not what the store holds."""
    from scripts.service.policy_file import policy_file_note

    with store.reading() as session:
        note = policy_file_note(session, settings)
    if note is not None:
        report(f"{note.text}; {note.advice}")


def _fill_demo_store(store: "Store") -> DemoClock:
    """Put the demo's messages into its store; returns the clock that they are played by."""
    # imported here: a real service has no use for the demo's letters
    from scripts.demo.scenario import load_demo

    clock = load_demo(store)
    note_demo_clock(store, clock)
    return clock


@dataclass
class ServiceWatch:
    """Watches the other parts: the embedded server, if any, the supervisor, and the store."""

    server: EmbeddedServer | None
    supervisor: ForkedProcess
    store: "Store"
    report: Reporter
    _schema_seen_at: float = 0.0

    def poll(self) -> None:
        """Restart the server if it has ended.

        Raises SupervisorGone, StoreNewer and StoreClosed, which cannot be mended.
        """
        from models.operations.store_closing import look_whether_closed

        if monotonic() - self._schema_seen_at >= _SCHEMA_INTERVAL:
            self._schema_seen_at = monotonic()
            self.store.look_at_schema()
            look_whether_closed(self.store)
        if self.server is not None and self.server.pid is None:
            self.report(_("the key-value server ended; restarting it"))
            try:
                self.server.start()
            except (ServerNotStarted, OSError) as error:
                # the store goes on taking letters; the next poll tries again
                self.report(str(error))
        if (code := self.supervisor.poll()) is not None:
            text = _("the process that watches the workers ended ({code}); restart the service")
            raise SupervisorGone(text.format(code=code))


def _run_headless(
    watch: ServiceWatch,
    store: "Store",
    now: Now,
    stop: threading.Event,
    for_seconds: float,
    *,
    as_json: bool,
) -> None:
    """Print or log a status line every few seconds, and print the counts as JSON at the end."""
    from models.store_errors import is_transient

    deadline = monotonic() + for_seconds if for_seconds else float("inf")
    printed_at = monotonic()
    while not stop.is_set() and monotonic() < deadline:
        watch.poll()
        if monotonic() - printed_at >= _STATUS_INTERVAL:
            printed_at = monotonic()
            try:
                _report_status(_level_counts(store), now, as_json=as_json)
            except Exception as error:
                if not is_transient(error):
                    raise
                watch.report(_("the store cannot be reached"))
        stop.wait(min(_POLL_INTERVAL, max(0.0, deadline - monotonic())))
    print_json(_level_counts(store).as_dict())


def _run_with_monitor(
    settings: Settings,
    watch: ServiceWatch,
    store: "Store",
    now: Now,
    stop: threading.Event,
) -> None:
    """Show the monitor, and watch the other parts from a thread meanwhile.

    The service goes on without it where the operator has only closed the screen.
    """
    from scripts.service.monitor import show_monitor

    errors: list[HotlineError] = []
    closed = threading.Event()

    def keep_polling() -> None:
        while not closed.wait(_POLL_INTERVAL):
            try:
                watch.poll()
            except HotlineError as error:
                errors.append(error)
                stop.set()
                return

    thread = threading.Thread(target=keep_polling, daemon=True)
    thread.start()
    try:
        if show_monitor(settings, store, now, str(settings.broker_url), stop=stop):
            stop.set()
    finally:
        closed.set()
        thread.join()
    if errors:
        raise errors[0]
    if not stop.is_set():
        sys.stdout.write(_("The screen is closed, the service goes on; Ctrl+C ends it.") + "\n")
        _run_headless(watch, store, now, stop, 0.0, as_json=settings.log == "json")


def _level_counts(store: "Store") -> "LevelCounts":
    from models.queries.level_counts import count_levels

    with store.reading() as session:
        return count_levels(session)


def _report_status(counts: "LevelCounts", now: Now, *, as_json: bool) -> None:
    """Print a line for people, or log one: each line of output is an object then."""
    at = f"{now().astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    if as_json:
        log.info("status", extra={"at": at, **counts.as_dict()})
        return
    text = _(
        "{at}  tickets {tickets}  open {open}  pre-warning {prewarning}  yellow {yellow}  red {red}"
        "  manual {manual}  waiting {waiting}"
    )
    line = text.format(at=at, **counts.as_dict())
    over = f"  {_('demo over, Ctrl+C ends it')}" if has_ended(now) else ""
    sys.stdout.write(f"{line}{over}\n")
    sys.stdout.flush()
