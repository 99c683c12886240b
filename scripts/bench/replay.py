"""P11: a replay of a month against the rules alone."""

import gc
from collections.abc import Sequence
from datetime import datetime

from models.rules.calendar import SHANGHAI
from models.rules.lifecycle.replay import ReplayRules, TicketReplay
from models.rules.messages import Message
from models.rules.routing.directory import load_units
from scripts.bench import workload
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row, measure_seconds
from scripts.bench.rules import END, MONTH, fold_all, messages_of, shipped_rulebook
from scripts.bench.testbed import BenchFailed
from scripts.bootstrap import POLICY_FILE, UNITS_FILE, shipped_policy_file
from scripts.replay.replay import ReplaySetup, replay, screening

_TICKETS = 10_000
_LONGEST = 4.0
"""Seconds that a month of so many tickets may take with reading."""


def measure_replay(bench: BenchContext) -> Row:
    """P11: the same tickets through the replay and through the fold alone, in one process.

    Then the whole month, from the file to its last event, in as many processes as there are cores.
    """
    rulebook = shipped_rulebook()
    context = rulebook.context_for("shipped")
    # a ticket has about seven messages
    bodies = workload.ticket_lives(rulebook, bench.scaled(_TICKETS * 8, 800), MONTH)[
        : bench.scaled(_TICKETS, 100)
    ]
    tickets = [messages_of(life, rulebook.directory) for life in bodies]
    messages = sum(map(len, tickets))
    file = bench.folder / "month.jsonl"
    workload.write_lines(file, sorted((m for life in bodies for m in life), key=_at))
    setup = ReplaySetup(
        [(shipped_policy_file(POLICY_FILE), POLICY_FILE)],
        load_units(shipped_policy_file(UNITS_FILE), UNITS_FILE),
    )
    screen = screening(rulebook.directory, {})
    rules = ReplayRules([context.policy], context.calendar, screen)
    ours, fold, month = [], [], []
    # what the bench keeps must not be looked through again and again
    gc.freeze()
    for _run in range(bench.runs):
        ours.append(messages / measure_seconds(lambda: _play_all(tickets, rules)))
        fold.append(messages / measure_seconds(lambda: fold_all(tickets, context)))
        month.append(measure_seconds(lambda: sum(1 for _event in replay(file, setup, END))))
    gc.unfreeze()
    if replay(file, setup, END).messages != messages:
        raise BenchFailed("P11: the replay took fewer messages than there are")
    many = f"{len(tickets):,} tickets' month"
    longest = _LONGEST * bench.scaled(_TICKETS, 100) / _TICKETS
    return Row("P11", [
        Figure(f"replay of {many}, messages read, one process", "messages/s", ours,
               "the fold alone (P2)", fold, Goal(least=0.8), f"{messages:,} messages"),
        Figure(f"replay of {many} from its file to its events, all processes", "s", month,
               f"{longest:g} s", [longest], Goal(most=1)),
    ])  # fmt: skip


def _play_all(tickets: Sequence[Sequence[Message]], rules: ReplayRules) -> None:
    for messages in tickets:
        TicketReplay(messages[0].ticket, rules).play_in_order(messages, END)


def _at(message: workload.Body) -> datetime:
    return datetime.fromisoformat(message["at"]).astimezone(SHANGHAI)
