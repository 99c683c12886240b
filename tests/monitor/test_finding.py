"""Finding tickets at the screen: search while typing, recall, and where it leads."""

import asyncio
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.screen import Screen
from textual.widgets import Input

from models.database import Store
from models.i18n import render
from models.operations.saved_views import save_view
from models.queries.find_tickets import FoundTicket
from models.queries.saved_views import SavedView, View, saved_views
from models.queries.ticket_order import SortColumn, TicketOrder
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from monitor.app import MonitorApp
from monitor.places import Places
from monitor.screens.columns_dialog import ColumnsDialog
from monitor.screens.dialogs import MenuDialog
from monitor.screens.go_to import GoToDialog
from monitor.screens.prompts import TextPrompt
from monitor.screens.tickets import TicketsScreen
from monitor.widgets.ticket_columns import COLUMNS, FIXED
from tests.monitor.driving import press, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, messages, play, screen_text


def _fill(store: Store) -> None:
    """Play the beginning of the scene."""
    play(store, list(islice(messages(), 40)), NOW)


pytestmark = pytest.mark.store(databases=["sqlite"], fill=_fill, shared=True)


def _app(store: Store, preferences: Path | None = None, operator: str = "林小燕") -> MonitorApp:
    return MonitorApp(
        store,
        lambda: NOW,
        wall=lambda: NOW,
        every=None,
        actor=Actor("desk", UserRole.OPERATOR),
        operator=operator,
        preferences=preferences,
    )


def _type(app: MonitorApp, text: str) -> None:
    """Put a text into the line that has the focus, as an input method does."""
    line = app.focused
    assert isinstance(line, Input)
    line.value = text


def _heads(text: str) -> str:
    """Return the line of the heads of the list."""
    return next(line for line in text.splitlines() if "标题" in line)


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
    assert _app(store, kept).recent("filter") == ["！单位：城管"]


async def test_the_list_is_sorted_by_keys_and_heads(store: Store) -> None:
    """`>` and its twins go on to the next column, a head sorts and turns round, `2` ends it."""
    app = _app(store)
    async with app.run_test(size=(120, 30)) as pilot:
        await wait_for_refresh(pilot)
        await pilot.press("2")
        await wait_for_refresh(pilot)
        screen = app.screen
        assert isinstance(screen, TicketsScreen)
        queue = [row.number for row in screen.tickets.page.rows]
        by_level = await press(pilot, "greater_than_sign")
        assert screen.order == TicketOrder(SortColumn.LEVEL, descending=True)
        assert "按级别排序" in by_level
        by_number = await press(pilot, "ideographic_full_stop")
        assert "工单号^" in by_number
        assert [row.number for row in screen.tickets.page.rows] == sorted(queue)
        turned = await press(pilot, "equals_sign")
        assert "工单号v" in turned
        assert [row.number for row in screen.tickets.page.rows] == sorted(queue, reverse=True)
        assert screen.tickets.cursor == 0
        await press(pilot, "down", "down")
        followed = screen.tickets.current
        assert followed == sorted(queue, reverse=True)[2]
        await press(pilot, "fullwidth_comma", "left_double_angle_bracket")
        assert [row.number for row in screen.tickets.page.rows] == queue
        head = _heads(screen_text(app))
        at = cell_len(head[: head.index("承办单位")]) - screen.tickets.region.x
        await pilot.click("#list", offset=(at, 0))
        await wait_for_refresh(pilot)
        assert screen.order == TicketOrder(SortColumn.UNIT)
        await pilot.click("#list", offset=(at, 0))
        assert "承办单位v" in await press(pilot, "f5")
        assert "承办单位v" not in await press(pilot, "2")
        assert [row.number for row in screen.tickets.page.rows] == queue


async def test_columns_are_chosen_and_kept(store: Store, tmp_path: Path) -> None:
    """In a dialog of the menu; titles keep 24 cells, whatever was chosen."""
    kept = tmp_path / "monitor.json"
    kept.write_text('{"introduced": true}')
    app = _app(store, kept)
    async with app.run_test(size=(120, 30)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2")
        await pilot.press("f6", "down", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ColumnsDialog))
        choices = [column.key for column in COLUMNS if column.key not in FIXED]
        await pilot.press("enter", *["down"] * choices.index("received"), "space", "f2")
        await wait_until(pilot, lambda: isinstance(app.screen, TicketsScreen))
        heads = await press(pilot, "f5")
        assert "承办单位" not in _heads(heads)
        assert "接件" in _heads(heads)
    again = _app(store, kept)
    async with again.run_test(size=(120, 30)) as pilot:
        await wait_for_refresh(pilot)
        heads = await press(pilot, "2")
        assert "接件" in _heads(heads)
        screen = again.screen
        assert isinstance(screen, TicketsScreen)
        screen.keep_columns([column.key for column in COLUMNS])
        await press(pilot, "f5")
        line = _heads(screen_text(again))
        columns = screen.tickets.fitting_columns
        keys = [column.key for column in columns]
        assert keys[:3] == ["level", "number", "title"]
        begins = [cell_len(line[: line.index(render(c.head))]) for c in columns[2:4]]
        assert begins[1] - begins[0] > 24


async def test_a_key_copies_the_number(store: Store) -> None:
    """F8 on the list and in the detail; it says so."""
    app = _app(store)
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2", "down")
        screen = app.screen
        assert isinstance(screen, TicketsScreen)
        await pilot.press("f8")
        assert app.clipboard == screen.tickets.current
        await wait_until(pilot, lambda: "已复制" in screen_text(app))
        await press(pilot, "down", "enter")
        await pilot.press("f8")
        assert app.clipboard == screen.tickets.current


async def test_a_line_leads_anywhere(store: Store, tmp_path: Path) -> None:
    """To a ticket by its end, a unit of several, a screen and a view; what was opened is kept."""
    kept = tmp_path / "monitor.json"
    kept.write_text('{"introduced": true}')
    app = _app(store, kept)
    with store.writing() as session:
        save_view(session, app.operator.who, View("城管件", "单位:城管"), NOW, is_shared=False)
    async with app.run_test(size=(120, 30)) as pilot:
        await wait_for_refresh(pilot)

        async def go(text: str, *keys: str) -> None:
            await pilot.press("fullwidth_colon")
            await wait_until(pilot, lambda: isinstance(app.screen, GoToDialog))
            _type(app, text)
            await pilot.press(*keys)
            await wait_until(pilot, lambda: not isinstance(app.screen, GoToDialog))
            await wait_for_refresh(pilot)

        await go("００００３", "enter")
        assert "2026092600003" in screen_text(app)
        await go("街道", "down", "enter")
        screen = app.screen
        assert isinstance(screen, TicketsScreen)
        assert screen.filter_text().startswith("单位:")
        assert "街道" in screen.filter_text()
        await go("队列", "enter")
        assert app.screen is app.get_screen("queues")
        await go("城管件", "enter")
        assert app.screen is app.get_screen("tickets")
        assert screen.filter_text() == "单位:城管"
        await go("没有这个", "enter", "escape")
        assert app.screen is app.get_screen("tickets")
        await pilot.press("f7")
        await wait_until(pilot, lambda: isinstance(app.screen, GoToDialog))
        lines = screen_text(app)
        assert lines.index("城管件") < lines.index("街道") < lines.index("2026092600003")
        await pilot.press("down", "enter")
        await wait_until(pilot, lambda: app.screen is app.get_screen("queues"))
    again = _app(store, kept)
    assert again.recent("go to")[0] == "screen queues"
    assert "ticket 2026092600003" in again.recent("go to")
    assert "城管件" not in str(json.loads(kept.read_text("utf-8")))


async def test_enter_opens_though_the_search_takes_long(store: Store) -> None:
    """The search that a pause in typing begins does not end the one that Enter waits for."""
    app = _app(store)

    async def find(text: str) -> list[FoundTicket]:
        await asyncio.sleep(0.5)
        return []

    async with app.run_test() as pilot:
        dialog = GoToDialog(Places({"城管局": ()}, []), [], find)
        await app.push_screen(dialog)
        _type(app, "城管")
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.screen is not dialog)


async def test_a_view_is_saved_from_the_menu_and_opened(store: Store) -> None:
    """With the filter and the order that the list has; shared, renamed and deleted."""
    app = _app(store, operator="陈立")
    async with app.run_test(size=(120, 30)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2")
        screen = app.screen
        assert isinstance(screen, TicketsScreen)
        screen.set_filter("!单位:城管")
        screen.sort_by(SortColumn.NUMBER)
        await wait_for_refresh(pilot)

        async def choose(dialog: type[Screen[Any]], *keys: str) -> None:
            await wait_until(pilot, lambda: isinstance(app.screen, dialog) and bool(app.focused))
            await pilot.press(*keys)

        await pilot.press("f6")
        await choose(MenuDialog, "down", "down", "down", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, TextPrompt))
        _type(app, "外单位")
        await pilot.press("enter")
        await choose(MenuDialog, "down", "enter")
        await wait_until(pilot, lambda: app.screen is screen)
        await wait_until(pilot, lambda: [v.view.name for v in _shared(store)] == ["外单位"])
        await press(pilot, "2")
        assert screen.filter_text() == ""
        app.action_open_view()
        await choose(MenuDialog, "enter")
        await wait_until(pilot, lambda: screen.filter_text() == "!单位:城管")
        assert screen.order == TicketOrder(SortColumn.NUMBER)
        await pilot.press("f6")
        await choose(MenuDialog, *["down"] * 4, "enter")
        await wait_until(pilot, lambda: "重命名或删除" in screen_text(app))
        await choose(MenuDialog, "enter")
        await wait_until(pilot, lambda: "重命名或删除" not in screen_text(app))
        await choose(MenuDialog, "down", "enter")
        await wait_until(pilot, lambda: _shared(store) == [])


def _shared(store: Store) -> list[SavedView]:
    with store.reading() as session:
        return [saved for saved in saved_views(session, "") if saved.is_shared]


def test_a_place_is_suggested_by_any_of_its_names() -> None:
    """A whole name comes first, then tickets, then parts of names; widths and case are alike."""
    view = SavedView(7, "林", False, View("环保件", "单位:环保"))
    places = Places({"生态环境局": ("环保局",), "环保": ()}, [view])
    ticket = FoundTicket("W1", "噪声", "handling")
    entries = [place.entry for place in places.suggest("环保", [ticket])]
    assert entries == ["unit 环保", "ticket W1", "view 7", "unit 生态环境局"]
    assert [place.entry for place in places.suggest("ＱＵＥＵＥＳ", [])] == ["screen queues"]
    assert places.suggest(" ", []) == []
    recent = [place.entry for place in places.recent(["ticket W1", "view 9", "unit 环保"])]
    assert recent[:3] == ["ticket W1", "unit 环保", "view 7"]
    assert "unit 生态环境局" not in recent
