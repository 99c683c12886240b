"""待办: what waits for an answer, in lists of their of_desk, with the actions that answer it."""

from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from models.database import Store
from models.queries.desk_work import KINDS, REVISITS, SCREENING, desk_counts, desk_items
from models.queries.detail import ticket_detail
from models.queries.owed_calls import DISSATISFIED, owed_calls
from models.queries.ticket_filter import TicketFilter
from models.queries.ticket_list import list_tickets
from models.rules.vocabulary import ClockName, ClockState, MessageType, Status, UserRole
from models.security.roles import Actor
from monitor.actions import available_actions
from monitor.app import MonitorApp
from monitor.formatting import DEFAULT_OFFICE, format_wait
from monitor.judged_text import judged_text
from monitor.screens.action_form import ActionForm
from monitor.screens.dialogs import MenuDialog
from monitor.screens.todo import TodoScreen
from monitor.ticket_view import summary
from monitor.widgets.fields import SubmitButton
from monitor.widgets.ticket_columns import COLUMNS, RowContext
from tests.monitor.driving import press, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, play, received, screen_text
from tests.store.factories import prepared_store

RETURNED, SUBMITTED, DISPUTED, UNASSIGNED, SCREENED, REVISITED = (f"T{n}" for n in range(1, 7))
PAPERS = {"reason": "不属本单位", "basis": "三定方案", "signed_by": "分管副主任"}
RESULT = {"facts": "属实。", "measures": "已修。", "remedies": "已说明。", "basis": "条例"}


def _messages() -> list[dict[str, Any]]:
    start = NOW - timedelta(hours=5)
    titles = {
        RETURNED: "路灯不亮",
        SUBMITTED: "井盖丢了",
        DISPUTED: "施工噪音太大",
        REVISITED: "下水道堵了",
        # the same matter of the same claimant
        SCREENED: "路灯不亮",
    }
    letters = [received(n, start, title, unit="城管局") for n, title in titles.items()]
    plain = {"content": "石狮子没了"}
    letters.append(received(UNASSIGNED, start - timedelta(hours=1), "石狮子没了", **plain))

    def message(number: str, hours: int, kind: str, **fields: Any) -> dict[str, Any]:
        at = start + timedelta(hours=hours)
        envelope = {"id": f"{number}-{hours + 2}", "type": kind, "ticket": number}
        return {**envelope, "at": at.isoformat(), **fields}

    unit = {"unit": "城管局"}
    back = {**unit, "suggested_unit": "住建局", **PAPERS}
    return [
        *letters,
        message(RETURNED, 1, "unit.returned", **back),
        message(DISPUTED, 1, "dispute.opened", units=["城管局", "住建局"]),
        *(message(n, 1, "unit.accepted", **unit) for n in (SUBMITTED, REVISITED)),
        *(
            message(n, 2, "result.submitted", **unit, disposal="ordinary", **RESULT)
            for n in (SUBMITTED, REVISITED)
        ),
        message(REVISITED, 3, "result.reviewed", approved=True),
        message(REVISITED, 4, "survey.rated", rating="dissatisfied"),
    ]


def _fill(store: Store) -> None:
    play(store, _messages(), NOW)


pytestmark = pytest.mark.store(fill=_fill, shared=True)


def test_what_waits_is_counted_and_listed_the_longest_first(store: Store) -> None:
    """Each ticket is in the list of its kind, with since when it waits."""
    with store.reading() as session:
        counts = desk_counts(session, NOW)
        lists = {kind: [item.ticket for item in desk_items(session, kind)] for kind in KINDS}
        since = {item.ticket: item.since for kind in KINDS for item in desk_items(session, kind)}
    assert lists == {
        SCREENING: [SCREENED],
        Status.RETURNED: [RETURNED],
        Status.SUBMITTED: [SUBMITTED],
        Status.MANUAL: [UNASSIGNED],
        Status.DISPUTED: [DISPUTED],
        REVISITS: [REVISITED],
    }
    assert counts == {kind: len(numbers) for kind, numbers in lists.items()}
    assert since[RETURNED] == NOW - timedelta(hours=4)
    assert since[UNASSIGNED] == NOW - timedelta(hours=6)


@pytest.mark.store(databases=["sqlite"], fill=_fill, shared=True)
def test_what_is_judged_is_laid_out(store: Store) -> None:
    """The last return, result, dispute or proposal, each text with its name; else nothing."""
    texts = {}
    for number in (RETURNED, SUBMITTED, DISPUTED, SCREENED, REVISITED):
        with store.reading() as session:
            ticket = ticket_detail(session, number)
        for action in available_actions(ticket):
            if text := judged_text(action, ticket, NOW).plain:
                texts[number, action.type] = text
    result = "综合执法局", "一般办理", "事实  属实。", "措施  已修。", "救济", "依据  条例"
    expected = {
        (RETURNED, MessageType.RETURN_REVIEWED): ("住房和城乡建设局", *PAPERS.values()),
        (SUBMITTED, MessageType.RESULT_REVIEWED): result,
        (DISPUTED, MessageType.DISPUTE_DECIDED): ("综合执法局、住房和城乡",),
        (SCREENED, MessageType.SCREENING_DECIDED): ("2.2.6", RETURNED),
        (REVISITED, MessageType.REVISIT_RECORDED): (*result, "不满意"),
    }
    assert texts.keys() == expected.keys()
    for key, words in expected.items():
        assert [word for word in words if word not in texts[key]] == [], texts[key]


@pytest.mark.store(databases=["sqlite"], fill=_fill)
async def test_a_return_is_reviewed_from_its_list(store: Store) -> None:
    """7, the kind, F2: the review goes in, and the ticket leaves the list."""
    actor = Actor("desk", UserRole.SUPERVISOR)
    app = MonitorApp(store, lambda: NOW, wall=lambda: NOW, actor=actor, operator="林", every=None)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "7")
        assert "待答复筛查 1" in await press(pilot, "right")
        assert isinstance(app.screen, TodoScreen)
        assert app.screen.ticket_under_cursor() == RETURNED
        await pilot.press("f2")
        await wait_until(pilot, lambda: isinstance(app.screen, MenuDialog) and bool(app.focused))
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ActionForm) and bool(app.focused))
        assert "审核退件" in screen_text(app)
        for words in ("理由  不属本单位", "依据  三定方案", "分管副主任", "住房和城乡建设局"):
            assert words in screen_text(app)
        # nothing is approved by keys that decide nothing
        await pilot.press("enter", "f2")
        await wait_until(pilot, lambda: "缺：决定" in screen_text(app))
        assert not app.sender.waiting
        await pilot.press("right")
        app.screen.query_one(SubmitButton).action_press()
        await wait_until(pilot, lambda: bool(app.sender.waiting))
        play(store, [], NOW)
        await wait_for_refresh(pilot)
        assert "待审退件 0" in screen_text(app)
    with store.reading() as session:
        assert RETURNED not in {i.ticket for i in desk_items(session, Status.RETURNED)}


@pytest.mark.parametrize("for_city", [False, True])
def test_the_desk_answers_for_the_city_where_the_policy_says_so(
    for_city: bool, tmp_path: Path
) -> None:
    """Reviews and revisits are the city's; what the desk answers itself is always there."""
    shipped = (resources.files("models") / "policy" / "haojiang.toml").read_text(encoding="utf-8")
    policy = shipped.replace(
        "desk_acts_for_city = false", f"desk_acts_for_city = {str(for_city).lower()}"
    )
    operator = Actor("林", UserRole.OPERATOR)
    city = {
        RETURNED: MessageType.RETURN_REVIEWED,
        SUBMITTED: MessageType.RESULT_REVIEWED,
        REVISITED: MessageType.REVISIT_RECORDED,
    }
    of_desk = {
        SCREENED: MessageType.SCREENING_DECIDED,
        UNASSIGNED: MessageType.TICKET_ASSIGNED,
        DISPUTED: MessageType.DISPUTE_DECIDED,
    }
    with prepared_store(f"sqlite:///{tmp_path / 'city.db'}", policy) as made:
        _fill(made)
        actions = MonitorApp(made, lambda: NOW, actor=operator, operator="林", every=None).actions
        for number, kind in (city | of_desk).items():
            with made.reading() as session:
                offered = {action.type for action in actions.load(session, number).actions}
            assert (kind in offered) is (for_city or number in of_desk)


_LATER = NOW + timedelta(days=9)


def _fill_late(store: Store) -> None:
    _fill(store)
    more = {"type": "claimant.supplemented", "text": "急", "at": _LATER.isoformat()}
    numbers = RETURNED, SUBMITTED, DISPUTED, UNASSIGNED, REVISITED
    play(store, [{"id": f"{n}-late", "ticket": n, **more} for n in numbers], _LATER)


@pytest.mark.store(fill=_fill_late)
class TestOverdueAnswers:
    """What waits beyond the term of its answer."""

    def test_it_keeps_its_term_and_its_age(self, store: Store) -> None:
        """Since its duty began, however the ticket changed since, until when its term was."""
        with store.reading() as session:
            items = {i.ticket: i for kind in KINDS for i in desk_items(session, kind)}
            calls = owed_calls(session, _LATER, DISSATISFIED).rows
            ends = {d.row.name: d.row for d in ticket_detail(session, RETURNED).duties}
        assert ends[ClockName.RETURN_REVIEW].state == ClockState.EXPIRED
        returned, revisited = items[RETURNED], items[REVISITED]
        assert returned.since == NOW - timedelta(hours=4)
        assert returned.due == ends[ClockName.RETURN_REVIEW].due < _LATER
        assert items[UNASSIGNED].since == NOW - timedelta(hours=6)
        assert revisited.since == NOW - timedelta(hours=1)
        assert revisited.due is not None and revisited.due < _LATER
        assert [(call.due, call.at) for call in calls] == [(revisited.due, revisited.since)]
        owed = (i for i in items.values() if i.ticket != SCREENED)
        assert all(i.due is not None and i.due < _LATER for i in owed)

    def test_the_list_counts_from_the_same_moment(self, store: Store) -> None:
        """And says that the answer is overdue, within its column."""
        with store.reading() as session:
            rows = {r.number: r for r in list_tickets(session, TicketFilter()).rows}
            since = {i.ticket: i.since for i in desk_items(session, Status.MANUAL)}
            detail = ticket_detail(session, UNASSIGNED)
        assert rows[UNASSIGNED].waits_since == since[UNASSIGNED]
        left = next(column for column in COLUMNS if column.key == "left")
        look = RowContext(_LATER, DEFAULT_OFFICE, {}, wide=False, brief=True)
        cell = left.cell(rows[UNASSIGNED], look)
        assert (cell.text, cell.style) == ("等9天 超", "over")
        assert (
            cell_len(format_wait(_LATER - timedelta(days=999), _LATER, brief=True, late=True))
            <= left.narrow
        )
        text = summary(detail, _LATER, DEFAULT_OFFICE)
        assert "已等 9 天 6 小时，答复已超期" in text.plain
