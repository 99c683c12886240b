"""P14: the monitor as its operator feels it, in a terminal of its own beside a running service."""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import psutil

from models.child_environment import environment_for_child
from models.clock import DemoClock, monotonic, system_clock
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row, percentile
from scripts.bench.monitor import filled_store
from scripts.bench.storm import MOMENT
from scripts.bench.terminal import Terminal
from scripts.bench.terminal_size import SIZE
from scripts.bench.testbed import Testbed

_OPEN, _CLOSED = 50_000, 20_000
_KEYS, _HELD = 40, 60
_IDLE = 10.0
"""Real seconds for which nothing is pressed."""

_SETTLED = 2.0
"""Real seconds after which a screen that was opened has everything, on a busy machine, too."""

_REPEAT = 1 / 30
"""Real seconds between two repeats of a key that is held."""

_QUIET = 0.3
"""Real seconds without a change after which the screen counts as complete."""

_DOWN, _PAGE_DOWN, _ENTER, _ESC, _BACKSPACE = "\x1b[B", "\x1b[6~", "\r", "\x1b", "\x7f"
_FILTERS = ("单位:城管", "路灯", "级别:黄", "剩:<3日")
_SCREENS = "12"
"""The keys of the screens on which nothing is pressed: the overview, and then the list."""

_AT_CURSOR, _NOT_THERE = re.compile(r"[^\w>]{0,2}> "), re.compile(r"[^\w.]{1,4}\.\.\s")


@dataclass
class Felt:
    """The figures of one run: milliseconds of each key, and what an idle monitor takes.

    `processor` are milliseconds of the monitor's processor time by key; `others` is the share of
    the machine's that others took meanwhile.
    """

    waits: dict[str, list[float]] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)
    complete: float = 0.0
    idle: float = 0.0
    bytes_a_second: float = 0.0
    others: float = 0.0


def measure_feel(bench: BenchContext) -> Row:
    """P14: how long an operator waits for the screen, and what the monitor takes meanwhile."""
    testbed, what = filled_store(bench, _OPEN, _CLOSED)
    keys, held = bench.scaled(_KEYS, 4), bench.scaled(_HELD, 6)
    idle = max(2.0, _IDLE * min(1.0, bench.scale))
    clock = DemoClock(system_clock(), MOMENT - timedelta(hours=1), 1.0)
    runs = []
    testbed.start(clock=str(clock))
    try:
        for run in range(bench.runs):
            bench.progress(f"P14: run {run + 1}")
            runs.append(_felt(testbed, clock, keys, held, idle))
    finally:
        testbed.stop()
    figures = [
        figure
        for name, most in (
            ("Down", 50),
            ("PageDown", 80),
            ("Enter to detail", 150),
            ("filter", 200),
        )
        for figure in _key_figures(name, runs, most)
    ]
    figures[0].note = what
    complete = [run.complete for run in runs]
    figures += [
        Figure("frames with all rows while PageDown is held", "%", complete,
               "100 %", [100.0], Goal(least=1)),
        Figure("processor while nothing changes", "% of a core", [run.idle for run in runs],
               "3 %", [3.0], Goal(most=1)),
        Figure("written while nothing changes", "B/s", [run.bytes_a_second for run in runs],
               "2,000 B/s", [2_000.0], Goal(most=1)),
        Figure("processors that others took, the service too", "%", [run.others for run in runs],
               note="what is much slower than its processor time waited for a busy machine"),
    ]  # fmt: skip
    return Row("P14", figures)


def _key_figures(name: str, runs: Sequence[Felt], most: float) -> list[Figure]:
    waits = [percentile(run.waits[name], 95) for run in runs]
    taken = [run.processor[name] for run in runs]
    return [
        Figure(f"{name}, 95th percentile", "ms", waits, f"{most} ms", [most], Goal(most=1)),
        Figure(f"{name}, median", "ms", [percentile(run.waits[name], 50) for run in runs]),
        Figure(f"{name}, processor of the monitor", "ms", taken),
    ]


def _felt(testbed: Testbed, clock: DemoClock, keys: int, held: int, idle: float) -> Felt:
    (testbed.settings.home / "monitor.json").write_text('{"introduced": true}')
    command = [sys.executable, "-P", "-m", "scripts", "monitor", "--clock", str(clock)]
    settings = replace(testbed.settings, operator="bench")
    with Terminal(command, environment_for_child(settings), SIZE) as terminal:
        return _Desk(terminal).measure(keys, held, idle)


class _Desk:
    """Presses keys at a terminal as an operator does, and looks at what they lead to."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._process = psutil.Process(terminal.process.pid)
        self._shown: Sequence[str] = ()
        self._changed_at = 0.0
        terminal.screen.on_frame = self._note_frame

    def _note_frame(self, lines: Sequence[str]) -> None:
        # the first line tells the time
        if lines[1:] != self._shown:
            self._shown, self._changed_at = lines[1:], monotonic()

    def measure(self, keys: int, held: int, idle: float) -> Felt:
        """Measure each key so many times, one held for so many repeats, and seconds at rest."""
        felt, terminal = Felt(), self._terminal
        began, used = monotonic(), self._seconds_used()
        psutil.cpu_percent()
        terminal.until(lambda: terminal.screen.frames > 3 and "12345" in terminal.text)
        self._press("2")
        terminal.until(lambda: bool(self._at_cursor()))
        self._rest()
        self._repeat(felt, "Down", keys, lambda: self._step(_DOWN))
        self._repeat(felt, "PageDown", keys, lambda: self._step(_PAGE_DOWN))
        felt.complete = self._hold(held)
        self._repeat(felt, "Enter to detail", keys // 2, self._open)
        texts = iter(_FILTERS * keys)
        self._repeat(felt, "filter", keys // 2, lambda: self._filter(next(texts)))
        self._press(_BACKSPACE)
        for screen in _SCREENS:
            self._press(screen)
            self._rest()
            self._measure_idle(felt, idle)
        cores = (monotonic() - began) * (psutil.cpu_count() or 1)
        felt.others = psutil.cpu_percent() - 100 * (self._seconds_used() - used) / cores
        return felt

    def _repeat(self, felt: Felt, name: str, times: int, act: Callable[[], float]) -> None:
        began = self._seconds_used()
        felt.waits[name] = [1_000 * act() for _time in range(times)]
        felt.processor[name] = 1_000 * (self._seconds_used() - began) / times

    def _seconds_used(self) -> float:
        used = self._process.cpu_times()
        return float(used.user + used.system)

    def _at_cursor(self) -> str:
        return next(filter(_AT_CURSOR.match, self._terminal.screen.lines), "")

    def _lacks_rows(self) -> bool:
        return any(map(_NOT_THERE.match, self._terminal.screen.lines))

    def _press(self, keys: str) -> float:
        """Press keys, and return the seconds until the screen is complete."""
        began = monotonic()
        self._terminal.press(keys)
        self._terminal.until(lambda: self._changed_at > began)
        self._rest()
        return self._changed_at - began

    def _rest(self) -> None:
        """Wait until the screen no longer changes."""
        self._terminal.until(lambda: monotonic() - self._changed_at > _QUIET)

    def _step(self, key: str) -> float:
        """Return the seconds until the cursor is on another ticket and all rows are there."""
        before = self._at_cursor()
        self._terminal.press(key)
        seconds = self._terminal.until(
            lambda: self._at_cursor() not in ("", before) and not self._lacks_rows()
        )
        self._terminal.watch(4 * _REPEAT)
        return seconds

    def _hold(self, repeats: int) -> float:
        """Hold PageDown for so many repeats; return the percentage of frames with all rows."""
        frames: list[bool] = []
        screen = self._terminal.screen
        screen.on_frame = lambda _lines: frames.append(not self._lacks_rows())
        for _repeat in range(repeats):
            self._terminal.press(_PAGE_DOWN)
            self._terminal.watch(_REPEAT)
        screen.on_frame = self._note_frame
        self._terminal.watch(_QUIET)
        self._rest()
        return 100 * sum(frames) / len(frames)

    def _open(self) -> float:
        seconds = self._press(_ENTER)
        self._press(_ESC)
        return seconds

    def _filter(self, text: str) -> float:
        self._press("/")
        for key in ("\x15", text):
            # the line's own keys are no part of what is measured
            self._terminal.press(key)
            self._terminal.watch(_REPEAT)
        return self._press(_ENTER)

    def _measure_idle(self, felt: Felt, seconds: float) -> None:
        """Let the monitor alone; the screen that takes more counts."""
        self._terminal.watch(_SETTLED)
        began, written = self._seconds_used(), self._terminal.written
        self._terminal.watch(seconds)
        used = 100 * (self._seconds_used() - began) / seconds
        felt.idle = max(felt.idle, used)
        rate = (self._terminal.written - written) / seconds
        felt.bytes_a_second = max(felt.bytes_a_second, rate)
