"""Explanations of a deadline: base, days, clause, and what else bears on it."""

from typing import Any

from models.i18n import render
from models.rules.explain import Explanation, deciding_clock, explain, explain_term
from models.rules.fields import Limit
from models.rules.lifecycle.decide import fold
from models.rules.state import RuleContext, State
from models.rules.vocabulary import Category
from tests.rules.district import CALENDAR, POLICY, instant
from tests.rules.moves import message, received
from tests.rules.random_lives import (
    ACCEPTED,
    DECIDED,
    DISPUTE,
    EXTENSION,
    LEAD,
    NOT_AGREED,
    REFUSED,
    RESULT,
    RETURNED,
    SUPPLEMENT,
    TICKET,
    Step,
)

CONTEXT = RuleContext(POLICY, CALENDAR)


def explained(
    *steps: tuple[str, Step], until: str, begun: str = "2026-11-02 09:00", **letter: Any
) -> Explanation:
    """The deadline of a ticket, of a Monday without holidays near, after these steps."""
    first = (begun, received(unit=LEAD, **letter))
    messages = [message(step, instant(at), n) for n, (at, step) in enumerate([first, *steps], 1)]
    state = State(TICKET)
    fold(state, messages, CONTEXT, instant(until))
    clock = deciding_clock(state)
    assert clock is not None
    return explain(clock, state, CONTEXT)


def notes(why: Explanation) -> str:
    """The notes in one text."""
    return "\n".join(render(note) for note in why.notes)


def test_every_day_is_there_with_its_reason() -> None:
    why = explained(("2026-11-06 10:00", ACCEPTED), until="2026-11-06 11:00", category="help")
    assert (why.clause, why.base) == ("3.4.3", instant("2026-11-03 17:30")), "deemed accepted"
    assert [(d.day.day, d.number) for d in why.days] == [(3, None), (4, 1), (5, 2), (6, 3)]
    assert render(why.days[0].why) == "the day of the base is not counted"
    why = explained(until="2026-11-02 10:00")
    assert (why.clock, why.clause, why.due) == ("accept", "3.1", instant("2026-11-03 17:30"))


def test_a_holiday_says_which() -> None:
    accepted = ("2026-09-30 10:00", ACCEPTED)
    why = explained(accepted, until="2026-09-30 11:00", begun="2026-09-30 09:00", category="help")
    days = {d.day.isoformat(): (d.number, render(d.why)) for d in why.days}
    assert days["2026-10-01"] == (None, "National Day")
    assert days["2026-10-10"] == (3, "make-up working day for National Day")


def test_the_law_is_named_whether_it_shortens_or_not() -> None:
    accepted = ("2026-11-02 10:00", ACCEPTED)
    shorter = {"workdays": 2, "basis": "某法第三条"}
    why = explained(accepted, until="2026-11-02 11:00", statutory_limit=shorter)
    assert why.due == instant("2026-11-04 17:30")
    assert "shortened by law to 2" in notes(why)
    assert "(not shown)" in notes(why), "the basis is what somebody wrote, and in no state"
    longer = {"workdays": 20, "basis": "某法第三条"}
    why = explained(accepted, until="2026-11-02 11:00", statutory_limit=longer)
    assert "changes nothing" in notes(why)


def test_a_shorter_limit_by_law_is_the_term_that_is_explained() -> None:
    accepted = ("2026-11-02 10:00", ACCEPTED)
    hours = {"hours": 100, "basis": "某法第三条"}
    why = explained(accepted, until="2026-11-02 11:00", statutory_limit=hours)
    assert (render(why.term_text), why.clause) == ("100 hours", "3.4.5")
    assert all(day.counts for day in why.days), "hours run over the weekend too"
    assert "shortened by law to 100 hours" in notes(why)
    days = {"days": 3, "basis": "某法第三条"}
    why = explained(accepted, until="2026-11-02 11:00", statutory_limit=days)
    assert (render(why.term_text), why.clause) == ("3 calendar days", "3.4.5")
    longer = {"workdays": 20, "basis": "某法第三条"}
    why = explained(accepted, until="2026-11-02 11:00", statutory_limit=longer)
    assert (render(why.term_text), why.clause) == ("7 working days", "3.4.4")


def test_a_term_alone_is_explained_as_that_of_a_ticket() -> None:
    begin = instant("2026-11-02 10:00")
    why = explain_term(begin, Category.COMPLAINT, Limit("", workdays=10), CONTEXT)
    assert why.due == instant("2026-11-11 17:30")
    assert notes(why) == "a limit of 10 working days by law changes nothing (Regulation 3.4.5)"
    why = explain_term(begin, Category.COMPLAINT, Limit("", workdays=1), CONTEXT)
    assert notes(why) == "shortened by law to 1 working day (Regulation 3.4.5)"
    why = explain_term(begin, Category.COMPLAINT, Limit("", hours=5), CONTEXT)
    assert why.due == instant("2026-11-02 15:00")
    assert notes(why) == "shortened by law to 5 hours (Regulation 3.4.5)"


def test_restarts_and_extensions_are_told_with_their_cause() -> None:
    accepted = ("2026-11-02 10:00", ACCEPTED)
    why = explained(
        accepted,
        ("2026-11-03 10:00", EXTENSION),
        ("2026-11-04 10:00", SUPPLEMENT),
        until="2026-11-04 11:00",
    )
    assert [render(n) for n in why.notes] == ["the claimant added new facts (Regulation 3.4.6)"]
    why = explained(accepted, ("2026-11-03 10:00", EXTENSION), until="2026-11-04 11:00")
    assert [render(n) for n in why.notes] == ["extension 1 (Regulation 3.5)"]


def test_counting_back_to_the_first_receipt_is_told() -> None:
    returned = ("2026-11-02 10:00", RETURNED)
    why = explained(returned, ("2026-11-02 11:00", NOT_AGREED), until="2026-11-02 12:00")
    assert "the city refused the return" in notes(why)
    disputed = ("2026-11-02 10:00", DISPUTE)
    why = explained(disputed, ("2026-11-02 11:00", DECIDED), until="2026-11-02 12:00")
    assert "decided in a dispute" in notes(why)
    submitted = [("2026-11-03 10:00", EXTENSION), ("2026-11-03 11:00", RESULT)]
    refused = ("2026-11-03 12:00", REFUSED)
    why = explained(*submitted, refused, until="2026-11-03 13:00", category="complaint")
    assert why.base == instant("2026-11-02 09:00")
    assert "counted from the first receipt (Regulation 3.7)" in notes(why)
