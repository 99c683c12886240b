"""Ways between the screens: what a filter and Esc do, how one leaves, what is never hidden."""

from dataclasses import replace
from datetime import timedelta
from itertools import islice
from threading import Event

import pytest
from rich.cells import cell_len
from textual.widgets import Input

from models.database import Store
from models.operations.processes import report_process
from models.queries.health import Health, ProcessStatus
from monitor.app import MonitorApp
from monitor.screens.dialogs import LeaveDialog
from monitor.screens.queues import process_item
from monitor.screens.tickets import TicketsScreen
from monitor.widgets.bars import KeyHint, StatusLine, StatusLineData, status_line
from tests.monitor.driving import press, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, messages, play, screen_text


def _fill(store: Store) -> None:
    """Play the beginning of the scene."""
    play(store, list(islice(messages(), 20)), NOW)


pytestmark = pytest.mark.store(databases=["sqlite"], fill=_fill, shared=True)

WIDTHS = (80, 100, 120, 200)


def _app(store: Store, stop: Event | None = None) -> MonitorApp:
    return MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=None, stop=stop)


def _process(role: str, seconds: int) -> ProcessStatus:
    seen = NOW - timedelta(seconds=seconds)
    return ProcessStatus(f"{role}@desk:{seconds}", role, NOW, seen, "", 80, 0, 0)


STATUS = StatusLineData(
    district="濠江区",
    crumbs=("单位", "工单"),
    filter="单位:城市管理和综合执法局 级别:黄,红 类型:投诉举报 剩:<3日",
    filtered=(46, 467),
    at=NOW,
    wall=NOW,
    store=True,
    broker=True,
    operator="林小燕 (desk)",
)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_status_line_hides_no_alarm(width: int) -> None:
    """Dead workers, no timekeeper, old data and the filter stand at every width, others go."""
    dead = Health((_process("worker", 1), _process("worker", 60), _process("timekeeper", 60)))
    line = status_line(replace(STATUS, health=dead, age=70.0), width).plain
    assert cell_len(line) <= width
    for alarm in ("进程 1/2", "无计时进程", "70 秒前"):
        assert alarm in line
    assert "46 / 467 件，已筛选" in line or STATUS.filter in line
    away = status_line(replace(STATUS, health=dead, age=70.0, store=False, broker=False), width)
    assert "库 断" in away.plain
    assert "队列 断" in away.plain
    assert "1/2" not in away.plain


def test_a_dead_timekeeper_has_no_lateness() -> None:
    """What it reported before it died says nothing of how late bells are rung now."""
    alive, dead = (process_item(_process("timekeeper", ago), NOW) for ago in (1, 60))
    assert [cell.text.strip() for cell in (alive.cells[3], dead.cells[3])] == ["0.08 秒", "-"]


@pytest.mark.parametrize("away", ["store", "broker"])
def test_what_nobody_knows_now_is_not_told_as_if_it_were_known(away: str) -> None:
    """Without store or broker the processes' last numbers say nothing of what goes on."""
    alive = Health((_process("worker", 1), _process("worker", 2), _process("timekeeper", 1)))
    known = replace(STATUS, health=alive, filter="")
    assert "进程 2/2  计时 0.1 秒" in status_line(known, 120).plain
    status = replace(known, store=away != "store", broker=away != "broker")
    line = status_line(status, 120).plain
    assert line.rstrip().endswith("进程 ?  计时 ?")
    assert ("队列 ?" in line) is (away == "store")


def test_an_alarm_is_whole_in_the_narrowest_terminal() -> None:
    """Where not even the alarms have room beside the rest, the rest is cut."""
    dead = Health((_process("worker", 60),))
    status = replace(STATUS, health=dead, age=70.0, demo=True)
    over = status_line(replace(STATUS, demo=True, demo_over=True), 120).plain
    assert "演示已结束" in over
    line = status_line(replace(status, demo_over=True, paused=True, waiting=3), 80).plain
    assert cell_len(line) <= 80
    assert line.rstrip().endswith("无计时进程")
    away = replace(status, store=False, broker=False, demo_over=True, paused=True)
    assert status_line(away, 80).plain.rstrip().endswith("库 断  队列 断")


async def test_the_key_line_names_what_does_something_now(store: Store) -> None:
    """A filter is cleared where there is one, a ticket acted on where one is, Esc leads back."""
    app = _app(store)
    async with app.run_test(size=(280, 40)) as pilot:
        await wait_for_refresh(pilot)
        assert not {"返回", "继续"} & _hints(app)
        await press(pilot, "2")
        assert {"操作", "认领", "详情", "暂停", "返回"} <= _hints(app)
        assert "取消筛选" not in _hints(app)
        screen = app.screen
        assert isinstance(screen, TicketsScreen)
        screen.set_filter("没有这样的词")
        await press(pilot, "space")
        app.show_status()
        assert {"取消筛选", "继续"} <= _hints(app)
        assert not {"操作", "认领", "详情", "选择", "催办", "暂停"} & _hints(app)


def _hints(app: MonitorApp) -> set[str]:
    """Return the names of the keys in the key line."""
    hints = [hint for hint in app.screen.query(KeyHint) if hint.display]
    return {str(hint.render()).split(" ")[-1] for hint in hints}


async def test_a_filter_is_opened_left_and_cleared(store: Store) -> None:
    """/ opens it on every screen, Esc leads where the crumbs say, Backspace and 2 show all."""
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        for name in ("failures", "queues", "callbacks", "units", "overview"):
            app.action_go(name)
            await pilot.press("slash")
            await wait_until(pilot, lambda: isinstance(app.focused, Input))
            await pilot.press("escape", "escape")
            await wait_until(pilot, lambda name=name: app.screen is app.get_screen(name))  # type: ignore[misc]
        app.action_go("units")
        assert "单位 > 工单" in await press(pilot, "enter")
        await press(pilot, "enter", "escape", "escape")
        assert app.screen is app.get_screen("units")
        assert "单位 > 工单" not in await press(pilot, "2")
        screen = app.screen
        assert isinstance(screen, TicketsScreen)
        total = screen.tickets.total
        for clearing in ("backspace", "2"):
            screen.set_filter("单位:城管 级别:无,红 类型:投诉举报 剩:>1日")
            await wait_for_refresh(pilot)
            assert screen.tickets.total < total
            assert "件，已筛选" in screen_text(app)
            await press(pilot, clearing)
            assert screen.tickets.total == total
            assert screen.query_one("#filter", Input).value == ""
        await press(pilot, "escape")
        assert app.screen is app.get_screen("overview")


@pytest.mark.parametrize(
    ("with_service", "downs", "result"), [(False, 1, False), (True, 1, False), (True, 2, True)]
)
async def test_leaving_the_screen_ends_the_service_only_if_wanted(
    store: Store, with_service: bool, downs: int, result: bool
) -> None:
    """Letters beside a field, Space and Enter end nothing; where a service runs, one chooses."""
    app = _app(store, Event() if with_service else None)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(*"quit", "space", "enter")
        await wait_until(pilot, lambda: not isinstance(app.screen, LeaveDialog))
        assert app.is_running
        await pilot.press("ctrl+c" if with_service else "q")
        await wait_until(pilot, lambda: isinstance(app.screen, LeaveDialog) and bool(app.focused))
        await pilot.press(*["down"] * downs, "enter")
        await wait_until(pilot, lambda: not app.is_running)
    assert app.ends_with_it is result


async def test_the_status_line_goes_on_below_a_dialog(store: Store) -> None:
    """An alarm is told while a dialog is open."""
    with store.writing() as session:
        report_process(
            session, NOW, name="timekeeper@desk:9", role="timekeeper", started_at=NOW,
            doing="", lateness_ms=1, done=0, failed=0,
        )  # fmt: skip
    wall = [NOW]
    app = MonitorApp(store, lambda: NOW, wall=lambda: wall[0], every=None)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        line = app.screen.query_one(StatusLine)
        assert "无计时进程" not in str(line.render())
        await pilot.press("q")
        assert isinstance(app.screen, LeaveDialog)
        wall[0] += timedelta(minutes=2)
        app.read_now()
        await wait_until(pilot, lambda: "无计时进程" in str(line.render()))


async def test_a_wide_space_is_typed_in_a_line_and_pauses_elsewhere(store: Store) -> None:
    """Chinese input methods send it; a line of text keeps it."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        await pilot.press("slash", "a", "ideographic_space", "b")
        await wait_until(pilot, lambda: isinstance(app.focused, Input))
        line = app.screen.query(Input).first()
        await wait_until(pilot, lambda: len(line.value) > 2)
        assert line.value == "a\u3000b"
        assert not app._refresh_loop.paused
        await pilot.press("escape", "escape", "ideographic_space")
        assert app._refresh_loop.paused
