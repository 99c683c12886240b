"""Watch the monitor from a process of its own: `python -m scripts.bench.monitor_probe WHAT`.

Prints its measurements as one JSON object. It needs no terminal: Textual paints all the same.
"""

import asyncio
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread

import msgspec
from sqlalchemy import select
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import DataTable

from models.clock import Now, monotonic, parse_clock, system_clock
from models.database import Store
from models.operations.advance import advance
from models.operations.inbox import add_messages
from models.rulebook import load_rulebook
from models.settings import load_settings
from models.tables.core import TICKET
from monitor.app import MonitorApp
from monitor.garbage import collect_little
from monitor.screens.tickets import TicketsScreen
from scripts.bench.terminal_size import SIZE
from scripts.bootstrap import open_store

_TICK = 0.005
_WITHIN = 30.0


@dataclass
class Stalls:
    """Measures the longest delay of a task that the event loop should run every 5 ms."""

    longest: float = 0.0
    _task: "asyncio.Task[None] | None" = field(default=None)

    async def __aenter__(self) -> "Stalls":
        self._task = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_wrong: object) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _tick(self) -> None:
        while True:
            began = monotonic()
            await asyncio.sleep(_TICK)
            self.longest = max(self.longest, monotonic() - began - _TICK)


async def _until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(_WITHIN):
        while not what():
            await asyncio.sleep(0.001)


def _memory() -> float:
    """The peak memory of this process, in MB."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    # On Linux, ru_maxrss includes the memory of the parent before the exec.
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1000


async def watch(store: Store, now: Now, looks: int) -> dict[str, object]:
    """Measure the monitor: seconds to its first paint, and of each refresh of the tickets."""
    began = monotonic()
    app = MonitorApp(store, now, every=None)
    async with app.run_test(size=SIZE) as pilot:
        await _until(lambda: app.paint_count > 0)
        first = monotonic() - began
        # as the monitor does in a terminal
        collect_little()
        await pilot.press("2")
        await _look(app)
        async with Stalls() as stalls:
            seconds = [await _look(app) for _ in range(looks)]
            moved = [await _jump(app, number) for number in range(looks)]
    result = {"first": first, "looks": seconds, "moves": moved}
    return {**result, "stall": stalls.longest, "memory": _memory()}


def _place(number: int) -> float:
    """A position in the queue from 0 to 1; those of following numbers are far apart."""
    return 0.137 * (number + 1) % 1


async def _jump(app: MonitorApp, number: int) -> float:
    """Seconds from a jump to another position in the queue until its rows are on the screen."""
    screen = app.screen
    assert isinstance(screen, TicketsScreen)
    tickets, seen, began = screen.tickets, app.paint_count, monotonic()
    tickets.action_cursor(round(_place(number) * (tickets.total - 1)) - tickets.cursor)
    await _until(lambda: app.paint_count > seen and not tickets.lacks_rows())
    return monotonic() - began


async def _look(app: MonitorApp) -> float:
    seen, began = app.paint_count, monotonic()
    app.read_now()
    await _until(lambda: app.paint_count > seen)
    return monotonic() - began


class Rows(App[None]):
    """The open tickets in Textual's DataTable, filled as its guide shows."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def compose(self) -> ComposeResult:
        """One table."""
        yield DataTable()

    def fill(self) -> None:
        """Read the open tickets again and put them into the table."""
        columns = (TICKET.c.number, TICKET.c.title, TICKET.c.unit, TICKET.c.status, TICKET.c.due)
        result = select(*columns).where(TICKET.c.status != "archived").order_by(TICKET.c.due)
        table = self.query_one(DataTable)
        with self._store.reading() as session:
            rows = [tuple(map(str, row)) for row in session.execute(result)]
        table.clear()
        table.add_rows(rows)

    def on_mount(self) -> None:
        """Fill it for the first time."""
        self.query_one(DataTable).add_columns("number", "title", "unit", "status", "due")
        self.fill()


async def fill(store: Store, looks: int) -> dict[str, object]:
    """Measure the same rows in Textual's DataTable."""
    began = monotonic()
    app = Rows(store)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        first = monotonic() - began
        async with Stalls() as stalls:
            seconds = []
            for _ in range(looks):
                began = monotonic()
                app.fill()
                await pilot.pause()
                seconds.append(monotonic() - began)
            moved = [await _jump_in_table(app, pilot, n) for n in range(looks)]
    result = {"first": first, "looks": seconds, "moves": moved}
    return {**result, "stall": stalls.longest, "memory": _memory()}


async def _jump_in_table(app: Rows, pilot: Pilot[None], number: int) -> float:
    began, table = monotonic(), app.query_one(DataTable)
    table.move_cursor(row=round(_place(number) * (table.row_count - 1)))
    await pilot.pause()
    return monotonic() - began


async def change(store: Store, now: Now, looks: int, *, feeling: bool) -> dict[str, object]:
    """Seconds from the commit of a change to a ticket until its page shows it, for each of some.

    Without `feeling` the monitor looks once a second, as often as with it when all is quiet.
    """
    app = MonitorApp(store, now, every=1.0)
    if not feeling:
        app._change_signal = None
    async with app.run_test(size=SIZE) as pilot:
        await _until(lambda: app.paint_count > 0)
        await pilot.press("2")
        await _look(app)
        await pilot.press("enter")
        await _look(app)
        seconds, begun, paint_count = [], monotonic(), app.paint_count
        for number in range(looks):
            # The changes are not synchronous with the refreshes.
            await asyncio.sleep(0.3 + 0.137 * (number % 7))
            before = _lines(app)
            committed: list[float] = []
            writer = Thread(target=_commit, args=(store, now, app, number, committed))
            writer.start()
            await _until(partial(_longer, app, before))
            painted_at = monotonic()
            writer.join()
            seconds.append(max(0.0, painted_at - committed[0]))
        rate = (app.paint_count - paint_count) / (monotonic() - begun)
    return {"seconds": seconds, "looks_a_second": rate}


def _longer(app: MonitorApp, lines: int) -> bool:
    return _lines(app) > lines


def _lines(app: MonitorApp) -> int:
    seen = app._snapshot
    return len(seen.detail.log) if seen and seen.detail else 0


def _commit(store: Store, now: Now, app: MonitorApp, number: int, committed: list[float]) -> None:
    seen = app._snapshot
    assert seen is not None
    assert seen.detail is not None
    ticket, unit = seen.detail.number, seen.detail.unit
    urged = {"id": f"{ticket}-U{number}-{now()}", "type": "unit.urged", "ticket": ticket,
             "at": now().isoformat(), "unit": unit, "text": "请抓紧", "by": "值班员"}  # fmt: skip
    with store.writing() as session:
        add_messages(session, "bench", [urged], now())
        advance(session, [ticket], load_rulebook(session), now())
    committed.append(monotonic())


def main() -> None:
    """Run the measurement that the arguments name: what, how often, and the clock."""
    what, looks, clock = sys.argv[1], int(sys.argv[2]), parse_clock("".join(sys.argv[3:]))
    store = open_store(load_settings())
    works = {
        "watch": lambda: watch(store, clock, looks),
        "fill": lambda: fill(store, looks),
        "feel": lambda: change(store, clock, looks, feeling=True),
        "poll": lambda: change(store, clock, looks, feeling=False),
    }
    result = asyncio.run(works[what]())
    store.close()
    sys.stdout.buffer.write(msgspec.json.encode({**result, "at": system_clock()}) + b"\n")


if __name__ == "__main__":
    main()
