"""P7 and P8: the monitor on a store full of tickets."""

import subprocess
import sys
from datetime import timedelta
from statistics import median
from typing import Any

import msgspec

from models.child_environment import environment_for_child
from models.clock import DemoClock, system_clock
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row, percentile
from scripts.bench.growth import fill_with_closed
from scripts.bench.storm import MOMENT, prepare_storm
from scripts.bench.testbed import BenchFailed, Testbed

_OPEN, _CLOSED = 100_000, 1_000_000
_LOOKS = 30


def measure_monitor(bench: BenchContext) -> Row:
    """P7: the monitor's first paint, refreshes, stalls and memory."""
    testbed, what = filled_store(bench, _OPEN, _CLOSED)
    looks = max(5, bench.scaled(_LOOKS))
    ours = [_probe(testbed, "watch", looks) for _ in range(bench.runs)]
    theirs = [_probe(testbed, "fill", max(2, looks // 10)) for _ in range(bench.runs)]
    table = "Textual's DataTable with the open ones"

    def bound(name: str, key: str, unit: str, most: float) -> list[Figure]:
        scale = 1000.0 if unit == "ms" else 1.0
        mine, others = ([_value(run, key) * scale for run in runs] for runs in (ours, theirs))
        figure = Figure(name, unit, mine, f"{most:,.0f} {unit}", [most], Goal(most=1))
        return [figure, figure.against_peer(table, others, Goal())]

    first, *rest = [
        *bound("first paint", "first", "ms", 1000),
        *bound("look at the tickets, 95th percentile", "looks", "ms", 100),
        *bound("jump to any place of the queue, 95th percentile", "moves", "ms", 50),
        *bound("longest stall of the event loop", "stall", "ms", 50),
        *bound("memory at most", "memory", "MB", 150),
    ]
    first.note = what
    return Row("P7", [first, *rest])


def _value(result: dict[str, Any], key: str) -> float:
    value = result[key]
    if isinstance(value, list):
        return percentile(value, 95)
    return float(value)


def measure_change_shown(bench: BenchContext) -> Row:
    """P8: the time from the commit of a change to the screen that shows it."""
    testbed, what = filled_store(bench, _OPEN, _CLOSED)
    looks = max(3, bench.scaled(_LOOKS))
    felt = [_probe(testbed, "feel", looks) for _ in range(bench.runs)]
    polled = [_probe(testbed, "poll", looks) for _ in range(bench.runs)]
    ours, theirs = ([median(run["seconds"]) * 1000 for run in runs] for runs in (felt, polled))
    figure = Figure("change committed to change on screen, median", "ms", ours, "300 ms", [300.0],
                    Goal(most=1), what)  # fmt: skip
    each = [f"{runs[0]['looks_a_second']:.1f}" for runs in (felt, polled)]
    peer = f"polling every second ({each[1]} looks a second, ours {each[0]})"
    return Row("P8", [figure, figure.against_peer(peer, theirs, Goal())])


def filled_store(
    bench: BenchContext, open_tickets: int, closed_tickets: int
) -> tuple[Testbed, str]:
    """A store with open and closed tickets, filled at the first call, and how many it has."""
    closed, still = bench.scaled(closed_tickets, 2_000), bench.scaled(open_tickets, 1_000)
    what = f"{still:,} open, {closed:,} closed"
    if what not in bench.cache:
        bench.progress(f"making {closed:,} closed and {still:,} open tickets")
        testbed = bench.cleanup.enter_context(bench.testbed("full"))
        fill_with_closed(testbed, closed, MOMENT, timedelta(days=365))
        prepare_storm(testbed, still)
        # as if workers had compared all letters: they would go on with it while nothing changes
        testbed.sql("INSERT INTO matter_band (ticket_id, hashes) SELECT id, '' FROM ticket"
                    " ON CONFLICT DO NOTHING")  # fmt: skip
        testbed.settle()
        bench.cache[what] = testbed
    return bench.cache[what], what


def _probe(testbed: Testbed, what: str, looks: int) -> dict[str, Any]:
    clock = DemoClock(system_clock(), MOMENT - timedelta(hours=1), 1.0)
    command = [
        sys.executable,
        "-P",
        "-m",
        "scripts.bench.monitor_probe",
        what,
        str(looks),
        str(clock),
    ]
    done = subprocess.run(
        command, env=environment_for_child(testbed.settings), capture_output=True, check=False
    )
    if done.returncode:
        raise BenchFailed(f"the screen could not be measured:\n{done.stderr.decode()[-2000:]}")
    result: dict[str, Any] = msgspec.json.decode(done.stdout.splitlines()[-1])
    return result
