"""Two operators at one store: each sees what the other works at, and is warned."""

from datetime import timedelta

import pytest
from rich.cells import cell_len

from models.database import Store
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from monitor.app import MonitorApp
from monitor.filters import Filter, read_filter
from monitor.operator.claiming import switch_claim
from monitor.screens.action_form import ActionForm
from monitor.screens.dialogs import MenuDialog
from monitor.screens.tickets import TicketsScreen
from monitor.widgets.list_columns import fitting_widths
from tests.monitor.driving import press, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, play, received, screen_text

TICKETS = ("2026101500001", "2026101500002")


def _fill(store: Store) -> None:
    accepted = {"id": "a-2", "type": "unit.accepted", "ticket": TICKETS[0], "unit": "城管局"}
    called = {"id": "a-3", "type": "contact.attempted", "ticket": TICKETS[0], "unit": "城管局"}
    called |= {"purpose": "first", "method": "phone", "outcome": "no_answer", "by": "赵"}
    letters = [
        received(n, NOW - timedelta(hours=2), "路灯不亮三天夜里看不清路面", unit="城管局")
        for n in TICKETS
    ]
    accepted["at"] = (NOW - timedelta(hours=1)).isoformat()
    called["at"] = (NOW - timedelta(minutes=2)).isoformat()
    play(store, [*letters, accepted, called], NOW)


pytestmark = pytest.mark.store(databases=["sqlite"], fill=_fill, shared=True)


def _app(store: Store, name: str) -> MonitorApp:
    actor = Actor(name, UserRole.SUPERVISOR)
    return MonitorApp(store, lambda: NOW, wall=lambda: NOW, actor=actor, operator=name, every=None)


async def test_a_claim_is_seen_by_the_other_operator(store: Store) -> None:
    """Its row has name and time, its form warns, 我的 lists it for its owner alone."""
    lin, zhao = _app(store, "林小燕"), _app(store, "赵国强")
    async with lin.run_test(size=(120, 40)) as hers, zhao.run_test(size=(120, 40)) as his:
        for pilot in (hers, his):
            await wait_for_refresh(pilot)
            await press(pilot, "2")
        assert isinstance(lin.screen, TicketsScreen)
        lin.screen.set_filter(TICKETS[0])
        await wait_for_refresh(hers)
        await hers.pause()
        await hers.press("f4")
        await wait_until(hers, lambda: "已认领" in str([n.message for n in lin._notifications]))
        await wait_for_refresh(his)
        claimed = [line[:60] for line in screen_text(zhao).splitlines() if " 林" in line]
        assert "林小燕 路灯不亮三天夜里看不清" in claimed[0]
        # no other column gives way, and the title is not cut below 24 cells
        assert isinstance(zhao.screen, TicketsScreen)
        rows = zhao.screen.tickets
        names = [column.key for column in rows.fitting_columns]
        widths = fitting_widths(rows.columns(rows.line_width), rows.line_width)
        title = widths[names.index("title")]
        assert title is not None
        assert title >= 24 + cell_len("林小燕 ")
        assert names == ["level", "number", "title", "unit", "duty", "left"]
        zhao.operator.start(switch_claim(zhao.operator, TICKETS[0], None))
        await wait_until(his, lambda: "未认领：林小燕" in str([*zhao._notifications]))

        zhao.operator.start(zhao.actions.offer(TICKETS[0]))
        await wait_until(his, lambda: isinstance(zhao.screen, MenuDialog) and bool(zhao.focused))
        await his.press("enter")
        await wait_until(his, lambda: isinstance(zhao.screen, ActionForm) and bool(zhao.focused))
        form = screen_text(zhao)
        assert "注意：林小燕 10:42 起正在办理" in form
        assert "2 分钟前联系过" in form
        await his.press("escape")

        for app, pilot, count in ((lin, hers, 1), (zhao, his, 0)):
            assert isinstance(app.screen, TicketsScreen)
            app.screen.set_filter("我的")
            await wait_for_refresh(pilot)
            await wait_for_refresh(pilot)
            assert app.screen.tickets.total == count
        await hers.press("f4")
        await wait_until(hers, lambda: "已放开" in str([*lin._notifications]))
        await wait_for_refresh(hers)
        assert lin.screen.tickets.total == 0


def test_my_own_is_a_word_of_the_filter() -> None:
    """In both languages, beside others."""
    for word in ("我的", "mine"):
        result = read_filter(f"{word} 级别:红")
        assert isinstance(result, Filter)
        assert result.mine
        assert result.query.levels == ("red",)
