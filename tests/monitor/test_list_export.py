"""The exported list: the rows, order and columns of the screen, no formula, and a line of log."""

import csv
import re
import stat
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import select
from textual.widgets import Input

from models.database import Store
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from models.spreadsheets import csv_table, workbook_table
from models.tables.core import ACCESS
from monitor.app import MonitorApp
from monitor.screens.dialogs import MenuDialog
from monitor.screens.prompts import TextPrompt
from monitor.screens.tickets import TicketsScreen
from tests.monitor.driving import press, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, play, received, screen_text

TITLES = ("=HYPERLINK(1)路灯不亮", "＋1 垃圾", "路灯又坏，电话13800138000", "井盖丢了")


def _fill(store: Store) -> None:
    """Add a few tickets, whose titles a spreadsheet would take for formulas."""
    numbers = [f"202610150000{n}" for n in range(len(TITLES))]
    play(store, [received(*row, unit="城管局") for row in _letters(numbers)], NOW)


def _letters(numbers: list[str]) -> list[tuple[str, datetime, str]]:
    return [(number, NOW, title) for number, title in zip(numbers, TITLES, strict=True)]


pytestmark = pytest.mark.store(databases=["sqlite"], fill=_fill, shared=True)


def _app(store: Store, folder: Path, role: UserRole) -> MonitorApp:
    return MonitorApp(
        store,
        lambda: NOW,
        wall=lambda: NOW,
        every=None,
        actor=Actor("desk", role),
        operator="desk",
        exports=folder,
    )


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
async def test_the_list_is_exported_as_it_is_shown(store: Store, tmp_path: Path, kind: str) -> None:
    """All rows of the filter in its order, redacted, in a private file, where one says."""
    app = _app(store, tmp_path / "exports", UserRole.OPERATOR)
    path = tmp_path / "mine" / f"list.{kind}"
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2")
        screen = app.screen
        assert isinstance(screen, TicketsScreen)
        screen.set_filter("!井盖")
        for _again in range(3):
            screen.action_sort(1)
        screen.action_reverse()
        await wait_for_refresh(pilot)
        expected = [row.title for row in screen.tickets.page.rows]
        assert len(expected) == 3
        await pilot.press("f6")
        await wait_until(pilot, lambda: isinstance(app.screen, MenuDialog) and bool(app.focused))
        await pilot.press("end", *(["up"] if kind == "xlsx" else []), "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, TextPrompt) and bool(app.focused))
        line = app.focused
        assert isinstance(line, Input)
        assert line.value == str(tmp_path / "exports" / f"tickets-20261015-104206.{kind}")
        line.value = str(path)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "已导出 3 件" in screen_text(app))
    heads, *rows = _read(path)
    assert heads[:4] == ["级别", "工单号", "标题", "承办单位"]
    # what is left is a text; when it ends can be sorted and counted with
    left, due = heads.index("剩余"), heads.index("到期")
    assert due == left + 1
    assert all(re.fullmatch(r"2026-10-\d\d \d\d:\d\d", row[due]) for row in rows)
    titles = [row[2] for row in rows]
    assert [title.removeprefix("'") for title in titles] == expected
    assert "'=HYPERLINK(1)路灯不亮" in titles
    assert "13800138000" not in str(rows)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with store.reading() as session:
        line_of_log = session.execute(select(ACCESS).order_by(ACCESS.c.id.desc())).first()
    assert line_of_log is not None
    assert (line_of_log.who, line_of_log.act, line_of_log.amount) == ("desk", "list_exported", 3)
    assert "title" in line_of_log.fields


def _read(path: Path) -> list[list[str]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file))
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    return [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)]


async def test_who_may_only_look_exports_nothing(store: Store, tmp_path: Path) -> None:
    """The menu does not offer it to somebody who only feeds messages."""
    app = _app(store, tmp_path, UserRole.FEEDER)
    async with app.run_test(size=(120, 30)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2")
        await pilot.press("f6")
        await wait_until(pilot, lambda: isinstance(app.screen, MenuDialog) and bool(app.focused))
        await wait_until(pilot, lambda: "选择显示的列" in screen_text(app))
        assert "导出" not in screen_text(app)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@a", "＝1", "\t=1"])
def test_no_text_becomes_a_formula(text: str, tmp_path: Path) -> None:
    """In a workbook and in CSV it begins with an apostrophe."""
    for kind, table in (
        ("xlsx", workbook_table("表", ["a"], [[text]])),
        ("csv", csv_table(["a"], [[text]])),
    ):
        path = tmp_path / f"table.{kind}"
        path.write_bytes(table)
        assert _read(path)[1][0] == f"'{text}"
