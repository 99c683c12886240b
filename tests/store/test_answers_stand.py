"""What people did and answers that were given stand, whatever comes late (decisions 27, 29)."""

from datetime import date
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from models.database import Store
from models.operations.calendar import change_calendar
from models.operations.rulebook_change import RulebookChange
from models.rules.calendar import DeclaredDay
from models.rules.state import State, read_state
from models.tables.core import CLOCK
from tests.store.factories import (
    RESULT,
    advance_tickets,
    at,
    feed,
    keep_as,
    letter,
    log_of,
    message,
    row_of,
)

pytestmark = pytest.mark.store(databases=["sqlite", "postgresql"], whole=True)

A = "城市管理和综合执法局"

EXTENSION = {
    "facts": "事实",
    "reasons": "理由",
    "progress": "进展",
    "next_steps": "计划",
    "claimant_told": True,
}


def _happen(store: Store, *messages: dict[str, Any], until: str | None = None) -> None:
    """Feed messages of one ticket as they happen, and advance it to `until`."""
    for each in messages:
        feed(store, [each], at(each["at"]))
        advance_tickets(store, [each["ticket"]], at(each["at"]))
    if until:
        advance_tickets(store, [messages[0]["ticket"]], at(until))


def _come_late(store: Store, late: dict[str, Any], now: str) -> None:
    feed(store, [late], at(now))
    advance_tickets(store, [late["ticket"]], at(now))


def _declare(store: Store, day: date, now: str, *, working: bool) -> RulebookChange:
    with store.writing() as session:
        return change_calendar(session, {day: DeclaredDay(working, "调休通知")}, at(now))


def _names(store: Store, ticket: str) -> list[str]:
    return [event.name for event in log_of(store, ticket)]


def _state(store: Store, ticket: str) -> State:
    return read_state(ticket, row_of(store, ticket).state)


def _taken_back(store: Store, ticket: str) -> list[str]:
    events = log_of(store, ticket)
    return [e.data["name"] for e in events if e.name == "decision.withdrawn"]


def test_a_day_declared_behind_an_acceptance_never_takes_it_back(store: Store) -> None:
    """A Saturday declared working would have made the unit accept too late: it did not, ever."""
    _happen(
        store,
        letter("K1", "2026-11-27T09:00"),
        message("K1", "unit.accepted", "2026-11-30T10:00"),
    )
    _declare(store, date(2026, 11, 28), "2026-11-30T12:00", working=True)
    vain = {"purpose": "first", "method": "phone", "outcome": "no_answer"}
    late = message("K1", "contact.attempted", "2026-11-27T15:00", **vain)
    _come_late(store, late, "2026-11-30T13:00")
    names = _names(store, "K1")
    assert "message.refused" not in names
    assert "contact.recorded" in names
    assert names.count("ticket.accepted") == 1
    assert "ticket.accepted" not in _taken_back(store, "K1")


def test_a_granted_extension_stands_under_another_calendar(store: Store) -> None:
    """Asked in time by the days of then: a day declared working later refuses nothing."""
    _happen(
        store,
        letter("K2", "2026-11-04T09:00", category="help"),
        message("K2", "unit.accepted", "2026-11-05T10:00"),
        # due 10 November; to be asked by the 9th
        message("K2", "extension.requested", "2026-11-09T16:00", **EXTENSION),
    )
    before = row_of(store, "K2").due
    _declare(store, date(2026, 11, 7), "2026-11-09T17:00", working=True)
    assert _taken_back(store, "K2") == []
    assert row_of(store, "K2").due == before
    _come_late(store, message("K2", "site.arrived", "2026-11-06T10:00"), "2026-11-10T09:00")
    assert _taken_back(store, "K2") == []
    assert _names(store, "K2").count("extension.granted") == 1
    assert _state(store, "K2").extensions == 1


def test_a_late_message_that_would_refuse_a_granted_extension_is_refused(store: Store) -> None:
    """A rework told late would have forbidden it; the unit has its answer."""
    _happen(
        store,
        letter("K3", "2026-11-02T09:00", category="help"),
        message("K3", "unit.accepted", "2026-11-02T10:00"),
        message("K3", "extension.requested", "2026-11-04T16:00", **EXTENSION),
    )
    limit = {"statutory_limit": {"workdays": 1, "basis": "某法"}, "by": "区热线", "why": "有误"}
    late = message("K3", "ticket.amended", "2026-11-03T09:00", **limit)
    _come_late(store, late, "2026-11-05T09:00")
    (refused,) = [e for e in log_of(store, "K3") if e.name == "message.refused"]
    assert refused.data["why"]["args"]["types"] == "extension.requested"
    assert _taken_back(store, "K3") == []


def test_an_extension_that_is_judged_again_moves_the_clock_in_the_log(store: Store) -> None:
    """Facts added earlier, told late, put the request in time: it is granted, and both move it."""
    _happen(
        store,
        letter("K4", "2026-11-02T09:00", category="help"),
        message("K4", "unit.accepted", "2026-11-02T10:00"),
        # due 5 November, asked on the day: too late
        message("K4", "extension.requested", "2026-11-05T10:00", **EXTENSION),
    )
    assert _names(store, "K4").count("extension.refused") == 1
    _come_late(
        store,
        message("K4", "claimant.supplemented", "2026-11-04T10:00", text="新情况"),
        "2026-11-05T11:00",
    )
    events = log_of(store, "K4")
    moved = [e.data["due"] for e in events if e.name == "clock.moved"]
    granted = [e.data["due"] for e in events if e.name == "extension.granted"]
    assert len(moved) == 2
    assert moved[-1:] == granted
    assert _taken_back(store, "K4") == ["extension.refused"]


def test_a_late_second_result_starts_its_survey_in_the_log(store: Store) -> None:
    """The first one was refused; the second one's survey begins and expires as its own."""
    _happen(
        store,
        letter("K5", "2026-11-02T09:00"),
        message("K5", "unit.accepted", "2026-11-02T10:00"),
        message("K5", "result.submitted", "2026-11-03T10:00", **RESULT),
        message("K5", "result.reviewed", "2026-11-03T15:00", approved=False),
        until="2026-11-09T10:00",
    )
    _come_late(
        store,
        message("K5", "result.submitted", "2026-11-04T10:00", **RESULT),
        "2026-11-09T10:00",
    )
    survey = [e.name for e in log_of(store, "K5") if e.data.get("clock") == "survey"]
    assert [n for n in survey if n.startswith("clock.")] == [
        "clock.started",
        "clock.stopped",
        "clock.started",
        "clock.expired",
    ]
    with store.reading() as session:
        rows = session.execute(
            select(CLOCK.c.ordinal, CLOCK.c.state, CLOCK.c.holder)
            .where(CLOCK.c.name == "survey")
            .order_by(CLOCK.c.ordinal)
        ).all()
    assert [tuple(row) for row in rows] == [
        (1, "cancelled", "city_hotline"),
        (2, "expired", "city_hotline"),
    ]


def test_a_run_that_nobody_met_is_not_told_as_met(store: Store) -> None:
    """A supplement told late begins another run: the one before was never met."""
    _happen(
        store,
        letter("K6", "2026-11-02T09:00", category="help"),
        message("K6", "unit.accepted", "2026-11-02T10:00"),
        until="2026-11-09T10:00",
    )
    _come_late(
        store,
        message("K6", "claimant.supplemented", "2026-11-04T10:00", text="新情况"),
        "2026-11-09T10:00",
    )
    names = _names(store, "K6")
    assert [e.data["outcome"] for e in log_of(store, "K6") if e.name == "clock.stopped"] == ["met"]
    assert names.count("alert.withdrawn") == 2
    assert row_of(store, "K6").due == at("2026-11-09T17:30")


def test_an_old_log_is_told_only_what_the_change_changes(store: Store) -> None:
    """A log that older rules began gets nothing that only today's rules say."""
    _happen(
        store,
        letter("K7", "2026-11-02T09:00"),
        message("K7", "unit.accepted", "2026-11-02T10:00"),
        message("K7", "result.submitted", "2026-11-03T10:00", **RESULT),
        until="2026-11-06T10:00",
    )

    def older(state: State) -> State:
        clocks = {
            k: msgspec.structs.replace(c, holder="")
            for k, c in state.clocks.items()
            if k != "result_review"
        }
        return msgspec.structs.replace(state, edition=1, clocks=clocks)

    keep_as(store, "K7", older)
    count = len(log_of(store, "K7"))
    call = {"purpose": "first", "method": "phone", "outcome": "reached"}
    _come_late(
        store, message("K7", "contact.attempted", "2026-11-02T15:00", **call), "2026-11-06T10:00"
    )
    added = log_of(store, "K7")[count:]
    assert {e.data.get("unit") for e in added if e.name == "notice.queued"} <= {A, None}
    named = {e.data.get("clock") for e in added} - {None}
    assert named == {"first_contact"}
    assert "clock.expired" in _taken_back(store, "K7")
    after = _state(store, "K7")
    assert after.edition == 1
    assert "result_review" not in after.clocks
    assert after.clocks["first_contact"].state == "met"
