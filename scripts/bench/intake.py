"""P3: letters from a file to their units, through the broker."""

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
from scripts.bench.context import Bench
from scripts.bench.figures import Figure, Goal, Row
from scripts.bench.peers.processes import PEERS, PLAIN, Running, chosen
from scripts.bench.testbed import DECIDING, BenchFailed, Site
from scripts.ingest.feed_reader import FeedOptions
from scripts.ingest.feed_runner import FeedRunner

LETTERS = 20_000
PEERS_LETTERS = 2_000
"""Fewer for those that do a few hundred in a second: their rate does not depend on it."""


def intake(bench: Bench) -> Row:
    """P3: from a file to dispatched, against the same rows written by SQL alone, and peers."""
    count = bench.sized(LETTERS, 500)
    rates, limit = [], []
    with bench.site("P3") as site, bench.site("P3-limit") as other:
        _same_rulebook(site, other)
        site.start(DECIDING)
        for run in range(bench.runs):
            file = letters_file(site, f"R{run}-", count)
            site.settle()
            rates.append(count / feed_and_wait(site, file))
            first, last = site.sql("SELECT max(id) - %s + 1, max(id) FROM ticket", [count])[0]
            batches = limits.rows_of(site.url, first, last)
            other.settle()
            limit.append(count / limits.write_again(other.url, batches))
        if site.tickets(status="dispatched") != count * bench.runs:
            raise BenchFailed(f"P3: not every ticket was dispatched; see {site.log}")
    ours = Figure("letters from a file to dispatched, PostgreSQL, 2 workers", "tickets/s", rates,
                  "L: the same rows by COPY, 1,000 at once, 1 connection", limit, Goal(least=0.3),
                  f"{count:,} letters")  # fmt: skip
    others, absent = _peers(bench)
    figures = [ours, *([] if bench.quick else _beside(bench, count))]
    if PLAIN.name in others:
        figures.append(ours.against_peer(PLAIN.name, others[PLAIN.name], Goal(least=5)))
    best = max((n for n in others if n != PLAIN.name), key=lambda n: median(others[n]), default="")
    for name, found in others.items():
        if name != PLAIN.name:
            goal = Goal(least=3) if name == best else Goal()
            figures.append(ours.against_peer(name, found, goal))
    return Row("P3", figures, absent)


def _peers(bench: Bench) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Tickets a second of each peer, and the names of those that are not measured."""
    count = bench.sized(PEERS_LETTERS, 50)
    rates: dict[str, list[float]] = {}
    peers, absent = chosen(PEERS, quick=bench.quick)
    for peer in peers:
        bench.tell(f"P3: {peer.name}")
        with bench.site("P3-peer") as site, Running(peer, site) as running:
            # the first is for warming up: interpreters, pools, the rulebook
            warm = letters_file(site, "W-", 20)
            dispatched(site, running, warm, 20)
            for run in range(bench.runs):
                file = letters_file(site, f"R{run}-", count)
                site.settle()
                seconds = dispatched(site, running, file, 20 + count * (run + 1))
                rates.setdefault(peer.name, []).append(count / seconds)
    return rates, absent


def dispatched(site: Site, running: Running, file: Path, count: int) -> float:
    """Seconds until a peer has sent all tickets of a file to their units, `count` in all."""
    began = monotonic()
    running.hand_over("received", file)
    site.until(lambda: site.tickets(status="dispatched") == count, 120, f"{running.peer.name}: P3")
    return monotonic() - began


def _beside(bench: Bench, count: int) -> list[Figure]:
    """The same under other circumstances, for which there is no limit."""
    with bench.site("P3") as site:
        site.start()
        sending = [_rate(site, f"R{run}-", count) for run in range(bench.runs)]
    with bench.sqlite_site("P3") as site:
        site.start(DECIDING)
        sqlite = [_rate(site, f"R{run}-", count) for run in range(bench.runs)]
    return [
        Figure("the same while notices are sent", "tickets/s", sending),
        Figure("the same on SQLite, synchronous=FULL", "tickets/s", sqlite),
    ]


def _rate(site: Site, prefix: str, count: int) -> float:
    return count / feed_and_wait(site, letters_file(site, prefix, count))


def letters_file(site: Site, prefix: str, count: int) -> Path:
    """A file of first messages, dated a minute ago."""
    with site.store.reading() as session:
        directory = load_rulebook(session).directory
    path = site.settings.home / f"{prefix}letters.jsonl"
    when = system_clock() - timedelta(minutes=1)
    workload.write_lines(path, workload.received(directory, prefix, count, when))
    return path


def feed_and_wait(site: Site, file: Path) -> float:
    """Seconds from the reading of a file until no message waits any more."""
    began = monotonic()
    feed(site, file)
    site.until(lambda: all_applied(site), 600, "all messages were applied")
    return monotonic() - began


def feed(site: Site, file: Path) -> None:
    """What `hotline feed FILE` does; raises BenchFailed where anything was refused."""
    said = io.StringIO()
    with redirect_stdout(said):
        code = FeedRunner(site.settings, FeedOptions(), None).run([str(file)], as_json=False)
    if code:
        raise BenchFailed(f"the feed was not taken whole: {said.getvalue()}")


def all_applied(site: Site) -> bool:
    """Whether no message waits any more."""
    with site.store.reading() as session:
        found = select(BELL.c.row_id).where(BELL.c.queue.in_(MESSAGE_QUEUES)).limit(1)
        return session.scalar(found) is None


def _same_rulebook(site: Site, other: Site) -> None:
    policy = site.sql("SELECT id FROM policy_version")
    if policy != other.sql("SELECT id FROM policy_version"):
        raise BenchFailed("two new stores have different policies")
