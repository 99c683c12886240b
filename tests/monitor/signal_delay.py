"""Measure the time from a commit to the screen: `python -m tests.monitor.signal_delay [RUNS]`."""

import asyncio
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from textual.widgets import Static

from models.database import Store
from models.i18n import activate
from models.operations.advance import advance
from models.rulebook import load_rulebook
from monitor.app import MonitorApp
from tests.monitor.driving import wait_for_refresh
from tests.monitor.scene import NOW, make_store, play, received


def delays(store: Store, runs: int, every: float = 1.0) -> list[float]:
    """Measure the seconds from each commit of a yellow card to the screen that shows it."""
    return asyncio.run(_delays(store, runs, every))


async def _delays(store: Store, runs: int, every: float) -> list[float]:
    # each ticket reaches its yellow card an hour after the one before
    moments = [NOW + timedelta(days=9, hours=n) for n in range(runs)]
    clock = [NOW]
    app = MonitorApp(store, lambda: clock[0], wall=lambda: NOW, every=every)
    seconds = []
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        for number in range(runs):
            await asyncio.sleep(0.15)
            before = _cards(app)
            committed: list[float] = []

            def commit(number: int = number, committed: list[float] = committed) -> None:
                with store.writing() as session:
                    rulebook = load_rulebook(session)
                    advance(session, [f"T{number:03}"], rulebook, moments[number])
                committed.append(time.perf_counter())

            clock[0] = moments[number]
            worker = threading.Thread(target=commit)
            worker.start()
            await _until(lambda before=before: _cards(app) != before)  # type: ignore[misc]
            worker.join()
            seconds.append(time.perf_counter() - committed[0])
    return seconds


def _cards(app: MonitorApp) -> str:
    """Return the counters of the levels on the screen, which only a commit changes."""
    names = ("prewarning", "yellow", "red")
    return " ".join(str(app.screen.query_one(f"#tile-{name}", Static).content) for name in names)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.002)


def letters(store: Store, runs: int) -> None:
    """Play so many accepted complaints, each received a minute later than the one before."""
    messages = []
    for number in range(runs):
        at = NOW - timedelta(hours=2) + timedelta(minutes=number)
        name = f"T{number:03}"
        messages.append(received(name, at, "路灯不亮", unit="城管局"))
        accepted = {"id": f"{name}-2", "type": "unit.accepted", "ticket": name, "unit": "城管局"}
        messages.append(accepted | {"at": (at + timedelta(minutes=1)).isoformat()})
    play(store, messages, NOW)


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    activate("zh")
    with tempfile.TemporaryDirectory() as place:
        store = make_store(Path(place))
        letters(store, runs)
        seconds = sorted(delays(store, runs))
        store.close()
    median = statistics.median(seconds) * 1000
    worst = seconds[-1] * 1000
    print(f"commit to screen: median {median:.0f} ms, worst {worst:.0f} ms of {runs}")


if __name__ == "__main__":
    main()
