"""Versions of the policy: each import is one, and one imported by mistake can be withdrawn."""

import pytest
from sqlalchemy import select

from models.database import Store
from models.operations.advance import advance
from models.operations.policies import (
    LastPolicyVersion,
    PolicyAlreadyWithdrawn,
    PolicyImport,
    clocks_under,
    import_policy,
    withdraw_policy,
)
from models.operations.rulebook_change import ChangedDecision, MovedClock, RulebookChange
from models.queries.policies import (
    PolicyVersionNotFound,
    policy_versions,
    tickets_by_policy,
    version_at,
)
from models.queries.verification import verify
from models.rulebook import RulebookCache, load_rulebook
from models.rules.policy import load_policy
from models.rules.vocabulary import EventName
from models.tables.core import TICKET
from tests.rules.district import POLICY_TEXT
from tests.store.factories import (
    RESULT,
    advance_tickets,
    at,
    feed,
    letter,
    log_of,
    message,
    row_of,
    simple_units,
)

pytestmark = pytest.mark.store(units=simple_units(), whole=True)

NOW = at("2026-11-02T12:00")


def with_complaint(term: str, valid_from: str = "2023-01-01") -> str:
    """The shipped policy with another term for complaints."""
    text = POLICY_TEXT.replace('complaint = "7 workdays"', f'complaint = "{term}"')
    return text.replace("valid_from = 2023-01-01", f"valid_from = {valid_from}")


def imported(store: Store, text: str) -> PolicyImport:
    """Import a policy."""
    with store.writing() as session:
        return import_policy(session, text, "mine.toml", NOW)


def withdrawn(store: Store, number: int, moment: str = "2026-11-02T12:00") -> RulebookChange:
    """Withdraw a version."""
    with store.writing() as session:
        return withdraw_policy(session, number, at(moment))


def accepted(store: Store, ticket: str, moment: str = "2026-11-02T09:00") -> None:
    """A complaint that 城管局 has accepted an hour after it came."""
    later = f"{moment[:-5]}10:00"
    feed(store, [letter(ticket, moment), message(ticket, "unit.accepted", later)], at(later))
    advance_tickets(store, [ticket], at(later))


def policy_of(store: Store, ticket: str) -> int:
    """The number of the version that a ticket runs under."""
    with store.reading() as session:
        by_id = {version.id: version.number for version in policy_versions(session)}
        return by_id[session.scalars(
            select(TICKET.c.policy_id).where(TICKET.c.number == ticket)
        ).one()]  # fmt: skip


def test_each_edit_is_a_version_even_one_that_goes_back(store: Store) -> None:
    """5, then 6, then 5 days again: the last import is in force, under a number of its own."""
    results = [imported(store, with_complaint(f"{n} workdays")) for n in (5, 6, 5)]
    assert [result.number for result in results] == [2, 3, 4]
    assert [(c.path, c.before, c.after) for c in results[-1].changes] == [
        ("terms.complaint", "6 workdays", "5 workdays")
    ]
    accepted(store, "P1")
    assert row_of(store, "P1").due == at("2026-11-09T17:30")
    assert policy_of(store, "P1") == 4
    again = imported(store, with_complaint("5 workdays"))
    assert (again.number, again.changes) == (None, []), "the same values make no version"


def test_running_tickets_keep_their_version(store: Store) -> None:
    """Regulation 7.2: what would be otherwise is shown, and stays as it is."""
    accepted(store, "P1")
    candidate = load_policy(with_complaint("5 workdays"), "mine.toml")
    with store.writing() as session:
        assert list(clocks_under(session, candidate, NOW)) == [
            MovedClock("P1", "handling", at("2026-11-11T17:30"), at("2026-11-09T17:30"))
        ]
        session.rollback()
    before = [event.hash for event in log_of(store, "P1")]
    imported(store, with_complaint("5 workdays"))
    accepted(store, "P2")
    assert (policy_of(store, "P1"), policy_of(store, "P2")) == (1, 2)
    assert row_of(store, "P1").due == at("2026-11-11T17:30")
    assert [event.hash for event in log_of(store, "P1")] == before


def test_a_version_says_for_which_tickets_it_holds(store: Store) -> None:
    imported(store, with_complaint("5 workdays", "2027-01-01"))
    imported(store, with_complaint("6 workdays", "2027-01-01"))
    with store.reading() as session:
        first, replaced, last = policy_versions(session)
        in_2026 = version_at([first, replaced, last], at("2026-12-31T23:59"))
        in_2027 = version_at([first, replaced, last], at("2027-01-01T00:00"))
    assert (str(first.holds_from), str(first.holds_until)) == ("2023-01-01", "2027-01-01")
    assert (replaced.holds_from, replaced.replaced_by) == (None, 3)
    assert (str(last.holds_from), last.holds_until) == ("2027-01-01", None)
    assert (in_2026, in_2027) == (first, last)


def test_the_tickets_of_a_withdrawn_version_are_folded_under_the_one_that_holds(
    store: Store,
) -> None:
    """Imported by mistake with a term of one day: cards come back off, the clock moves."""
    imported(store, with_complaint("1 workday"))
    accepted(store, "P1")
    advance_tickets(store, ["P1"], at("2026-11-05T09:00"))
    assert row_of(store, "P1").level == "red"
    cache = RulebookCache()
    with store.reading() as session:
        assert len(cache.current(session).policies) == 2
    change = withdrawn(store, 2, "2026-11-05T10:00")
    assert change.tickets == 1
    assert change.moved == [
        MovedClock("P1", "handling", at("2026-11-03T17:30"), at("2026-11-11T17:30"))
    ]
    assert set(change.decisions) == {
        ChangedDecision("P1", EventName.ALERT_RAISED, level, came=False)
        for level in ("prewarning", "yellow", "red")
    }
    row = row_of(store, "P1")
    assert (row.level, row.due, policy_of(store, "P1")) == (None, at("2026-11-11T17:30"), 1)
    moved = next(event for event in log_of(store, "P1") if event.name == "clock.moved")
    assert moved.data["why"]["text"] == "policy {n} was withdrawn: {document}"
    accepted(store, "P2", "2026-11-06T09:00")
    assert policy_of(store, "P2") == 1
    with store.reading() as session:
        assert list(cache.current(session).policies) != [], "workers see it"
        assert len(cache.current(session).policies) == 1
        assert tickets_by_policy(session).keys() == {policy_versions(session)[0].id}
    assert verify(store).broken is None
    advance_tickets(store, ["P1"], at("2026-11-13T08:30"))
    assert row_of(store, "P1").level == "red", "under the other version, in its time"


def test_an_archived_ticket_keeps_its_withdrawn_version(store: Store) -> None:
    imported(store, with_complaint("5 workdays"))
    accepted(store, "P1")
    more = [
        message("P1", "result.submitted", "2026-11-03T10:00", **RESULT),
        message("P1", "result.reviewed", "2026-11-03T11:00", approved=True),
        message("P1", "survey.rated", "2026-11-03T12:00", rating="satisfied"),
        message("P1", "contact.attempted", "2026-11-03T15:00", purpose="first",
                outcome="reached", method="phone"),
        message("P1", "contact.attempted", "2026-11-03T15:30", purpose="closing",
                outcome="reached", method="phone"),
    ]  # fmt: skip
    feed(store, more, at("2026-11-03T16:00"))
    advance_tickets(store, ["P1"], at("2026-11-30T12:00"))
    assert row_of(store, "P1").status == "archived"
    change = withdrawn(store, 2, "2026-11-30T12:30")
    assert (change.tickets, policy_of(store, "P1")) == (0, 2)
    late_find = message("P1", "conduct.recorded", "2026-12-01T09:00", ground="falsified")
    feed(store, [late_find], at("2026-12-01T09:00"))
    with store.writing() as session:
        result = advance(session, ["P1"], load_rulebook(session), at("2026-12-01T09:00"))
    assert result.refused == 0, "its context is there all the same"


def test_what_was_done_stands_under_a_withdrawn_version(store: Store) -> None:
    """An extension that the other version would not have granted keeps the ticket as it is."""
    many = with_complaint("7 workdays").replace("most = 2", "most = 3")
    imported(store, many)
    accepted(store, "P1")
    parts = dict.fromkeys(("facts", "reasons", "progress", "next_steps"), "有")
    asked = [
        message("P1", "extension.requested", f"2026-11-03T1{n}:00", claimant_told=True, **parts)
        for n in range(3)
    ]
    feed(store, asked, at("2026-11-03T13:00"))
    advance_tickets(store, ["P1"], at("2026-11-03T13:00"))
    due = row_of(store, "P1").due
    change = withdrawn(store, 2, "2026-11-03T14:00")
    assert change.kept == ["P1"]
    assert (row_of(store, "P1").due, policy_of(store, "P1")) == (due, 2)


def test_the_last_version_stays(store: Store) -> None:
    with pytest.raises(LastPolicyVersion):
        withdrawn(store, 1)
    imported(store, with_complaint("5 workdays"))
    withdrawn(store, 1)
    with pytest.raises(PolicyAlreadyWithdrawn):
        withdrawn(store, 1)
    with pytest.raises(LastPolicyVersion):
        withdrawn(store, 2)
    with pytest.raises(PolicyVersionNotFound, match="1, 2"):
        withdrawn(store, 9)
    assert imported(store, POLICY_TEXT).number == 3, "a withdrawn text is imported anew"


def test_a_ticket_of_a_withdrawn_first_version_runs_under_the_next(store: Store) -> None:
    """With the first version gone, the next one is the first: older tickets run under it (7.2)."""
    imported(store, with_complaint("5 workdays", "2027-01-01"))
    accepted(store, "P1")
    withdrawn(store, 1)
    assert policy_of(store, "P1") == 2
    assert row_of(store, "P1").due == at("2026-11-09T17:30")
