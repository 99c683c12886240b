"""The handover between shifts: written at one screen, read and acknowledged at the next."""

import pytest
from textual.widgets import TextArea

from models.database import Store
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from monitor.app import MonitorApp
from monitor.screens.shift_dialog import ShiftDialog
from monitor.widgets.fields import SubmitButton
from tests.monitor.driving import press, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, screen_text

pytestmark = pytest.mark.store(databases=["sqlite"])


def _app(store: Store, name: str) -> MonitorApp:
    actor = Actor(name, UserRole.OPERATOR)
    return MonitorApp(store, lambda: NOW, wall=lambda: NOW, actor=actor, operator=name, every=None)


async def test_a_note_goes_from_one_shift_to_the_next(store: Store) -> None:
    """By key and palette; a draft outlives Esc; nobody acknowledges his own."""
    app = _app(store, "林")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        assert "交班 " not in screen_text(app)
        await pilot.press("f12")
        await wait_until(pilot, lambda: isinstance(app.screen, ShiftDialog) and bool(app.focused))
        assert "没有交班记录" in screen_text(app)
        [button] = app.screen.query(SubmitButton)
        assert 0 < button.region.bottom < 24
        await pilot.press("f2")
        await wait_until(pilot, lambda: "缺：本班交班内容" in screen_text(app))
        app.screen.query_one(TextArea).text = "HJ-1 明早再拨\n城管局明天停电 13800138000"
        await pilot.press("escape")
        await wait_until(pilot, lambda: not isinstance(app.screen, ShiftDialog))
        await app.run_action("hand_over")
        await wait_until(pilot, lambda: isinstance(app.screen, ShiftDialog) and bool(app.focused))
        assert "停电" in app.screen.query_one(TextArea).text
        await pilot.press("f2")
        await wait_until(pilot, lambda: "已交班" in " ".join(n.message for n in app._notifications))
        await wait_for_refresh(pilot)
        line = next(text for text in screen_text(app).splitlines() if "交班 " in text)
        assert "10:42 林  HJ-1 明早再拨 城管局明天停电 138****8000  未阅 1  F12" in line
        await pilot.press("f12", "f7")
        await wait_until(pilot, lambda: isinstance(app.screen, ShiftDialog) and bool(app.focused))
        assert len(app.screen.query(SubmitButton)) == 1
    app = _app(store, "赵")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        assert "未阅 1" in screen_text(app)
        await pilot.press("f12")
        await wait_until(pilot, lambda: isinstance(app.screen, ShiftDialog) and bool(app.focused))
        assert app.focused is app.screen.query_one("#read")
        await pilot.press("enter")
        await wait_until(pilot, lambda: "已阅 赵 10-15 10:42" in screen_text(app))
        await press(pilot, "escape")
        assert "已阅 赵" in screen_text(app)
        assert "未阅" not in screen_text(app)
