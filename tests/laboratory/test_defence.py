"""`hotline defend` and `why-late`: who held which duty, where the time went, what averts a card."""

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import or_, select

from models.database import Store
from models.queries.detail import ticket_detail
from models.queries.log_lines import LogLine
from models.queries.ticket_lives import life_of
from models.rulebook import load_rulebook
from models.rules.calendar import Calendar
from models.rules.events import AlertRaised, AlertWithdrawn, DecisionWithdrawn
from models.rules.lifecycle.averting import CardCase, levels_with
from models.rules.lifecycle.held_duties import held_times
from models.rules.lifecycle.steps import steps
from models.rules.office_time import office_time
from models.rules.vocabulary import OPEN, Level, MessageType
from models.tables.core import TICKET
from scripts.laboratory.defence import defence
from tests.report.two_months import NOW
from tests.rules.district import POLICY
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import at

DESK = "城市管理和综合执法局"


def test_office_time_leaves_out_nights_noons_and_days_off() -> None:
    hours, calendar = POLICY.office, Calendar()
    friday, monday = at("2026-10-16T16:30"), at("2026-10-19T09:00")
    assert office_time(friday, monday, calendar, hours) == timedelta(hours=1.5)
    assert office_time(at("2026-10-16T11:00"), at("2026-10-16T15:00"), calendar, hours) < timedelta(
        hours=4
    )
    assert office_time(monday, friday, calendar, hours) == timedelta()


def _standing(log: tuple[LogLine, ...]) -> list[LogLine]:
    withdrawals = (AlertWithdrawn, DecisionWithdrawn)
    gone = {line.event.of for line in log if isinstance(line.event, withdrawals)}
    return [line for line in log if line.seq not in gone]


def test_the_last_minute_is_what_the_ticket_is_now(store_of_home: Store) -> None:
    """Its running duties with their dues, and its status, by its log alone."""
    some = or_(TICKET.c.number.like("X%"), TICKET.c.id % 6 == 0)
    with store_of_home.reading() as session:
        for number in session.scalars(select(TICKET.c.number).where(some)):
            ticket = ticket_detail(session, number)
            log = [(line.event, line.moment) for line in _standing(ticket.log)]
            times, of_status = list(held_times(log, NOW)), list(steps(log, NOW))
            running = sorted(
                (view.row.name, view.row.holder, view.row.due)
                for view in ticket.duties
                if view.row.ended_at is None
            )
            last = times[-1].duties if times and times[-1].ends_at == NOW else ()
            assert sorted(last) == running, number
            assert all(a.ends_at <= b.begins_at for a, b in pairwise(times))
            still = of_status[-1] if of_status and of_status[-1].ends_at == NOW else None
            assert (still.status if still else None) == (
                ticket.status if ticket.status in OPEN else None
            ), number
            assert all(a.ends_at <= b.begins_at for a, b in pairwise(of_status))


def test_every_card_has_an_act_that_averts_it(store_of_home: Store) -> None:
    """None is later than the card; at the card's very moment a result still comes before it."""
    tried = 0
    with store_of_home.reading() as session:
        rulebook = load_rulebook(session)
        for number in session.scalars(select(TICKET.c.number).where(TICKET.c.id % 9 == 0)):
            levels = {
                line.event.level
                for line in _standing(ticket_detail(session, number).log)
                if isinstance(line.event, AlertRaised) and line.event.level != Level.PREWARNING
            }
            for level in levels:
                case = defence(session, rulebook, number, level)
                first = case.averting[0]
                assert (first.type, first.at) == (MessageType.RESULT_SUBMITTED, case.card.at)
                assert all(act.at <= case.card.at for act in case.averting)
                tried += 1
    assert tried > 20


def test_a_second_later_averts_nothing(store_of_home: Store) -> None:
    """X5 has never been answered: its result, or its request for more time, came too late."""
    with store_of_home.reading() as session:
        rulebook = load_rulebook(session)
        life = life_of(session, "X5", rulebook.directory)
        defended = defence(session, rulebook, "X5", Level.RED)
        context = rulebook.context_for(life.policy_id)
    case = CardCase("X5", life.messages, life.days_kept, defended.card, defended.due)
    result, in_time, extension = defended.averting
    assert in_time.at == defended.due
    later = timedelta(seconds=1)
    assert defended.card in levels_with(case, result.type, result.at + later, context)
    assert defended.card in levels_with(case, extension.type, extension.at + later, context)
    assert defended.card not in levels_with(case, extension.type, extension.at, context)
    assert [level.level for level in result.raises] == ["prewarning", "yellow"]


def test_a_statement_on_a_red_card(hotline: InProcessHotline) -> None:
    """The result came before the card, but the city refused it: the term began at the receipt."""
    card = hotline.json("defend", "DEMO0042", "--card", "red")
    assert (card["clause"], card["unit"], card["why"]["clause"]) == ("5.3", DESK, "3.4.3")
    assert card["due"] == "2026-11-05T17:30:00+08:00"
    assert card["at"] < card["raised_at"]
    assert {act["type"]: act["until"][:16] for act in reversed(card["averting"])} == {
        "extension.requested": "2026-11-04T17:30",
        "result.submitted": "2026-11-09T08:30",
    }
    review = next(t for t in card["held"] if t["duties"][-1]["holder"] == "city_hotline")
    assert {duty["clock"] for duty in review["duties"]} == {"survey", "result_review"}
    assert card["told"][-1]["kind"] == "red"
    told_at = [each["at"] for each in card["told"]]
    assert told_at == sorted(told_at)
    assert [step["step"] for step in card["steps"]] == ["dispatched", "handling", "submitted"]
    text = hotline("defend", "DEMO0042", LANG="zh").stdout
    assert "关于工单 DEMO0042 红牌的申辩说明" in text
    page = hotline("defend", "DEMO0042", "--format", "html").stdout
    assert "A4 portrait" in page
    assert "<script" not in page


def test_who_has_no_such_card_is_told(hotline: InProcessHotline) -> None:
    assert "X6" in hotline("defend", "X6", code=1).stderr
    assert "NONE" in hotline("defend", "NONE", code=1).stderr
    assert "red" in hotline("defend", "X5", "--card", "blue", code=2).stderr


def test_the_time_of_late_tickets_by_step(hotline: InProcessHotline) -> None:
    """Every step of every ticket is counted once; the tickets are those behind the figures."""
    result = hotline.json("why-late", "--unit", "城管局", "--month", "2026-11")
    assert result["unit"] == DESK
    for total in result["steps"]:
        hours = [
            step["hours"]
            for ticket in result["tickets"]
            for step in ticket["steps"]
            if (step["step"], step["holder"]) == (total["step"], total["holder"])
        ]
        assert sum(hours) == pytest.approx(total["hours"], abs=0.1)
    assert {step["holder"] for step in result["steps"]} == {DESK, "city_hotline"}
    behind = {"cards", "late"}
    numbers = set()
    for figure in behind:
        listed = hotline.json("report", "--month", "2026-11", "--unit", DESK, "--figure", figure)
        numbers |= {case["ticket"] for case in listed}
    assert {ticket["ticket"] for ticket in result["tickets"]} == numbers
    page = hotline("why-late", "--month", "2026-11", "--format", "html").stdout
    assert page.count("<svg") == 1


@pytest.mark.parametrize(
    "command",
    [
        ("why-late", "--month", "2026-11"),
        ("forecast",),
        ("report", "--month", "2026-11", "--figure", "red"),
    ],
)
def test_a_unit_that_nobody_knows_is_said(hotline: InProcessHotline, command: list[str]) -> None:
    """An empty table would say that it was never late."""
    assert "没有这个局" in hotline(*command, "--unit", "没有这个局", code=1).stderr
    hotline(*command, "--unit", "城管局")


def test_no_cell_acts_or_names_a_person(hotline: InProcessHotline) -> None:
    """A title that is a formula is text, and a number in one is masked."""
    text = hotline("defend", "X1", "--format", "csv").stdout
    assert "'=HYPERLINK" in text
    assert "13900002222" not in hotline("defend", "X2", "--format", "html").stdout
    assert "139****2222" in hotline("defend", "X2").stdout
