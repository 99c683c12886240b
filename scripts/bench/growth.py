"""P12: the speed with ever more closed tickets in the store."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

from models.i18n import N_
from models.rulebook import load_rulebook
from scripts.bench import workload
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row
from scripts.bench.intake import LETTERS, letters_file, seconds_to_apply
from scripts.bench.storm import measure_crossing, prepare_storm, save_storm_rows
from scripts.bench.testbed import DECIDING, Testbed
from scripts.bench.ticket_copies import TABLES, TICKET_TABLES, copy_tickets

_CLOSED, _HUGE = (10_000, 100_000, 1_000_000), 10_000_000
_OPEN = 300_000
_TEMPLATES, _FEWEST_COPIES = 100, 10
_MONTH = workload.shanghai_time("2025-12-01T08:30:00")
"""Long enough before the storm that its tickets are archived by then."""


def measure_growth(bench: BenchContext) -> Row:
    """P12: the intake and the storm with ever more closed tickets in the store."""
    sizes = [bench.scaled(n, 1_000) for n in (*_CLOSED, *([_HUGE] if bench.huge else []))]
    sizes = sorted(set(sizes))
    intake: dict[int, list[float]] = {}
    storm: dict[int, list[float]] = {}
    letters = bench.scaled(LETTERS, 500)
    for closed in sizes:
        bench.progress(f"P12: making {closed:,} closed tickets")
        with bench.testbed("P12") as testbed:
            fill_with_closed(testbed, closed)
            crossing = prepare_storm(testbed, bench.scaled(_OPEN, 3_000))
            for run in range(0 if bench.quick else bench.runs):
                bench.progress(f"P12: {closed:,} closed, run {run + 1}")
                storm.setdefault(closed, []).append(measure_crossing(testbed, crossing))
                save_storm_rows(testbed, crossing)
            # The storm has another clock: its tickets must not ring during the intake.
            testbed.sql("TRUNCATE bell")
            testbed.start(DECIDING)
            for run in range(bench.runs):
                file = letters_file(testbed, f"R{run}-", letters)
                testbed.settle()
                intake.setdefault(closed, []).append(seconds_to_apply(testbed, file))
    figures = _figures(f"intake of {letters:,} letters", intake)
    if bench.quick:
        return Row("P12", figures, {"storm": N_("left out by --quick")})
    return Row("P12", [*figures, *_figures(f"storm over {crossing:,} tickets", storm)])


def _figures(what: str, seconds: dict[int, list[float]]) -> list[Figure]:
    least, *more = sorted(seconds)
    return [
        Figure(
            f"{what}, {closed:,} closed",
            "s",
            seconds[closed],
            f"the same with {least:,} closed",
            [median(seconds[least])],
            Goal(most=1.2),
        )
        for closed in reversed(more or [least])
    ]


def fill_with_closed(
    testbed: Testbed,
    count: int,
    until: datetime | None = None,
    over: timedelta = timedelta(),
    tables: Sequence[str] = TABLES,
) -> int:
    """Fill a store with tickets in the archive; returns how many there are.

    All were received in one month or, with `until`, were ended one by one `over` the time before.
    Of most of them only the rows of these `tables` are there.
    """
    with testbed.store.reading() as session:
        rulebook = load_rulebook(session)
    templates = min(_TEMPLATES, count // _FEWEST_COPIES + 1)
    ticket_lives = workload.ticket_lives(rulebook, templates * 7, _MONTH)
    messages = [message for life in ticket_lives for message in life]
    testbed.play(messages, lambda: _MONTH + timedelta(days=90))
    still_open = "SELECT id FROM ticket WHERE status <> 'archived'"
    numbers = "SELECT number FROM ticket WHERE status <> 'archived'"
    testbed.sql(f"DELETE FROM inbox WHERE ticket IN ({numbers})")
    for table in TICKET_TABLES:
        testbed.sql(f"DELETE FROM {table} WHERE ticket_id IN ({still_open})")
    testbed.sql("DELETE FROM bell")
    testbed.sql("DELETE FROM ticket WHERE status <> 'archived'")
    return copy_tickets(testbed, 1, count, until, over, tables)
