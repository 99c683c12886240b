"""Decision 31: a figure belongs to the unit that held the duty, in the month in which it ended."""

from collections.abc import Sequence
from typing import Any

import pytest

from models.database import Store
from models.operations.units import rename_unit
from models.queries.figure_cases import Counts, figure_counts
from models.queries.figures import Month
from models.queries.unit_names import load_unit_names
from tests.store.factories import RESULT, advance_tickets, at, feed, letter, message, simple_units

OCTOBER, NOVEMBER, DECEMBER = Month(2026, 10), Month(2026, 11), Month(2026, 12)
A, B = "城管局", "住建局"

pytestmark = pytest.mark.store(units=simple_units())


def live(store: Store, messages: Sequence[dict[str, Any]], until: str) -> None:
    """Feed messages, and let their tickets live until a moment."""
    now = at(until)
    feed(store, messages, now)
    advance_tickets(store, sorted({m["ticket"] for m in messages}), now)


def _counts(store: Store, month: Month) -> Counts:
    with store.reading() as session:
        return figure_counts(session, [month])[0]


def _some(counts: Counts, unit: str, *figures: str) -> tuple[int, ...]:
    return tuple(counts.get(unit, {}).get(figure, 0) for figure in figures)


def _submitted(moment: str, unit: str = A) -> dict[str, Any]:
    return message("T", "result.submitted", moment, unit=unit, **RESULT)


def _accepted(received: str) -> list[dict[str, Any]]:
    return [
        letter("T", f"{received}T09:00"),
        message("T", "unit.accepted", f"{received}T10:00"),
    ]


def _called(purpose: str, moment: str, unit: str = A) -> dict[str, Any]:
    about = {"purpose": purpose, "outcome": "reached", "method": "phone", "unit": unit}
    return message("T", "contact.attempted", moment, **about)


REWORKED_BY_B = [
    *_accepted("2026-10-12"),
    _submitted("2026-10-26T10:00"),
    message("T", "result.reviewed", "2026-10-26T15:00", approved=True),
    message("T", "survey.rated", "2026-10-26T16:00", rating="dissatisfied"),
    message("T", "revisit.recorded", "2026-10-26T17:00", outcome="confirmed"),
    message("T", "rework.requested", "2026-11-03T10:00", unit=B),
    _submitted("2026-11-05T10:00", B),
    message("T", "result.reviewed", "2026-11-05T15:00", approved=True),
    message("T", "survey.rated", "2026-11-05T16:00", rating="satisfied"),
]


def test_another_units_second_handling_moves_no_late_completion(store: Store) -> None:
    """A is late in October; what B does in November leaves October as it was."""
    live(store, REWORKED_BY_B[:6], "2026-11-02T09:00")
    before = _counts(store, OCTOBER)
    live(store, REWORKED_BY_B[6:7], "2026-11-04T09:00")
    assert _counts(store, OCTOBER) == before
    live(store, REWORKED_BY_B[7:], "2026-11-20T09:00")
    october, november = _counts(store, OCTOBER), _counts(store, NOVEMBER)
    assert october == before
    figures = ("tickets", "completed", "timed", "late", "rated", "satisfied")
    assert _some(october, A, *figures) == (1, 1, 1, 1, 1, 0)
    assert _some(november, A, *figures) == (0, 0, 0, 0, 0, 0)
    assert _some(november, B, *figures) == (0, 1, 1, 0, 1, 1)
    assert B not in october


def test_a_denial_after_a_rework_by_another_charges_the_unit_that_owed_the_call(
    store: Store,
) -> None:
    life = [*REWORKED_BY_B[:2], _called("first", "2026-10-12T11:00"), *REWORKED_BY_B[2:6]]
    denial = message("T", "contact.denied", "2026-11-03T11:00", purpose="first")
    live(store, [*life, denial, *REWORKED_BY_B[6:]], "2026-11-20T09:00")
    october, november = _counts(store, OCTOBER), _counts(store, NOVEMBER)
    assert _some(october, A, "first_due", "first_contact") == (1, 0)
    assert _some(november, A, "absent") == (1,)
    assert _some(november, B, "absent", "first_due") == (0, 0)


def test_a_contact_that_was_not_owed_yet_is_charged_to_nobody(store: Store) -> None:
    """A denial before anything was owed is refused; the call that comes later counts."""
    live(
        store,
        [
            letter("T", "2026-11-02T09:00"),
            message("T", "contact.denied", "2026-11-02T09:30", purpose="first"),
            message("T", "unit.accepted", "2026-11-02T10:00"),
            _called("first", "2026-11-02T15:00"),
        ],
        "2026-11-06T09:00",
    )
    november = _counts(store, NOVEMBER)
    assert _some(november, A, "first_due", "first_contact", "absent") == (1, 1, 0)


def test_a_denial_in_a_later_month_counts_where_each_duty_ended(store: Store) -> None:
    """The call stops counting in its own month; the absence counts in the month of the proof."""
    life = [*_accepted("2026-10-29"), _called("first", "2026-10-29T15:00")]
    live(store, life, "2026-11-01T09:00")
    assert _some(_counts(store, OCTOBER), A, "first_due", "first_contact") == (1, 1)
    live(
        store,
        [message("T", "contact.denied", "2026-11-02T09:00", purpose="first")],
        "2026-11-05T09:00",
    )
    assert _some(_counts(store, OCTOBER), A, "first_due", "first_contact") == (1, 0)
    assert _some(_counts(store, NOVEMBER), A, "first_due", "absent") == (0, 1)


def test_a_result_counts_when_it_was_submitted_and_its_approval_when_it_was_given(
    store: Store,
) -> None:
    life = [*_accepted("2026-10-26"), _submitted("2026-10-30T10:00")]
    live(store, life, "2026-11-01T09:00")
    before = _counts(store, OCTOBER)
    assert _some(before, A, "timed", "on_time", "completed") == (1, 1, 0)
    live(
        store,
        [message("T", "result.reviewed", "2026-11-02T10:00", approved=True)],
        "2026-11-02T12:00",
    )
    assert _counts(store, OCTOBER) == before
    assert _some(_counts(store, NOVEMBER), A, "timed", "completed") == (0, 1)


def test_a_refused_result_ends_no_duty(store: Store) -> None:
    life = [*_accepted("2026-10-26"), _submitted("2026-10-30T10:00")]
    refused = message("T", "result.reviewed", "2026-11-02T10:00", approved=False)
    live(store, [*life, refused], "2026-11-03T09:00")
    assert _some(_counts(store, OCTOBER), A, "timed", "on_time") == (0, 0)
    live(store, [_submitted("2026-11-05T10:00")], "2026-11-05T12:00")
    assert _some(_counts(store, NOVEMBER), A, "timed", "on_time", "late") == (1, 0, 1)


def test_a_withdrawn_ticket_leaves_what_had_ended(store: Store) -> None:
    """The call that was owed and made counts; the handling was cancelled and does not."""
    life = [*_accepted("2026-10-26"), _called("first", "2026-10-26T15:00")]
    gone = message("T", "claimant.withdrew", "2026-10-27T09:00", to="hotline")
    live(store, [*life, gone], "2026-11-10T09:00")
    october = _counts(store, OCTOBER)
    assert _some(october, A, "tickets", "first_contact", "timed", "completed") == (1, 1, 0, 0)


def test_a_returned_ticket_stays_with_the_unit_that_got_it_first(store: Store) -> None:
    """Given to another in November, it does not leave the October of the first."""
    paper = {"reason": "不属我局", "basis": "职责清单", "signed_by": "副局长"}
    returned = message("T", "unit.returned", "2026-10-30T11:00", suggested_unit=B, **paper)
    live(store, [letter("T", "2026-10-30T09:00"), returned], "2026-10-30T12:00")
    before = _counts(store, OCTOBER)
    approved = message("T", "return.reviewed", "2026-11-02T09:00", approved=True, unit=B)
    accepted = message("T", "unit.accepted", "2026-11-02T10:00", unit=B)
    live(store, [approved, accepted], "2026-11-02T12:00")
    assert _some(before, A, "tickets", "returns") == (1, 1)
    assert _some(_counts(store, OCTOBER), A, "tickets", "returns") == (1, 1)
    assert B not in _counts(store, OCTOBER)


def test_what_passes_to_a_successor_while_it_runs_is_the_successors(store: Store) -> None:
    """What had ended by then stays with the unit that held it."""
    life = [*_accepted("2026-10-29"), _called("first", "2026-10-29T15:00")]
    passed_on = message("T", "unit.succeeded", "2026-11-02T09:00", unit=A, successor=B)
    live(store, [*life, passed_on, _submitted("2026-11-03T10:00", B)], "2026-11-04T09:00")
    october, november = _counts(store, OCTOBER), _counts(store, NOVEMBER)
    assert _some(october, A, "tickets", "first_contact") == (1, 1)
    assert _some(november, B, "timed", "on_time") == (1, 1)
    assert A not in november


def test_the_hotlines_own_duties_are_counted_beside_the_units(store: Store) -> None:
    """Decision 33: a review in time, and a survey that nobody made."""
    life = [*_accepted("2026-10-26"), _submitted("2026-10-27T10:00")]
    approved = message("T", "result.reviewed", "2026-10-27T15:00", approved=True)
    live(store, [*life, approved], "2026-11-04T09:00")
    october = _counts(store, OCTOBER)
    assert _some(october, "city_hotline", "result_review_met", "result_review_expired") == (1, 0)
    assert _some(october, "city_hotline", "survey_met", "survey_expired") == (0, 1)
    assert not {"city_hotline", "district_desk"} & {
        unit for unit, counts in october.items() if "timed" in counts or "tickets" in counts
    }


def test_a_renamed_unit_counts_under_its_present_name(store: Store) -> None:
    """What it did under the old name stands in the line of the new one."""
    live(store, _accepted("2026-10-29"), "2026-11-01T09:00")
    with store.writing() as session:
        rename_unit(session, A, "城管执法局", at("2026-11-02T09:00"))
    with store.reading() as session:
        names = load_unit_names(session)
        (october,) = figure_counts(session, [OCTOBER], names)
    assert _some(october, "城管执法局", "tickets") == (1,)
    assert A not in october
