"""Terminals that change their size: on every screen, and while another one is shown."""

import pytest
from rich.cells import cell_len

from models.database import Store
from monitor.app import MonitorApp
from monitor.commands import MAIN_SCREENS
from monitor.screens.base import MonitorScreen
from monitor.widgets.steady_text import SteadyText
from tests.monitor.driving import press, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, fill_scene, screen_text

pytestmark = pytest.mark.store(databases=["sqlite"], fill=fill_scene, shared=True)

_SIZES = {80: 24, 120: 40, 200: 60}
_WIDTHS = (120, 80, 200, 120, 200, 80)
"""The widths of a terminal that begins at 80: each is changed to each other once."""


def _app(store: Store, *, wallboard: bool = False) -> MonitorApp:
    return MonitorApp(
        store, lambda: NOW, wall=lambda: NOW, broker_ok=None, every=None, wallboard=wallboard
    )


async def test_units_have_the_columns_of_their_width(store: Store) -> None:
    """The bar of the load is there where the terminal is wide, at once after it changed."""
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        app.action_go("units")
        await wait_for_refresh(pilot)
        assert "负荷" not in screen_text(app)
        for width in _WIDTHS:
            await pilot.resize_terminal(width, _SIZES[width])
            await wait_until(pilot, lambda: "城市管理" in screen_text(app))
            assert ("负荷" in screen_text(app)) == (width >= 120)


async def test_every_screen_on_which_the_size_changes(store: Store) -> None:
    """Each screen is resized while it is shown and while the others are."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        names = [screen.name for screen in MAIN_SCREENS]
        for name in names:
            app.action_go(name)
            await wait_for_refresh(pilot)
        for number, width in enumerate(_WIDTHS[1:4]):
            app.action_go(names[number])
            await pilot.pause()
            await pilot.resize_terminal(width, _SIZES[width])
            for name in [*names[number:], *names[:number]]:
                app.action_go(name)
                await pilot.pause()
                assert app.screen.size.width == width


@pytest.mark.parametrize("wallboard", [True, False])
async def test_the_wallboard_and_a_ticket(store: Store, *, wallboard: bool) -> None:
    """Both are drawn at each size."""
    app = _app(store, wallboard=wallboard)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        if not wallboard:
            await press(pilot, "2", "enter")
        for width in (120, 200, 80):
            await pilot.resize_terminal(width, _SIZES[width])
            await wait_for_refresh(pilot)
            assert (app.screen.size.width, "濠江" in screen_text(app)) == (width, True)


async def test_the_log_is_laid_out_for_the_column_that_it_has(store: Store) -> None:
    """Its further lines hang below their beginning, also where it was drawn before it had that."""
    app = _app(store)
    async with app.run_test(size=(200, 60)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2", "enter")
        screen, snapshot = app.screen, app._snapshot
        assert isinstance(screen, MonitorScreen)
        assert snapshot is not None
        text = screen.query_one("#log", SteadyText)
        narrow = text.content_size.width
        screen.remove_class("-three")
        await wait_until(pilot, lambda: text.content_size.width > narrow)
        screen.show(snapshot)
        screen.add_class("-three")
        await wait_until(pilot, lambda: text.content_size.width == narrow)
        lines = str(text.content).splitlines()
    assert max(map(cell_len, lines)) <= narrow
    assert any(line.startswith(" " * 12) for line in lines)
