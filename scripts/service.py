"""`hotline up`: every process of the service on one machine, watched and ended together."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.clock import DemoClock, Now, monotonic, system_clock
from models.labels import _
from models.settings import Settings, environment_for_child
from scripts.edge import open_store, prepare, print_json
from workers.embedded import EmbeddedServer, ServerNotStarted

if TYPE_CHECKING:
    from models.database import Store
    from models.queries.levels import Levels

_STATUS_EVERY = 5.0
_LOOK_EVERY = 0.2
_END_WITHIN = 12.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
_WELL = 60.0


@dataclass
class Child:
    """A process of the service: what starts it, and what it is doing now."""

    name: str
    arguments: list[str]
    process: subprocess.Popen[bytes] | None = None
    again_at: float = 0.0
    pause: float = _FIRST_PAUSE
    began: float = 0.0


@dataclass
class Supervisor:
    """Starts processes, starts anew those that die and says so, and ends them all."""

    environment: dict[str, str]
    log: Path
    say: Callable[[str], None]
    children: list[Child] = field(default_factory=list)

    def add(self, name: str, *arguments: str) -> None:
        """Have a process of `hotline` run with these arguments."""
        self.children.append(Child(name, list(arguments)))

    def look(self) -> None:
        """Start what is not running; one that dies again and again is started ever more slowly."""
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                code, child.process = child.process.returncode, None
                self.say(
                    _("{name} ended ({code}); starting anew").format(name=child.name, code=code)
                )
                lived = monotonic() - child.began
                child.pause = _FIRST_PAUSE if lived > _WELL else child.pause
                child.again_at = monotonic() + child.pause
                child.pause = min(child.pause * 2, _LONGEST_PAUSE)
            if child.process is None and monotonic() >= child.again_at:
                child.began = monotonic()
                child.process = self._start(child)

    def end(self) -> None:
        """Tell every process to stop, wait, and end by force what does not."""
        running = [c.process for c in self.children if c.process and c.process.poll() is None]
        for process in running:
            process.terminate()
        until = monotonic() + _END_WITHIN
        for process in running:
            try:
                process.wait(max(0.1, until - monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, child: Child) -> subprocess.Popen[bytes]:
        # -P: a folder named `models` where the command was typed must not win over ours
        command = [sys.executable, "-P", "-m", "scripts", *child.arguments]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*command, "--parent", str(os.getpid())],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for this process, which then ends the others in order
                start_new_session=True,
            )


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
            settings = replace(settings, broker_url=server.start())
        if demo:
            store, now = _staged(settings)
        headless = headless or not sys.stdout.isatty()
        supervisor = _supervise(settings, now, workers, quiet=not headless)
        # they load their libraries, and make a new store ready, while this process does the same
        supervisor.look()
        store = store or _opened(settings)
        if headless:
            _watch(supervisor, server, store, now, stop, for_seconds)
        else:
            _with_monitor(settings, supervisor, server, store, now, stop, demo=demo)
    finally:
        if supervisor is not None:
            supervisor.end()
        if server is not None:
            server.stop()
        if store is not None:
            store.close()


def _opened(settings: Settings) -> "Store":
    store = open_store(settings)
    prepare(store, settings)
    return store


def _staged(settings: Settings) -> "tuple[Store, Now]":
    """A store with the demo's letters in it, and the clock that they are played by."""
    # imported here: letters and all are of no use to a real service
    from scripts.demo.play import stage_demo

    store = _opened(settings)
    return store, stage_demo(store)


def _supervise(settings: Settings, now: Now, workers: int, *, quiet: bool) -> Supervisor:
    log = settings.home / "service.log"

    def say(text: str) -> None:
        line = f"{system_clock():%Y-%m-%d %H:%M:%S} {text}\n"
        # a full disk must not end those who would tell of it
        with suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.write(line)
        if not quiet:
            sys.stderr.write(line)

    supervisor = Supervisor(environment_for_child(settings), log, say)
    clock = ["--clock", str(now)] if isinstance(now, DemoClock) else []
    supervisor.add("timekeeper", "timekeeper", *clock)
    for number in range(1, workers + 1):
        supervisor.add(f"worker {number}", "worker", *clock)
    return supervisor


def _look(supervisor: Supervisor, server: EmbeddedServer | None) -> None:
    if server is not None and server.pid is None:
        supervisor.say(_("the key-value server ended; starting anew"))
        try:
            server.start()
        except (ServerNotStarted, OSError) as wrong:
            # the store goes on taking letters; the next look tries again
            supervisor.say(str(wrong))
    try:
        supervisor.look()
    except OSError as wrong:
        supervisor.say(str(wrong))


def _watch(
    supervisor: Supervisor,
    server: EmbeddedServer | None,
    store: "Store",
    now: Now,
    stop: threading.Event,
    for_seconds: float,
) -> None:
    from models.database import is_busy

    until = monotonic() + for_seconds if for_seconds else float("inf")
    told_at = monotonic()
    while not stop.is_set() and monotonic() < until:
        _look(supervisor, server)
        if monotonic() - told_at >= _STATUS_EVERY:
            told_at = monotonic()
            try:
                sys.stdout.write(_status(_levels(store), now) + "\n")
            except Exception as wrong:
                if not is_busy(wrong):
                    raise
                supervisor.say(_("the store cannot be reached"))
            sys.stdout.flush()
        stop.wait(min(_LOOK_EVERY, max(0.0, until - monotonic())))
    print_json(_levels(store).as_dict())


def _with_monitor(
    settings: Settings,
    supervisor: Supervisor,
    server: EmbeddedServer | None,
    store: "Store",
    now: Now,
    stop: threading.Event,
    *,
    demo: bool,
) -> None:
    from scripts.screen import show_monitor

    def keep_looking() -> None:
        while not stop.wait(_LOOK_EVERY):
            _look(supervisor, server)

    watcher = threading.Thread(target=keep_looking, daemon=True)
    watcher.start()
    try:
        show_monitor(settings, store, now, str(settings.broker_url), demo=demo)
    finally:
        stop.set()
        watcher.join()


def _levels(store: "Store") -> "Levels":
    from models.queries.levels import count_levels

    with store.reading() as session:
        return count_levels(session)


def _status(levels: "Levels", now: Now) -> str:
    text = _(
        "{at}  tickets {tickets}  open {open}  pre-warning {prewarning}  yellow {yellow}  red {red}"
        "  manual {manual}  waiting {waiting}"
    )
    return text.format(at=f"{now():%Y-%m-%d %H:%M}", **levels.as_dict())
