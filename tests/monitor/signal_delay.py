"""Measures the monitor: `python -m tests.monitor.signal_delay pulse [RUNS]`.

From the commit of a raised level in another process's connection to the row on the screen.
"""

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
from tests.monitor.scene import NOW, make_store, play, received
from tests.monitor.screenshots import wait_for_refresh


def delays(store: Store, runs: int, every: float = 1.0) -> list[float]:
    """Seconds from each commit of a yellow card to the screen that shows it."""
    return asyncio.run(_delays(store, runs, every))


async def _delays(store: Store, runs: int, every: float) -> list[float]:
    # each ticket reaches its yellow card an hour after the one before
    moments = [NOW + timedelta(days=9, hours=n) for n in range(runs)]
    clock = [NOW]
    app = MonitorApp(store, lambda: clock[0], wall=lambda: NOW, every=every)
    found = []
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        for number in range(runs):
            await asyncio.sleep(0.15)
            shown = _cards(app)
            committed: list[float] = []

            def commit(number: int = number, committed: list[float] = committed) -> None:
                with store.writing() as session:
                    rulebook = load_rulebook(session)
                    advance(session, [f"T{number:03}"], rulebook, moments[number])
                committed.append(time.perf_counter())

            clock[0] = moments[number]
            worker = threading.Thread(target=commit)
            worker.start()
            await _until(lambda shown=shown: _cards(app) != shown)  # type: ignore[misc]
            worker.join()
            found.append(time.perf_counter() - committed[0])
    return found


def _cards(app: MonitorApp) -> str:
    """The counters of the levels, which only a commit changes, as they stand on the screen."""
    names = ("prewarning", "yellow", "red")
    return " ".join(str(app.screen.query_one(f"#tile-{name}", Static).content) for name in names)


async def _until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not what():
            await asyncio.sleep(0.002)


def letters(store: Store, runs: int) -> None:
    """So many accepted complaints, each received a little later than the one before."""
    wanted = []
    for number in range(runs):
        at = NOW - timedelta(hours=2) + timedelta(minutes=number)
        name = f"T{number:03}"
        wanted.append(received(name, at, "路灯不亮", unit="城管局"))
        accepted = {"id": f"{name}-2", "type": "unit.accepted", "ticket": name, "unit": "城管局"}
        wanted.append(accepted | {"at": (at + timedelta(minutes=1)).isoformat()})
    play(store, wanted, NOW)


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    activate("zh")
    with tempfile.TemporaryDirectory() as place:
        store = make_store(Path(place))
        letters(store, runs)
        found = sorted(delays(store, runs))
        store.close()
    median = statistics.median(found) * 1000
    worst = found[-1] * 1000
    print(f"commit to screen: median {median:.0f} ms, worst {worst:.0f} ms of {runs}")


if __name__ == "__main__":
    main()
