"""While a filter is typed and looked for, no key acts on a ticket that nobody asked for."""

from functools import partial

import pytest
from sqlalchemy.exc import OperationalError
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from models.database import Store
from monitor.app import MonitorApp
from monitor.screens.tickets import TicketsScreen
from tests.monitor.driving import press, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, fill_scene, screen_text

pytestmark = pytest.mark.store(databases=["sqlite"], fill=fill_scene, shared=True)


def _app(store: Store) -> MonitorApp:
    return MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=None)


def _press_at_once(app: MonitorApp, *keys: str) -> None:
    """Press keys as fast as a scanner or a paste does."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


async def _list_of(pilot: Pilot[None], app: MonitorApp) -> TicketsScreen:
    await wait_for_refresh(pilot)
    await press(pilot, "2")
    assert isinstance(app.screen, TicketsScreen)
    return app.screen


async def test_keys_go_to_the_line_before_it_is_there(store: Store) -> None:
    """From another screen, too; in a text the key is a character."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        app.post_message(events.Key("slash", "/"))
        _press_at_once(app, *"2026", "slash", *"37")
        await wait_until(pilot, lambda: isinstance(app.screen, TicketsScreen))
        line = app.screen.query_one("#filter", Input)
        await wait_until(pilot, lambda: len(line.value) >= 6)
        assert line.value.replace("/", "") == "202637"
        assert isinstance(app.screen, TicketsScreen)


async def test_no_key_acts_before_the_list_is_the_one_asked_for(store: Store) -> None:
    """Neither on the old list nor beside the line; what arrives late is not drawn."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await _list_of(pilot, app)
        first = screen.tickets.current
        old = app._snapshot
        assert old is not None
        await press(pilot, "slash")
        screen.query_one("#filter", Input).value = "级别:红"
        _press_at_once(app, "enter", "f9", "enter")
        await wait_until(pilot, lambda: screen.filter_text() == "级别:红")
        assert app.screen is screen, "neither a form nor a ticket has been opened"
        assert screen.tickets.current not in (None, first)
        await wait_for_refresh(pilot)
        red = screen_text(app)
        screen.show(old)
        await pilot.pause()
        assert screen_text(app) == red
        assert "新到" not in await press(pilot, "backspace")
        assert screen.tickets.current == first


async def test_typing_a_filter_keeps_what_is_selected(store: Store) -> None:
    """What does not pass the filter that was entered is selected no longer."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await _list_of(pilot, app)
        selected = await _select_some(pilot, screen)
        for text in ("级别:黄", "不会有这样的词"):
            await press(pilot, "slash")
            screen.query_one("#filter", Input).value = text
            await wait_until(pilot, partial(_is_under, screen, text))
            assert screen.selected == selected
            await press(pilot, "escape")
            await wait_until(pilot, lambda: screen.filter_text() == "")
            assert screen.selected == selected
        await press(pilot, "slash")
        screen.query_one("#filter", Input).value = "不会有这样的词"
        await press(pilot, "enter")
        await wait_until(pilot, lambda: screen.selected == ())


def _is_under(screen: TicketsScreen, text: str) -> bool:
    return screen.filter_text() == text


async def _select_some(pilot: Pilot[None], screen: TicketsScreen) -> tuple[str, ...]:
    await press(pilot, "home", "insert", "shift+down")
    assert len(screen.selected) >= 2
    return screen.selected


async def test_the_line_closes_where_the_operator_goes_on_elsewhere(store: Store) -> None:
    """With what was typed; one with an error in it leaves the filter of before."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await _list_of(pilot, app)
        await press(pilot, "slash")
        line = screen.query_one("#filter", Input)
        line.value = "级别:红"
        assert await pilot.click("#list", offset=(20, 5))
        await wait_until(pilot, lambda: screen.filter_text() == "级别:红")
        await press(pilot, "slash")
        line.value = "级别:橙"
        assert await pilot.click("#list", offset=(20, 5))
        await wait_until(pilot, lambda: not screen.is_behind)
        assert screen.filter_text() == "级别:红"
        assert "橙" not in screen_text(app)
        await press(pilot, "2", "slash", "escape")
        await wait_until(pilot, lambda: not screen.is_behind)
        assert screen.filter_text() == ""


async def test_an_outage_names_the_filter_that_is_shown(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is over and the list of the other one has been read."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await _list_of(pilot, app)

        def fail() -> None:
            raise OperationalError("SELECT 1", {}, Exception("disk is gone"))

        await press(pilot, "slash")
        monkeypatch.setattr(store, "reading", fail)
        screen.query_one("#filter", Input).value = "级别:红"
        await pilot.press("enter")
        await wait_until(pilot, lambda: "库 断" in screen_text(app))
        assert (screen.filter_text(), screen.filtered_count()) == ("", None)
        assert screen.ticket_under_cursor() is None
        monkeypatch.undo()
        app.read_now()
        await wait_until(pilot, lambda: screen.filter_text() == "级别:红")
