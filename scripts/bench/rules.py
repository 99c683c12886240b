"""P1 and P2: the rules alone, without a store."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import chinese_calendar

from models.rulebook import Rulebook
from models.rules.calendar import SHANGHAI, Calendar
from models.rules.levels import moments
from models.rules.lifecycle.decide import fold
from models.rules.messages import Message, read_message
from models.rules.policy import Policy, load_policy
from models.rules.routing.directory import Directory, load_units
from models.rules.state import RuleContext, State
from models.rules.terms import expiry
from scripts.bench import workload
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row, measure_seconds
from scripts.bench.testbed import BenchFailed
from scripts.bootstrap import POLICY_FILE, UNITS_FILE, shipped_policy_file

MONTH = datetime(2026, 3, 2, 8, 30, tzinfo=SHANGHAI)
END = MONTH + timedelta(days=90)
"""By then nothing more happens to tickets received within the month."""

_DAYS = 330
"""Bases in P1: one for each day of a year that chinese-calendar knows the end of."""


def shipped_rulebook() -> Rulebook:
    """The rulebook that comes with the project, without a store."""
    policy = load_policy(shipped_policy_file(POLICY_FILE), POLICY_FILE)
    units = load_units(shipped_policy_file(UNITS_FILE), UNITS_FILE)
    directory = Directory(units.unit, units.territory)
    return Rulebook((1, 0, 1, 0, 0), {"shipped": policy}, Calendar(), directory)


def measure_expiries(bench: BenchContext) -> Row:
    """P1: an expiry and its three levels, against asking chinese-calendar day by day."""
    policy, calendar = load_policy(shipped_policy_file(POLICY_FILE), POLICY_FILE), Calendar()
    bases = [datetime(2026, 1, 1, 10, tzinfo=SHANGHAI) + timedelta(n) for n in range(_DAYS)]
    ours = [_ours(base, policy, calendar) for base in bases]
    if ours != [_day_by_day(base, policy) for base in bases]:
        raise BenchFailed("P1: chinese-calendar comes to other expiries")
    rounds = bench.scaled(100, 20)
    fast, slow = [], []

    def all_ours() -> None:
        # None is kept: Python's collector would go through tens of thousands of objects.
        for base in bases * rounds:
            _ours(base, policy, calendar)

    def all_day_by_day() -> None:
        for base in bases:
            _day_by_day(base, policy)

    for _run in range(bench.runs):
        fast.append(measure_seconds(all_ours) / rounds / _DAYS * 1e6)
        slow.append(measure_seconds(all_day_by_day) / _DAYS * 1e6)
    return Row("P1", [
        Figure("expiry and three levels of a 7-day term", "us", fast,
               "loop over chinese_calendar.is_workday", slow, Goal(least=100)),
    ])  # fmt: skip


def _ours(base: datetime, policy: Policy, calendar: Calendar) -> list[datetime]:
    due = expiry(base, policy.terms.complaint, calendar, policy.office)
    return [due, *(at for _level, at in moments(base, due, policy, calendar))]


def _day_by_day(base: datetime, policy: Policy) -> list[datetime]:
    def after(day: date, count: int) -> date:
        step = timedelta(1 if count > 0 else -1)
        while count:
            day += step
            if chinese_calendar.is_workday(day):
                count -= 1 if count > 0 else -1
        return day

    hours, term = policy.office, policy.terms.complaint
    last = after(base.date(), term.count)
    levels = [after(last, n) for n in (-1, 1, 2)]
    closing = datetime.combine(last, hours.closing, SHANGHAI)
    return [closing, *(datetime.combine(day, hours.opening, SHANGHAI) for day in levels)]


def measure_decide(bench: BenchContext) -> Row:
    """P2: the messages of a month through the fold, in one process, without a store."""
    rulebook = shipped_rulebook()
    context = rulebook.context_for("shipped")
    count = bench.scaled(100_000)
    format_number = workload.ticket_lives(rulebook, count, MONTH)
    ticket_lives = [messages_of(life, rulebook.directory) for life in format_number]
    messages = sum(map(len, ticket_lives))
    rates = [
        messages / measure_seconds(lambda: fold_all(ticket_lives, context))
        for _run in range(bench.runs)
    ]
    return Row("P2", [
        Figure("decide on the messages of a month, one process, no store", "messages/s", rates,
               "20,000 messages/s", [20_000.0], Goal(least=1), f"{messages:,} messages"),
    ])  # fmt: skip


def messages_of(life: Sequence[workload.Body], directory: Directory) -> list[Message]:
    """A ticket's messages as the service and the replay hand them to the fold."""
    return [
        directory.resolve_names(read_message(body["type"], body["ticket"], _at(body), n, body))
        for n, body in enumerate(life, 1)
    ]


def _at(body: workload.Body) -> datetime:
    return datetime.fromisoformat(body["at"]).astimezone(SHANGHAI)


def fold_all(ticket_lives: Sequence[Sequence[Message]], context: RuleContext) -> None:
    """Fold these lives, a list of messages a ticket, to the end."""
    for life in ticket_lives:
        fold(State(life[0].ticket), life, context, END)
