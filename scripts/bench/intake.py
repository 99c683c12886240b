"""P3: dispatching the letters of a file to their units, through the broker."""

import io
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import select

from models.clock import monotonic, system_clock
from models.rulebook import load_rulebook
from models.rules.queues import MESSAGE_QUEUES
from models.tables.core import BELL
from scripts.bench import limits, workload
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row
from scripts.bench.peers.processes import PEERS, PLAIN, PeerProcesses, select_peers
from scripts.bench.testbed import DECIDING, BenchFailed, Testbed
from scripts.ingest.feed_reader import FeedOptions
from scripts.ingest.feed_runner import FeedRunner

LETTERS = 20_000
PEERS_LETTERS = 2_000
"""Fewer for peers that do a few hundred a second: their rate does not depend on the number."""


def measure_intake(bench: BenchContext) -> Row:
    """P3: from a file to dispatched, against the same rows written by SQL alone, and peers."""
    count = bench.scaled(LETTERS, 500)
    rates, limit, rows = [], [], 0
    with bench.testbed("P3") as testbed, bench.testbed("P3-limit") as other:
        _same_rulebook(testbed, other)
        testbed.start(DECIDING)
        for run in range(bench.runs):
            file = letters_file(testbed, f"R{run}-", count)
            testbed.settle()
            rates.append(count / seconds_to_apply(testbed, file))
            first, last = testbed.sql("SELECT max(id) - %s + 1, max(id) FROM ticket", [count])[0]
            batches = limits.read_rows(testbed.url, first, last)
            other.settle()
            limit.append(count / limits.copy_rows(other.url, batches))
            rows = sum(len(written) for batch in batches for written in batch.values())
        if testbed.tickets(status="dispatched") != count * bench.runs:
            raise BenchFailed(f"P3: not every ticket was dispatched; see {testbed.log}")
    ours = Figure("letters from a file to dispatched, PostgreSQL, 2 workers", "tickets/s", rates,
                  "L: the same rows by COPY, 1,000 at once, 1 connection", limit, Goal(least=0.65),
                  f"{count:,} letters, {rows / count:.1f} rows each")  # fmt: skip
    others, absent = _peers(bench)
    figures = [ours, *([] if bench.quick else [_while_sending(bench, count)])]
    if PLAIN.name in others:
        figures.append(ours.against_peer(PLAIN.name, others[PLAIN.name], Goal(least=10)))
    best = max((n for n in others if n != PLAIN.name), key=lambda n: median(others[n]), default="")
    for name, rates_of_peer in others.items():
        if name != PLAIN.name:
            goal = Goal(least=10) if name == best else Goal()
            figures.append(ours.against_peer(name, rates_of_peer, goal))
    return Row("P3", figures, absent)


def _peers(bench: BenchContext) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Tickets a second of each peer, and the reasons why others are not measured."""
    count = bench.scaled(PEERS_LETTERS, 50)
    rates: dict[str, list[float]] = {}
    peers, absent = select_peers(PEERS, quick=bench.quick)
    for peer in peers:
        bench.progress(f"P3: {peer.name}")
        with bench.testbed("P3-peer") as testbed, PeerProcesses(peer, testbed) as running:
            # The first file warms up interpreters, pools and the rulebook.
            warm = letters_file(testbed, "W-", 20)
            seconds_to_dispatch(testbed, running, warm, 20)
            for run in range(bench.runs):
                file = letters_file(testbed, f"R{run}-", count)
                testbed.settle()
                seconds = seconds_to_dispatch(testbed, running, file, 20 + count * (run + 1))
                rates.setdefault(peer.name, []).append(count / seconds)
    return rates, absent


def seconds_to_dispatch(testbed: Testbed, running: PeerProcesses, file: Path, count: int) -> float:
    """Seconds until a peer has dispatched all tickets of a file, `count` in all."""
    began = monotonic()
    running.enqueue_file("received", file)
    testbed.until(
        lambda: testbed.tickets(status="dispatched") == count, 120, f"{running.peer.name}: P3"
    )
    return monotonic() - began


def _while_sending(bench: BenchContext, count: int) -> Figure:
    """The same in another setting, which has no limit to compare with."""
    with bench.testbed("P3") as testbed:
        testbed.start()
        sending = [_rate(testbed, f"R{run}-", count) for run in range(bench.runs)]
    return Figure("the same while notices are sent", "tickets/s", sending)


def _rate(testbed: Testbed, prefix: str, count: int) -> float:
    return count / seconds_to_apply(testbed, letters_file(testbed, prefix, count))


def letters_file(testbed: Testbed, prefix: str, count: int) -> Path:
    """A file of first messages, dated a minute ago."""
    with testbed.store.reading() as session:
        directory = load_rulebook(session).directory
    path = testbed.settings.home / f"{prefix}letters.jsonl"
    when = system_clock() - timedelta(minutes=1)
    workload.write_lines(path, workload.new_tickets(directory, prefix, count, when))
    return path


def seconds_to_apply(testbed: Testbed, file: Path) -> float:
    """Seconds from the start of reading a file until no message waits."""
    began = monotonic()
    feed(testbed, file)
    testbed.until(lambda: all_applied(testbed), 600, "all messages were applied")
    return monotonic() - began


def feed(testbed: Testbed, file: Path) -> None:
    """Feed a file as `hotline feed FILE` does; raises BenchFailed where anything is refused."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        code = FeedRunner(testbed.settings, FeedOptions(), None).run([str(file)], as_json=False)
    if code:
        raise BenchFailed(f"the feed was not taken whole: {printed.getvalue()}")


def all_applied(testbed: Testbed) -> bool:
    """Return whether no message waits."""
    with testbed.store.reading() as session:
        waiting = select(BELL.c.row_id).where(BELL.c.queue.in_(MESSAGE_QUEUES)).limit(1)
        return session.scalar(waiting) is None


def _same_rulebook(testbed: Testbed, other: Testbed) -> None:
    policy = testbed.sql("SELECT id FROM policy_version")
    if policy != other.sql("SELECT id FROM policy_version"):
        raise BenchFailed("two new stores have different policies")
