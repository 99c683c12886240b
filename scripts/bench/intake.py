"""P3: letters from a file to their units, through the broker."""

import io
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path

from models.clock import monotonic, system_clock
from models.queries.rulebook import load_rulebook
from models.rules.queues import DELIVERY, ESCALATION, QUEUES
from scripts.bench import data, limits
from scripts.bench.bench import Bench
from scripts.bench.figures import Figure, Goal, Row
from scripts.bench.site import DECIDING, BenchFailed, Site
from scripts.feeding import Feeding
from scripts.feeds.reading import Options

LETTERS = 20_000
_OF_MESSAGES = [q for q in QUEUES if q not in (ESCALATION, DELIVERY)]


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
    return Row("P3", [
        Figure("letters from a file to dispatched, PostgreSQL, 2 workers", "tickets/s", rates,
               "L: the same rows by COPY, 1,000 at once, 1 connection", limit, Goal(least=0.3),
               f"{count:,} letters"),
    ])  # fmt: skip


def letters_file(site: Site, prefix: str, count: int) -> Path:
    """A file of first messages, dated a minute ago."""
    with site.store.reading() as session:
        directory = load_rulebook(session).directory
    path = site.settings.home / f"{prefix}letters.jsonl"
    when = system_clock() - timedelta(minutes=1)
    data.write_lines(path, data.received(directory, prefix, count, when))
    return path


def feed_and_wait(site: Site, file: Path) -> float:
    """Seconds from the reading of a file until no message waits any more."""
    began = monotonic()
    feed(site, file)
    site.until(lambda: not _waiting(site), 600, "all messages were applied")
    return monotonic() - began


def feed(site: Site, file: Path) -> None:
    """What `hotline feed FILE` does; raises BenchFailed where anything was refused."""
    said = io.StringIO()
    with redirect_stdout(said):
        code = Feeding(site.settings, Options(), None).run([str(file)], as_json=False)
    if code:
        raise BenchFailed(f"the feed was not taken whole: {said.getvalue()}")


def _waiting(site: Site) -> bool:
    return bool(site.sql("SELECT 1 FROM bell WHERE queue = ANY(%s) LIMIT 1", [_OF_MESSAGES]))


def _same_rulebook(site: Site, other: Site) -> None:
    policy = site.sql("SELECT id FROM policy_version")
    if policy != other.sql("SELECT id FROM policy_version"):
        raise BenchFailed("two new stores have different policies")
