"""P11: a replay of a month against the rules alone."""

from datetime import datetime

from models.rules.calendar import SHANGHAI
from models.rules.routing.directory import load_units
from scripts.bench import workload
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row, measure_seconds
from scripts.bench.rules import END, MONTH, fold_all, messages_of, shipped_rulebook
from scripts.bench.testbed import BenchFailed
from scripts.bootstrap import POLICY_FILE, UNITS_FILE, shipped_policy_file
from scripts.replay.replay import ReplaySetup, replay

_TICKETS = 10_000


def measure_replay(bench: BenchContext) -> Row:
    """P11: the same lives through `hotline replay` and through the fold alone."""
    rulebook = shipped_rulebook()
    context = rulebook.context_for("shipped")
    # a life has about seven messages; what is asked for is tickets
    format_number = workload.ticket_lives(rulebook, bench.scaled(_TICKETS * 8, 800), MONTH)[
        : bench.scaled(_TICKETS, 100)
    ]
    ticket_lives = [messages_of(life, rulebook.directory) for life in format_number]
    messages = sum(map(len, ticket_lives))
    file = bench.folder / "month.jsonl"
    workload.write_lines(file, sorted((m for life in format_number for m in life), key=_at))
    scenery = ReplaySetup(
        (shipped_policy_file(POLICY_FILE), POLICY_FILE),
        load_units(shipped_policy_file(UNITS_FILE), UNITS_FILE),
    )
    ours, fold = [], []
    for _run in range(bench.runs):
        ours.append(messages / measure_seconds(lambda: replay(file, scenery, END)))
        fold.append(messages / measure_seconds(lambda: fold_all(ticket_lives, context)))
    if replay(file, scenery, END).messages != messages:
        raise BenchFailed("P11: the replay took fewer messages than there are")
    return Row("P11", [
        Figure(f"replay of {len(ticket_lives):,} tickets' month", "messages/s", ours,
               "the fold alone (P2)", fold, Goal(least=0.2), f"{messages:,} messages"),
    ])  # fmt: skip


def _at(message: workload.Body) -> datetime:
    return datetime.fromisoformat(message["at"]).astimezone(SHANGHAI)
