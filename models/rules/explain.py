"""Explain a deadline: a clock's expiry day by day, its clause and its levels."""

from dataclasses import dataclass
from datetime import date, datetime

from models.i18n import LazyText, lazy
from models.rules.calendar import SHANGHAI
from models.rules.levels import moments
from models.rules.policy import Policy
from models.rules.state import Clock, RuleContext, State
from models.rules.terms import UNIT_NAMES, Term, days_between, describe_term, expiry
from models.rules.vocabulary import Category, ClockName, Level

_CLAUSES = {
    ClockName.ACCEPT: "3.1",
    ClockName.EVIDENCE: "3.3",
    ClockName.ON_SITE: "3.4",
    ClockName.EMERGENCY_REPORT: "3.4",
    ClockName.FIRST_CONTACT: "4.1",
    ClockName.CLOSING_CONTACT: "4.2",
    ClockName.SURVEY: "4.4",
    ClockName.PROOF: "4.3",
}
LEVEL_CLAUSES = {level: f"5.{item}" for item, level in enumerate(Level, 1)}
"""The clause by which each level reminds somebody; the policy says whom."""
_CATEGORY_CLAUSES = {category: f"3.4.{item}" for item, category in enumerate(Category, 1)}


@dataclass(frozen=True, slots=True)
class CountedDay:
    """One day between base and expiry; `number` says which day of the term it is, if it counts."""

    day: date
    number: int | None
    why: LazyText
    provisional: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """A clock's expiry: its term and clause, every day, what else bore on it, and the levels."""

    clock: str
    base: datetime
    due: datetime
    term: Term
    term_text: LazyText
    clause: str
    days: tuple[CountedDay, ...]
    notes: tuple[LazyText, ...]
    levels: tuple[tuple[str, datetime], ...]
    provisional: bool


def explain(clock: Clock, state: State, context: RuleContext) -> Explanation:
    """Explain why a ticket's clock runs out when it does (Regulation 3, 4, 5)."""
    policy, calendar = context.policy, context.calendar
    handling = clock.name == ClockName.HANDLING
    term, clause = _term_and_clause(clock.name, state, policy)
    number, days = 0, []
    for day in days_between(clock.base, clock.due.astimezone(SHANGHAI).date(), calendar):
        number += day.counts
        days.append(CountedDay(day.day, number if day.counts else None, day.why, day.provisional))
    return Explanation(
        clock=clock.name,
        base=clock.base,
        due=clock.due,
        term=term,
        term_text=describe_term(term),
        clause=clause,
        days=tuple(days),
        notes=tuple(_notes(clock, state, context)),
        levels=tuple(moments(clock.base, clock.due, policy, calendar)) if handling else (),
        provisional=clock.provisional,
    )


def _term_and_clause(name: ClockName, state: State, policy: Policy) -> tuple[Term, str]:
    if name != ClockName.HANDLING:
        return policy.terms.of(name), _CLAUSES[name]
    assert state.category is not None
    return policy.terms.of(state.category), _CATEGORY_CLAUSES[state.category]


def deciding_clock(state: State) -> Clock | None:
    """Return the clock that the ticket's expiry is from: the nearer running of accept and handling.

    Where neither runs, the one that ended last.
    """
    clocks = [c for n in (ClockName.ACCEPT, ClockName.HANDLING) if (c := state.clocks.get(n))]
    running = [c for c in clocks if c.running]
    if running:
        return min(running, key=lambda c: c.due)
    return max(clocks, key=lambda c: c.ended_at or c.due, default=None)


def _notes(clock: Clock, state: State, context: RuleContext) -> list[LazyText]:
    notes = list(clock.why)
    name = state.category if clock.name == ClockName.HANDLING else clock.name
    if document := context.policy.overridden.get(f"terms.{name}"):
        notes.insert(0, lazy("the term is set by {document} (Regulation 7.3)", document=document))
    if clock.name == ClockName.HANDLING and (limit := state.limit) is not None:
        term = limit.term
        office, calendar = context.policy.office, context.calendar
        term_by_category, _clause = _term_and_clause(clock.name, state, context.policy)
        ordinary = expiry(clock.base, term_by_category, calendar, office)
        gaps: dict[str, str | int] = {
            "n": term.count,
            "unit": UNIT_NAMES[term.unit],
            "basis": limit.basis,
        }
        if expiry(clock.base, term, calendar, office) < ordinary:
            text = lazy("shortened by law to {n} {unit}: {basis} (Regulation 3.4.5)", **gaps)
        else:
            text = lazy("{n} {unit} by law change nothing: {basis} (Regulation 3.4.5)", **gaps)
        notes.append(text)
    if clock.provisional:
        notes.append(lazy("a day in it is only a guess of the calendar"))
    return notes
