"""Everything that is shown is as it is now: below dialogs, on a change of screen, at the start."""

from datetime import timedelta
from itertools import islice

import pytest
from rich.console import RenderableType
from sqlalchemy.exc import OperationalError
from textual.screen import Screen
from textual.widgets import Static

from models.database import Store
from models.operations.shift_notes import write_shift_note
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from monitor.app import MonitorApp
from monitor.screens.base import MonitorScreen
from monitor.screens.go_to import GoToDialog
from monitor.screens.tickets import TicketsScreen
from monitor.screens.wallboard import Figure
from monitor.widgets.bars import StatusLine
from tests.monitor.driving import press, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, messages, play, received, screen_text


def _fill(store: Store) -> None:
    """Play the beginning of the scene."""
    play(store, list(islice(messages(), 4)), NOW)


pytestmark = pytest.mark.store(databases=["sqlite"], fill=_fill, shared=True)


def _fail() -> None:
    raise OperationalError("SELECT 1", {}, Exception("disk is gone"))


async def test_what_lies_below_a_dialog_is_as_new_as_its_status_line(store: Store) -> None:
    """Counters, the shift's note, and the rows of a list, of which the cursor follows its own."""
    moment, lin = [NOW], Actor("林小燕", UserRole.OPERATOR)
    app = MonitorApp(store, lambda: moment[0], wall=lambda: moment[0], every=None)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        opened = app.screen.query_one("#tile-open", Static)
        count = int(str(opened.render()).split()[0])
        for number, screen in enumerate("12"):
            await press(pilot, screen)
            below = app.screen
            current = below.ticket_under_cursor() if isinstance(below, TicketsScreen) else None
            await pilot.press("f7")
            await wait_until(pilot, lambda: isinstance(app.screen, GoToDialog))
            moment[0] += timedelta(seconds=1)
            at = NOW - timedelta(minutes=number)
            letter = received(f"202610159000{number}", at, "燃气泄漏", emergency="utilities")
            play(store, [letter], moment[0])
            with store.writing() as session:
                write_shift_note(session, lin, "留意气站", moment[0])
            await wait_for_refresh(pilot)
            text = screen_text(app)
            assert f"数据 {moment[0]:%H:%M:%S}" in text
            assert isinstance(app.screen, GoToDialog)
            if isinstance(below, TicketsScreen):
                assert below.ticket_under_cursor() == current
                assert below.tickets.key(0) == "2026101590001"
            else:
                assert int(str(opened.render()).split()[0]) == count + 1
                assert "留意气站" in text
            await pilot.press("escape")
            await wait_until(pilot, lambda: not isinstance(app.screen, GoToDialog))


async def test_no_screen_is_painted_with_an_old_status(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was shown before, and one that was not; before the first read nothing is known."""

    app, lines = MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=None), []
    paint = app._display

    def note(screen: Screen[object], renderable: RenderableType | None) -> None:
        if isinstance(screen, MonitorScreen) and screen.ready:
            lines.append((screen.NAME, str(screen.query_one(StatusLine).render())))
        paint(screen, renderable)

    monkeypatch.setattr(app, "_display", note)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        assert not any("库 通" in line for _name, line in lines if "数据" not in line)
        monkeypatch.setattr(store, "reading", _fail)
        await pilot.press("2")
        await wait_until(pilot, lambda: "库 断" in screen_text(app))
        lines.clear()
        for key in "1734":
            await pilot.press(key)
            await pilot.pause()
        assert {name for name, _line in lines} >= {"overview", "todo", "units", "callbacks"}
        assert [name for name, line in lines if "库 断" not in line] == []


@pytest.mark.parametrize("wallboard", [False, True])
async def test_what_was_not_read_yet_has_no_figure(
    store: Store, monkeypatch: pytest.MonkeyPatch, *, wallboard: bool
) -> None:
    """Neither a kind of work nor a server, nor the wallboard."""

    monkeypatch.setattr(store, "reading", _fail)
    app = MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=None, wallboard=wallboard)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_until(pilot, lambda: "库 断" in screen_text(app))
        if wallboard:
            assert all(not str(figure.render()) for figure in app.screen.query(Figure))
            return
        await pilot.press("7")
        await wait_until(pilot, lambda: "读取中" in screen_text(app))
        assert "待审退件" in screen_text(app)
        assert "待审退件 0" not in screen_text(app)
