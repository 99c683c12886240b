"""Explain a deadline: a clock's expiry day by day, its clause and its levels."""

from dataclasses import dataclass
from datetime import datetime

from models.i18n import LazyText, PrivateText, lazy
from models.rules.counted_days import CountedDay, count_days
from models.rules.fields import Limit
from models.rules.levels import moments, provisional
from models.rules.state import Clock, RuleContext, State
from models.rules.terms import Term, describe_term, expiry
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
    ClockName.DESIGNATION: "6.1",
    ClockName.ASSIGNMENT: "3",
    ClockName.RETURN_REVIEW: "3.2",
    ClockName.RESULT_REVIEW: "3.7",
    ClockName.MEDIATION: "3.3",
    ClockName.REVISIT: "4.5",
}
LEVEL_CLAUSES = {level: f"5.{item}" for item, level in enumerate(Level, 1)}
"""The clause by which each level reminds somebody; the policy says whom."""
_CATEGORY_CLAUSES = {category: f"3.4.{item}" for item, category in enumerate(Category, 1)}
_BY_LAW = "3.4.5"


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
    term, clause = _term_and_clause(clock, state, context)
    return Explanation(
        clock=clock.name,
        base=clock.base,
        due=clock.due,
        term=term,
        term_text=describe_term(term),
        clause=clause,
        days=tuple(count_days(clock.base, clock.due, term, calendar, policy.office)),
        notes=tuple(_notes(clock, state, context)),
        levels=tuple(moments(clock.base, clock.due, policy, calendar)) if handling else (),
        provisional=clock.provisional,
    )


def explain_term(
    base: datetime, category: Category, limit: Limit | None, context: RuleContext
) -> Explanation:
    """Explain when the term of a category from `base` would expire, perhaps with a legal limit."""
    policy, calendar = context.policy, context.calendar
    terms = [policy.terms.of(category), *([limit.term] if limit else [])]
    due = min(expiry(base, term, calendar, policy.office) for term in terms)
    is_guess = provisional(base, moments(base, due, policy, calendar), calendar)
    clock = Clock(ClockName.HANDLING, base, due, is_guess)
    return explain(clock, State("", category=category, limit=limit), context)


def deciding_clock(state: State) -> Clock | None:
    """Return the clock that the ticket's expiry is from: the nearer running of accept and handling.

    Where neither runs, the one that ended last.
    """
    clocks = [c for n in (ClockName.ACCEPT, ClockName.HANDLING) if (c := state.clocks.get(n))]
    running = [c for c in clocks if c.running]
    if running:
        return min(running, key=lambda c: c.due)
    return max(clocks, key=lambda c: c.ended_at or c.due, default=None)


def _term_and_clause(clock: Clock, state: State, context: RuleContext) -> tuple[Term, str]:
    terms = context.policy.terms
    if clock.name != ClockName.HANDLING:
        return terms.of(clock.name), _CLAUSES[clock.name]
    assert state.category is not None
    if state.limit is not None and _is_shorter(state.limit, clock, state, context):
        return state.limit.term, _BY_LAW
    return terms.of(state.category), _CATEGORY_CLAUSES[state.category]


def _is_shorter(limit: Limit, clock: Clock, state: State, context: RuleContext) -> bool:
    """Return whether the legal limit ends before the category's term (3.4.5)."""
    policy, calendar = context.policy, context.calendar
    assert state.category is not None
    ordinary = expiry(clock.base, policy.terms.of(state.category), calendar, policy.office)
    return expiry(clock.base, limit.term, calendar, policy.office) < ordinary


def _notes(clock: Clock, state: State, context: RuleContext) -> list[LazyText]:
    notes = list(clock.why)
    handling = clock.name == ClockName.HANDLING
    limit = state.limit if handling else None
    shorter = limit is not None and _is_shorter(limit, clock, state, context)
    name = state.category if handling else clock.name
    document = context.policy.overridden.get(f"terms.{name}")
    if document and not shorter:
        notes.insert(0, lazy("the term is set by {document} (Regulation 7.3)", document=document))
    if limit is not None:
        notes.append(_limit_note(limit, shorter=shorter))
    if clock.provisional:
        notes.append(lazy("a day in it is only a guess of the calendar"))
    return notes


def _limit_note(limit: Limit, *, shorter: bool) -> LazyText:
    term = str(limit.term)
    if not limit.basis:
        if shorter:
            return lazy("shortened by law to {term} (Regulation 3.4.5)", term=term)
        return lazy("a limit of {term} by law changes nothing (Regulation 3.4.5)", term=term)
    gaps: dict[str, str | int | PrivateText] = {"term": term, "basis": limit.basis}
    if shorter:
        return lazy("shortened by law to {term}: {basis} (Regulation 3.4.5)", **gaps)
    return lazy("a limit of {term} by law changes nothing: {basis} (Regulation 3.4.5)", **gaps)
