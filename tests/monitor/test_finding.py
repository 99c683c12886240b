"""Finding tickets at the screen: search while typing, recall, and where it leads."""

from itertools import islice
from pathlib import Path

import pytest
from textual.widgets import Input

from models.database import Store
from monitor.app import MonitorApp
from monitor.screens.tickets import TicketsScreen
from tests.monitor.driving import wait_for_refresh, wait_until
from tests.monitor.scene import NOW, messages, play, screen_text


def _fill(store: Store) -> None:
    """Play the beginning of the scene."""
    play(store, list(islice(messages(), 40)), NOW)


pytestmark = pytest.mark.store(databases=["sqlite"], fill=_fill, shared=True)


def _app(store: Store, preferences: Path | None = None) -> MonitorApp:
    return MonitorApp(
        store, lambda: NOW, wall=lambda: NOW, every=None, operator="林小燕", preferences=preferences
    )


def _type(app: MonitorApp, text: str) -> None:
    """Put a text into the line that has the focus, as an input method does."""
    line = app.focused
    assert isinstance(line, Input)
    line.value = text


async def test_what_is_typed_is_searched_and_recalled(store: Store, tmp_path: Path) -> None:
    """A fault leaves the list as it was, Esc brings the old filter back, Up recalls the last."""
    kept = tmp_path / "monitor.json"
    kept.write_text('{"introduced": true}')
    app = _app(store, kept)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_for_refresh(pilot)
        await pilot.press("2", "slash")
        screen = app.get_screen("tickets")
        assert isinstance(screen, TicketsScreen)
        await wait_until(pilot, lambda: isinstance(app.focused, Input))
        await wait_until(pilot, lambda: screen.tickets.total > 0)
        everything = screen.tickets.total
        _type(app, "!单位:城管")
        await wait_until(pilot, lambda: 0 < screen.tickets.total < everything)
        others = screen.tickets.total
        _type(app, "!单位:城管 级别:紫")
        await wait_until(pilot, lambda: "不在可选项中" in screen_text(app))
        assert screen.tickets.total == others
        await pilot.press("escape")
        await wait_until(pilot, lambda: screen.tickets.total == everything)
        for text in ("！单位：城管", "夜市"):
            await pilot.press("slash")
            await wait_until(pilot, lambda: isinstance(app.focused, Input))
            _type(app, text)
            await pilot.press("enter")
        await wait_until(pilot, lambda: screen.tickets.total == 1)
        await pilot.press("slash", "up", "up")
        line = app.focused
        assert isinstance(line, Input)
        assert line.value == "！单位：城管"
        await wait_until(pilot, lambda: screen.tickets.total == others)
        await pilot.press("down", "down")
        assert line.value == "夜市"
    assert "夜市" not in kept.read_text("utf-8").encode().decode("unicode_escape")
    assert MonitorApp(store, lambda: NOW, operator="林小燕", preferences=kept).recent("filter") == [
        "！单位：城管"
    ]
