"""P13: a year of a store under other rules, against the fold alone."""

import gc
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import select

from models.bulk import update_rows
from models.queries.inbox_rows import OUTLINE_COLUMNS, OutlineRow, outline_hash
from models.queries.ticket_lives import TicketChoice, TicketLife, chosen_tickets, ticket_lives
from models.rulebook import load_rulebook
from models.rules.lifecycle.decide import fold
from models.rules.state import EDITION, State
from models.tables.core import INBOX
from scripts.bench import workload
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row, measure_seconds
from scripts.bench.growth import fill_with_closed
from scripts.bench.testbed import BenchFailed, Testbed
from scripts.laboratory.store_comparison import compare_store, rule_sets
from scripts.laboratory.variants import RuleSet, Variant, parse_variant

_TICKETS = 171_500
"""Tickets of a year, of seven messages each: 1.2 million."""
_YEAR, _END = timedelta(days=365), workload.shanghai_time("2026-11-30T12:00:00")
_NOW = _END + timedelta(days=90)
_OCTOBER, _SAMPLE = workload.shanghai_time("2026-10-01T00:00:00"), 1 / 17
"""From when on which share of the year is folded in one process too: ten thousand tickets."""
_VARIANTS = ("terms.complaint=5 workdays", "off 2026-10-10; working 2026-10-11")
_LONGEST = 60.0
"""Seconds that a year may take in all processes."""
_LISTED = 50
_BATCH = 20_000


def measure_whatif(bench: BenchContext) -> Row:
    """P13: tickets read, folded under three sets of rules, and compared.

    A part of the year in one process, against the folds alone of the same messages under the same
    rules, which tell nobody either; then the whole year in as many processes as there are cores.
    """
    variants = [parse_variant(text) for text in _VARIANTS]
    with bench.testbed("P13") as testbed:
        wanted = bench.scaled(_TICKETS, 100)
        bench.progress(f"P13: making {wanted:,} tickets")
        count = fill_year(testbed, wanted)
        sample = TicketChoice(_OCTOBER, _OCTOBER + _YEAR * _SAMPLE)
        with testbed.store.reading() as session:
            rulebook = load_rulebook(session)
            rules = rule_sets(session, rulebook, variants)
            ids = chosen_tickets(session, sample)
            lives = list(ticket_lives(session, ids, rulebook.directory))
        folded = len(rules) * sum(len(life.messages) for life in lives)
        compare = partial(_compare, testbed, variants)
        ours, alone, year = [], [], []
        # what the bench keeps must not be looked through again and again
        gc.freeze()
        for run in range(bench.runs):
            bench.progress(f"P13: run {run + 1}")
            ours.append(folded / measure_seconds(partial(compare, sample, len(lives), 1)))
            alone.append(folded / measure_seconds(partial(_fold_alone, lives, rules)))
            year.append(measure_seconds(partial(compare, TicketChoice(), count)))
        gc.unfreeze()
    longest = _LONGEST * count / _TICKETS
    return Row("P13", [
        Figure(f"whatif: {len(variants)} variants and today's rules, messages read, one process",
               "messages/s", ours, "the folds alone", alone, Goal(least=0.5),
               f"{folded:,} messages folded, of {len(lives):,} tickets"),
        Figure(f"whatif over a year's {count:,} tickets, all processes", "s", year,
               f"{longest:.3g} s", [longest], Goal(most=1)),
    ])  # fmt: skip


def _compare(
    testbed: Testbed,
    variants: Sequence[Variant],
    choice: TicketChoice,
    count: int,
    processes: int | None = None,
) -> None:
    compared = compare_store(testbed.store, choice, variants, _NOW, _LISTED, processes)
    comparison = compared.comparison
    if comparison.tickets != count or not comparison.differ_anywhere:
        raise BenchFailed(f"P13: {comparison.tickets} of {count} tickets were compared")


def _fold_alone(lives: Sequence[TicketLife], rules: Sequence[RuleSet]) -> None:
    for life in lives:
        for side in rules:
            state = State(life.number, EDITION, quiet_before=_NOW)
            fold(state, life.messages, side.contexts[life.policy_id], _NOW)


def fill_year(testbed: Testbed, count: int) -> int:
    """Fill a store with a year's tickets and their messages; returns how many there are."""
    count = fill_with_closed(testbed, count, _END, _YEAR, ("inbox", "ticket"))
    last = testbed.sql("SELECT max(id) FROM inbox")[0][0]
    for first in range(1, last + 1, _BATCH):
        _make_outlines_own(testbed, first, first + _BATCH)
    testbed.sql("VACUUM (ANALYZE) inbox")
    return count


def _make_outlines_own(testbed: Testbed, first: int, end: int) -> None:
    """Give the copied messages of these ids the hashes that their outlines have in their rows."""
    query = select(*OUTLINE_COLUMNS).where(INBOX.c.id >= first, INBOX.c.id < end)
    with testbed.store.writing() as session:
        rows = [OutlineRow._make(row) for row in session.execute(query)]
        hashes = {
            row.id: outline_hash(session.cipher, row, row.outline) for row in rows if row.outline
        }
        update_rows(
            session.connection(),
            INBOX,
            [{"id": number, "outline_hash": digest} for number, digest in hashes.items()],
        )
