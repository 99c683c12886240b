"""Decision 34: a notice whose occasion is over by the time it would go out is not sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from models.i18n import render
from models.rules.events import NoticedDuty, NoticeQueued
from models.rules.lifecycle.decide import fold
from models.rules.occasions import ALWAYS_SENT, CHECKS, level_stands, why_over
from models.rules.state import RuleContext, State
from models.rules.vocabulary import ClockName, DutyChange, NoticeKind, Recipient
from tests.rules.district import CALENDAR, POLICY
from tests.rules.scenario_runner import as_message
from tests.store.factories import RESULT, at, letter, message

CONTEXT = RuleContext(POLICY, CALENDAR)
LEVELS = ("prewarning", "yellow", "red")
T = "O1"
RETURN = {"reason": "非本单位职责", "basis": "三定方案", "signed_by": "张某"}
OTHER = "住建局"


def sent(kind: str, moment: str, **fields: Any) -> dict[str, Any]:
    """A message of the ticket at this moment of November 2026, as `03T10:00`."""
    return message(T, kind, f"2026-11-{moment}", **fields)


R = letter(T, "2026-11-02T09:00")
ACC = sent("unit.accepted", "02T10:00")
RES = sent("result.submitted", "03T10:00", **RESULT)
OK = sent("result.reviewed", "03T11:00", approved=True)
BAD = sent("survey.rated", "03T12:00", rating="dissatisfied")
REV = sent("revisit.recorded", "03T15:00", outcome="confirmed")
REWORK = sent("rework.requested", "03T16:00")
BACK = sent("unit.returned", "02T10:00", suggested_unit=OTHER, **RETURN)
DISPUTE = sent("dispute.opened", "02T10:00", units=["城管局", OTHER])
DECIDED = sent("dispute.decided", "02T15:00", unit=OTHER, by="district")
WITHDREW = sent("claimant.withdrew", "13T16:00", to="hotline")
REASSIGNED = sent("ticket.reassigned", "02T15:00", unit=OTHER, by="区热线", why="派错")
RESULT_LATE = sent("result.submitted", "13T10:00", **RESULT)
EXTENSION = sent(
    "extension.requested",
    "11T09:00",
    facts="属实",
    reasons="雨天",
    progress="过半",
    next_steps="完工",
    claimant_told=True,
)
NO_ANSWER = sent("contact.attempted", "02T11:00", purpose="first", outcome="no_answer",
                 method="phone")  # fmt: skip
REACHED = sent("contact.attempted", "02T16:00", purpose="first", outcome="reached", method="phone")
DENIED = sent("contact.denied", "02T16:30", purpose="first")
PROOF = sent("contact.proof", "02T17:00", purpose="first", evidence="通话录音")


class Trial(NamedTuple):
    """A notice of a kind after some messages, by a moment, and what ends its occasion."""

    kind: str
    messages: Sequence[dict[str, Any]]
    by: str
    then: Sequence[dict[str, Any]]
    later: str
    why: str


ENDED = [
    Trial("dispatched", [R], "02T09:00", [ACC], "02T10:00", "the unit has answered"),
    Trial("dispatched", [R], "02T09:00", [BACK], "02T10:00", "the unit has answered"),
    Trial("dispatched", [R], "02T09:00", [], "05T10:00", "the deadline that it names has passed"),
    Trial("dispatched", [R], "02T09:00", [DISPUTE], "02T10:00", "what it tells has changed since"),
    Trial("dispatched", [R], "02T09:00", [REASSIGNED], "02T15:00",
         "城管局 no longer has the ticket"),
    Trial("prewarning", [R, ACC], "10T08:30", [RESULT_LATE], "13T10:00", "the unit has answered"),
    Trial("prewarning", [R, ACC], "10T08:30", [], "11T17:30",
         "the deadline that it names has passed"),
    Trial("prewarning", [R, ACC], "10T08:30",
         [sent("claimant.supplemented", "10T09:00", text="又坏了一盏")], "10T09:00",
         "what it tells has changed since"),
    Trial("yellow", [R, ACC], "12T08:30", [RESULT_LATE], "13T10:00", "the unit has answered"),
    Trial("yellow", [R, ACC], "12T08:30", [WITHDREW], "13T16:00", "the ticket is closed"),
    Trial("yellow", [R, ACC], "12T08:30",
         [sent("ticket.reassigned", "13T09:00", unit=OTHER, by="区热线", why="派错")], "13T09:00",
         "城管局 no longer has the ticket"),
    Trial("red", [R, ACC], "13T08:30",
         [sent("term.restarted", "13T09:00", cause="force_majeure", basis="台风")], "13T09:00",
         "what it tells has changed since"),
    Trial("deemed_accepted", [R], "03T17:30",
         [sent("result.submitted", "04T10:00", **RESULT)], "04T10:00", "the unit has answered"),
    Trial("returned", [R, BACK], "02T10:00",
         [sent("return.reviewed", "02T11:00", approved=True)], "02T11:00",
         "what it asks for is done"),
    Trial("return_refused", [R, BACK, sent("return.reviewed", "02T11:00", approved=False)],
         "02T11:00", [sent("result.submitted", "02T12:00", **RESULT)], "02T12:00",
         "the unit has answered"),
    Trial("evidence_asked", [R, DISPUTE], "02T10:00",
         [sent("dispute.evidence", "02T11:00", documents="依据", unit=OTHER)], "02T11:00",
         "what it asks for is done"),
    Trial("evidence_asked", [R, DISPUTE], "02T10:00", [DECIDED], "02T15:00",
         "what it tells has changed since"),
    Trial("dispute_opened", [R, DISPUTE], "02T10:00", [DECIDED], "02T15:00",
         "what it asks for is done"),
    Trial("released", [R, DISPUTE, DECIDED], "02T15:00",
         [sent("ticket.reassigned", "02T16:00", unit="城管局", by="区热线", why="改回")],
         "02T16:00", "what it tells has changed since"),
    Trial("designated", [R, DISPUTE, sent("dispute.decided", "02T15:00", by="district")],
         "02T15:00", [RES], "03T10:00", "the unit has answered"),
    Trial("expired", [R, ACC], "03T17:30",
         [sent("contact.attempted", "04T09:00", purpose="first", outcome="reached",
               method="phone")], "04T09:00", "what it asks for is done"),
    Trial("expired", [{**R, "unit": None}], "02T17:30",
         [sent("ticket.assigned", "03T09:00", by="区热线")], "03T09:00",
         "what it asks for is done"),
    Trial("unreachable", [R, ACC, NO_ANSWER, {**NO_ANSWER, "id": "n2", "at": "2026-11-02T15:00"}],
         "02T15:00", [REACHED], "02T16:00", "what it asks for is done"),
    Trial("contact_reminder", [R, ACC, NO_ANSWER], "02T12:00", [REACHED], "02T16:00",
         "what it asks for is done"),
    Trial("proof_asked", [R, ACC, REACHED, DENIED], "02T16:30", [PROOF], "02T17:00",
         "what it asks for is done"),
    Trial("result_submitted", [R, ACC, RES], "03T10:00", [OK, BAD], "03T12:00",
         "what it asks for is done"),
    Trial("result_refused", [R, ACC, RES, {**OK, "approved": False}], "03T11:00",
         [sent("result.submitted", "03T13:00", **RESULT)], "03T13:00", "the unit has answered"),
    Trial("dissatisfied", [R, ACC, RES, OK, BAD], "03T12:00", [REV], "03T15:00",
         "what it asks for is done"),
    Trial("second_handling_offered", [R, ACC, RES, OK, BAD, REV], "03T15:00", [REWORK],
         "03T16:00", "what it asks for is done"),
    Trial("rework", [R, ACC, RES, OK, BAD, REV, REWORK], "03T16:00",
         [sent("result.submitted", "04T13:00", **RESULT)], "04T13:00", "the unit has answered"),
    Trial("joined", [R, ACC, sent("unit.joined", "02T11:00", unit=OTHER)], "02T11:00", [RES],
         "03T10:00", "the unit has answered"),
    Trial("urged", [R, ACC, sent("unit.urged", "02T11:00", text="抓紧", by="区热线")],
         "02T11:00", [RES, OK], "03T11:00", "the ticket is closed"),
    Trial("withdrawal_guidance", [R, ACC, sent("claimant.withdrew", "02T11:00", to="unit")],
         "02T11:00", [WITHDREW], "13T16:00", "the ticket is closed"),
    Trial("unrouted", [{**R, "unit": None}], "02T09:00",
         [sent("ticket.assigned", "02T10:00", by="区热线")], "02T10:00",
         "what it asks for is done"),
    Trial("supplemented", [R, ACC, sent("claimant.supplemented", "02T11:00", text="还有一盏")],
         "02T11:00", [REASSIGNED], "02T15:00", "城管局 no longer has the ticket"),
    Trial("restarted", [R, ACC, sent("term.restarted", "02T11:00", cause="law_change",
                                    basis="新规")], "02T11:00", [RES], "03T10:00",
         "the unit has answered"),
    Trial("amended", [R, ACC, sent("ticket.amended", "02T11:00", category="help", by="区热线",
                                  why="类别")], "02T11:00", [WITHDREW], "13T16:00",
         "the ticket is closed"),
    Trial("succeeded", [R, ACC, sent("unit.succeeded", "02T11:00", successor=OTHER)],
         "02T11:00", [sent("unit.succeeded", "02T12:00", unit=OTHER, successor="城建局")],
         "02T12:00", "what it tells has changed since"),
]  # fmt: skip


def notice_at(
    messages: Sequence[dict[str, Any]], until: datetime
) -> tuple[State, list[tuple[datetime, NoticeQueued]]]:
    """Fold a ticket until a moment; returns it with its notices."""
    state = State(T, 2)
    folded = fold(
        state,
        [as_message(raw, n) for n, raw in enumerate(messages, 1)],
        CONTEXT,
        until,
        played=True,
    )
    return state, [(e.moment, e.data) for e in folded if isinstance(e.data, NoticeQueued)]


@pytest.mark.parametrize("case", ENDED, ids=[f"{n}-{c.kind}" for n, c in enumerate(ENDED)])
def test_a_notice_is_over_when_what_it_asks_for_is(case: Trial) -> None:
    """It stands at its own moment, and is over once something has ended its occasion."""
    by, later = at(f"2026-11-{case.by}"), at(f"2026-11-{case.later}")
    state, notices = notice_at(case.messages, by)
    (moment, notice) = [pair for pair in notices if pair[1].kind == case.kind][-1]
    assert moment == by
    assert why_over(notice, state, by) is None
    after, _notices = notice_at([*case.messages, *case.then], later)
    why = why_over(notice, after, later)
    assert why is not None
    assert render(why) == case.why


@pytest.mark.parametrize("messages", [[R, ACC], [R, ACC, RES, OK]])
def test_what_stays_true_is_always_told(messages: list[dict[str, Any]]) -> None:
    """What was granted, refused, completed or registered is told however late."""
    state, _notices = notice_at(messages, at("2026-11-03T11:00"))
    for kind in ALWAYS_SENT:
        notice = NoticeQueued(kind=kind, role=Recipient.UNIT_CONTACT, unit=OTHER)
        assert why_over(notice, state, at("2027-01-01T00:00")) is None


def test_cards_stand_while_their_run_goes_on() -> None:
    """A refused result brings the expiry forward: the card raised before it still stands."""
    by = at("2026-11-12T08:30")
    _state, notices = notice_at([R, ACC], by)
    yellow = next(notice for _at, notice in notices if notice.kind == "yellow")
    result = sent("result.submitted", "12T09:00", **RESULT)
    refused = sent("result.reviewed", "12T10:00", approved=False)
    again, _notices = notice_at([R, ACC, result, refused], at("2026-11-12T10:00"))
    assert again.clocks["handling"].due <= at("2026-11-11T17:30")
    assert why_over(yellow, again, at("2026-11-12T10:00")) is None


def test_a_decline_and_a_duty_hold_until_they_are_taken_back() -> None:
    """A decline that was undone is not told, nor a duty that begins once it has another due."""
    declined, notices = notice_at([{**R, "declined": "5"}], at("2026-11-02T09:00"))
    open_ticket, _notices = notice_at([R, ACC], at("2026-11-02T10:00"))
    (decline,) = (notice for _at, notice in notices if notice.kind == "declined")
    assert why_over(decline, declined, at("2026-11-09T09:00")) is None
    assert why_over(decline, open_ticket, at("2026-11-02T10:00")) is not None
    due = open_ticket.clocks["handling"].due
    for change, day, over in (
        (DutyChange.STARTED, due, False),
        (DutyChange.MOVED, at("2026-11-20T17:30"), True),
        (DutyChange.CANCELLED, at("2026-11-20T17:30"), False),
    ):
        duty = NoticedDuty(clock=ClockName.HANDLING, change=change, due=day)
        notice = NoticeQueued(
            kind=NoticeKind.DUTIES_CHANGED, role=Recipient.UNIT_CONTACT, unit=R["unit"],
            duties=(duty,),
        )  # fmt: skip
        assert (why_over(notice, open_ticket, at("2026-11-02T10:00")) is not None) == over


@pytest.mark.parametrize("number", [n for n, c in enumerate(ENDED) if c.kind in LEVELS])
def test_what_the_row_proves_is_what_the_state_says(number: int) -> None:
    """A card that its ticket's row proves to stand does; one that is over is not proved."""
    case = ENDED[number]
    for messages, moment in (
        (case.messages, case.by),
        ([*case.messages, *case.then], case.later),
    ):
        _before, notices = notice_at(case.messages, at(f"2026-11-{case.by}"))
        (_moment, notice) = [pair for pair in notices if pair[1].kind == case.kind][-1]
        now = at(f"2026-11-{moment}")
        state, _notices = notice_at(messages, now)
        stands = level_stands(notice, state.status, state.level, state.unit, state.due, now)
        assert stands == (why_over(notice, state, now) is None) == (moment == case.by)


def test_every_kind_is_one_or_the_other() -> None:
    """A kind asks for something, or tells what stays true; each that asks is tried here."""
    assert not set(CHECKS) & set(ALWAYS_SENT)
    assert {*CHECKS, *ALWAYS_SENT} == set(NoticeKind)
    assert {c.kind for c in ENDED} | {"declined", "duties_changed"} == set(CHECKS)
