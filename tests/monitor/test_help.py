"""The help, the palette and what is revealed: in order, marked and labelled."""

import pytest
from rich.cells import cell_len
from textual.command import CommandList
from textual.content import Content

from models.database import Store
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from monitor.app import MonitorApp
from monitor.operator.claimant_data import claimant_lines
from monitor.screens.dialogs import RevealedDialog
from monitor.screens.help import HelpScreen, in_columns
from monitor.theme import LIGHT
from tests.monitor.driving import press, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, fill_scene, screen_text

pytestmark = pytest.mark.store(databases=["sqlite"], fill=fill_scene, shared=True)


def _app(store: Store) -> MonitorApp:
    actor = Actor("lin", UserRole.SUPERVISOR)
    return MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=None, actor=actor)


async def _offered(store: Store, *, light: bool) -> list[str]:
    app = _app(store)
    async with app.run_test(size=(120, 60)) as pilot:
        await wait_for_refresh(pilot)
        app.theme = LIGHT.name if light else app.theme
        await pilot.press("ctrl+p")
        await wait_until(pilot, lambda: "退出" in screen_text(app))
        options = app.screen.query_one(CommandList)
        names = [str(options.get_option_at_index(n).prompt) for n in range(options.option_count)]
    return names


async def test_the_palette_keeps_its_order_and_marks_what_is_chosen(store: Store) -> None:
    """Screens first, in the order of their digits; colours, refresh and bell each have one mark."""
    names = await _offered(store, light=True)
    assert names[:7] == ["总览", "工单", "单位", "回访", "队列", "失败", "待办"]
    marked = [name for name in names if "当前" in name]
    assert [name.split("（")[0].strip() for name in marked] == [
        "浅色",
        "仅按 F5 刷新",
        "新发红牌时响铃",
    ]
    assert names[-1] == "退出"


async def test_the_help_has_keys_by_screen_and_a_legend(store: Store) -> None:
    """Every group of a tall terminal is on the screen, and its signs as the lists draw them."""
    app = _app(store)
    async with app.run_test(size=(120, 60)) as pilot:
        await wait_for_refresh(pilot)
        await pilot.press("f1")
        await wait_until(pilot, lambda: isinstance(app.screen, HelpScreen))
        text = screen_text(app)
    for word in (
        "各画面通用",
        "总览",
        "回访",
        "标记",
        "预警",
        "红牌",
        "到期日",
        "按期完成",
        "筛选",
    ):
        assert word in text, word


def test_groups_are_shared_out_in_their_order() -> None:
    """Two columns of about the same length, none of a group torn apart."""
    groups = [
        [Content(f"{name}{n}") for n in range(size)]
        for name, size in zip("abcd", (4, 3, 2, 5), strict=True)
    ]
    left, right = in_columns(groups, 2)
    assert "".join(left.plain.split()) == "a0a1a2a3b0b1b2"
    assert "".join(right.plain.split()) == "c0c1d0d1d2d3d4"


def test_what_is_revealed_has_the_names_of_its_fields() -> None:
    """One line a field, their values one below the other; a missing one is a dash."""
    lines = claimant_lines({"name": "陈女士", "phone": "13800138000", "address": None})
    assert lines.plain.split("\n") == ["姓名  陈女士", "电话  13800138000", "地址  -"]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_what_is_revealed_leaves_the_log_readable(
    store: Store, size: tuple[int, int]
) -> None:
    """Beside or above the log of the ticket, at every size."""
    app = _app(store)
    async with app.run_test(size=size) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2", "down", "down", "enter")
        log = app.screen.query_one("#log").region
        person = claimant_lines({"name": "陈女士", "phone": "13800138000", "address": "建设路12号"})
        app.push_screen(RevealedDialog("2026092700005", person, 30))
        await wait_until(pilot, lambda: "建设路" in screen_text(app))
        dialog = app.screen.query_one(".dialog").region
        text = screen_text(app)
    assert not dialog.overlaps(log)
    assert "已接收" in text, "the log is not dimmed away"
    assert all(cell_len(line) <= size[0] for line in text.splitlines())
