"""P12: whether year five is as fast as day one."""

from datetime import datetime, timedelta
from statistics import median

from models.i18n import N_
from models.rulebook import load_rulebook
from scripts.bench import workload
from scripts.bench.context import Bench
from scripts.bench.figures import Figure, Goal, Row
from scripts.bench.intake import LETTERS, feed_and_wait, letters_file
from scripts.bench.storm import keep, prepare_storm, weather
from scripts.bench.testbed import DECIDING, Site
from scripts.bench.ticket_copies import OF_A_TICKET, multiply

_CLOSED, _HUGE = (10_000, 100_000, 1_000_000), 10_000_000
_OPEN = 100_000
_TEMPLATES = 100
_MONTH = workload.at("2025-12-01T08:30:00")
"""Long enough before the storm's moment that its tickets are in the archive by then."""


def growing(bench: Bench) -> Row:
    """P12: the intake and the storm with ever more closed tickets in the store."""
    sizes = [bench.sized(n, 1_000) for n in (*_CLOSED, *([_HUGE] if bench.huge else []))]
    sizes = sorted(set(sizes))
    intake: dict[int, list[float]] = {}
    storm: dict[int, list[float]] = {}
    letters = bench.sized(LETTERS, 500)
    for closed in sizes:
        bench.tell(f"P12: making {closed:,} closed tickets")
        with bench.site("P12") as site:
            close(site, closed)
            crossing = prepare_storm(site, bench.sized(_OPEN, 3_000))
            for run in range(0 if bench.quick else bench.runs):
                bench.tell(f"P12: {closed:,} closed, run {run + 1}")
                storm.setdefault(closed, []).append(weather(site, crossing))
                keep(site, crossing)
            # the storm's clock is another one: its tickets must not ring in the intake
            site.sql("TRUNCATE bell")
            site.start(DECIDING)
            for run in range(bench.runs):
                file = letters_file(site, f"R{run}-", letters)
                site.settle()
                intake.setdefault(closed, []).append(feed_and_wait(site, file))
    figures = _figures(f"intake of {letters:,} letters", intake)
    if bench.quick:
        return Row("P12", figures, {"storm": N_("left out by --quick")})
    return Row("P12", [*figures, *_figures(f"storm over {crossing:,} tickets", storm)])


def _figures(what: str, found: dict[int, list[float]]) -> list[Figure]:
    least, *more = sorted(found)
    return [
        Figure(f"{what}, {closed:,} closed", "s", found[closed], f"the same with {least:,} closed",
               [median(found[least])], Goal(most=1.2))
        for closed in reversed(more or [least])
    ]  # fmt: skip


def close(
    site: Site, count: int, until: datetime | None = None, over: timedelta = timedelta()
) -> int:
    """Fill a store with tickets in the archive; returns how many there are.

    All were received in one month or, with `until`, were ended one by one `over` the time before.
    """
    with site.store.reading() as session:
        rulebook = load_rulebook(session)
    lives = workload.lives(rulebook, _TEMPLATES * 7, _MONTH)
    messages = [message for life in lives for message in life]
    site.play(messages, lambda: _MONTH + timedelta(days=90))
    still_open = "SELECT id FROM ticket WHERE status <> 'archived'"
    numbers = "SELECT number FROM ticket WHERE status <> 'archived'"
    site.sql(f"DELETE FROM inbox WHERE ticket IN ({numbers})")
    for table in OF_A_TICKET:
        site.sql(f"DELETE FROM {table} WHERE ticket_id IN ({still_open})")
    site.sql("DELETE FROM bell")
    site.sql("DELETE FROM ticket WHERE status <> 'archived'")
    return multiply(site, 1, count, until, over)
