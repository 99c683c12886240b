"""Why this deadline: a clock's expiry, day by day, with the clause and the levels behind it."""

from dataclasses import dataclass
from datetime import date, datetime

from models.i18n import LazyText, lazy
from models.rules.calendar import SHANGHAI
from models.rules.levels import moments
from models.rules.policy import CATEGORIES
from models.rules.state import HANDLE, Clock, RuleContext, State
from models.rules.terms import Term, days_between, describe_term, expiry

_CLAUSES = {
    "accept": "3.1",
    "evidence": "3.3",
    "on_site": "3.4",
    "emergency_report": "3.4",
    "first_contact": "4.1",
    "closing_contact": "4.2",
    "survey": "4.4",
    "proof": "4.3",
}
LADDER_CLAUSES = {"prewarning": "5.1", "yellow": "5.2", "red": "5.3"}
"""The clause by which each level reminds somebody; the policy says whom."""
_HANDLING = {category: f"3.4.{item}" for item, category in enumerate(CATEGORIES, 1)}


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
    """Why a ticket's clock runs out when it does (Regulation 3, 4, 5)."""
    policy, calendar = context.policy, context.calendar
    handling = clock.name == HANDLE
    term: Term = getattr(policy.terms, state.category if handling else clock.name)
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
        clause=_HANDLING[state.category] if handling else _CLAUSES[clock.name],
        days=tuple(days),
        notes=tuple(_notes(clock, state, context)),
        levels=tuple(moments(clock.base, clock.due, policy, calendar)) if handling else (),
        provisional=clock.provisional,
    )


def deciding_clock(state: State) -> Clock | None:
    """The clock whose expiry the ticket's is: the nearest running of accept and handling.

    Where neither runs, the one that ended last.
    """
    clocks = [c for n in ("accept", HANDLE) if (c := state.clocks.get(n))]
    running = [c for c in clocks if c.running]
    if running:
        return min(running, key=lambda c: c.due)
    return max(clocks, key=lambda c: c.ended_at or c.due, default=None)


def _notes(clock: Clock, state: State, context: RuleContext) -> list[LazyText]:
    notes = list(clock.why)
    name = state.category if clock.name == HANDLE else clock.name
    if document := context.policy.overridden.get(f"terms.{name}"):
        notes.insert(0, lazy("the term is set by {document} (Regulation 7.3)", document=document))
    if clock.name == HANDLE and (limit := state.limit) is not None:
        days = limit.workdays is not None
        term = Term(limit.workdays or limit.hours or 0, "workdays" if days else "hours")
        office, calendar = context.policy.office, context.calendar
        own = expiry(clock.base, getattr(context.policy.terms, state.category), calendar, office)
        gaps = {"n": term.count, "unit": term.unit, "basis": limit.basis}
        if expiry(clock.base, term, calendar, office) < own:
            text = lazy("shortened by law to {n} {unit}: {basis} (Regulation 3.4.5)", **gaps)
        else:
            text = lazy("{n} {unit} by law change nothing: {basis} (Regulation 3.4.5)", **gaps)
        notes.append(text)
    if clock.provisional:
        notes.append(lazy("a day in it is only a guess of the calendar"))
    return notes
