"""Overview, list, ticket and filter on a fixed scene, and the pictures of every screen."""

import re
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from rich.cells import cell_len
from sqlalchemy.exc import OperationalError
from textual.pilot import Pilot
from textual.widgets import Input

from models.database import Store
from models.queries.detail import ticket_detail
from models.queries.duties import next_duty
from models.rules.calendar import SHANGHAI, Calendar
from models.rules.policy import load_policy
from models.rules.vocabulary import ClockName, EventName, label
from monitor.app import MonitorApp
from monitor.filters import Filter, FilterError, read_filter
from monitor.formatting import OfficeCalendar, fit, format_time_left, one_line, shorten_number
from monitor.screens.detail import DetailScreen
from monitor.screens.tickets import TicketsScreen
from monitor.snapshot_reader import office_calendar
from monitor.theme import LIGHT
from tests.monitor.driving import press, wait_for_refresh, wait_until
from tests.monitor.scene import (
    NOW,
    fill_scene,
    make_store,
    play,
    received,
    screen_text,
)
from tests.monitor.screenshots import SCREENSHOTS

pytestmark = pytest.mark.store(databases=["sqlite"], fill=fill_scene, shared=True)


def _app(store: Store, *, wallboard: bool = False) -> MonitorApp:
    return MonitorApp(
        store,
        lambda: NOW,
        wall=lambda: NOW,
        broker_ok=lambda: True,
        every=None,
        wallboard=wallboard,
    )


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_every_screen_at_every_size(store: Store, size: tuple[int, int]) -> None:
    """Overview, tickets, a ticket and the help open and close at each size; nothing is lost."""
    app = _app(store)
    async with app.run_test(size=size) as pilot:
        await wait_for_refresh(pilot)
        overview = screen_text(app)
        assert "在办" in overview
        assert "城市管理" in overview
        tickets = await press(pilot, "2")
        assert isinstance(app.screen, TicketsScreen)
        assert "红" in tickets
        assert "超" in tickets
        ticket_detail = await press(pilot, "down", "down", "enter")
        assert isinstance(app.screen, DetailScreen)
        assert "2026" in ticket_detail
        assert size[0] < 120 or "为何此时到期" in ticket_detail
        await press(pilot, "escape")
        assert isinstance(app.screen, TicketsScreen)
        await pilot.press("f1")
        await pilot.pause()
        assert "筛选" in screen_text(app)
        await pilot.press("escape")
        back = await press(pilot, "1")
        assert "在办" in back


@pytest.mark.parametrize(("width", "there"), [(80, False), (109, False), (110, True), (200, True)])
async def test_the_preview_is_shown_where_there_is_room(
    store: Store, width: int, there: bool
) -> None:
    """From 110 columns on the ticket under the cursor is shown beside the list, letter and all."""
    app = _app(store)
    async with app.run_test(size=(width, 40)) as pilot:
        await wait_for_refresh(pilot)
        assert ("很重的气味。" in await press(pilot, "2")) is there


async def test_emergencies_stand_on_top_and_then_what_is_due_next(store: Store) -> None:
    """The first rows are the emergencies; below them what is most overdue."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        lines = (await press(pilot, "2")).splitlines()
    badges = [line for line in lines if " 急 " in line]
    assert badges
    first_red = next(n for n, line in enumerate(lines) if " 红 " in line)
    assert lines.index(badges[-1]) < first_red


async def test_a_row_is_about_one_duty(store: Store) -> None:
    """Beside the time left stands its own clock; what an emergency missed is told as such."""
    number = "2026101400061"
    with store.reading() as session:
        duties = [duty.row for duty in ticket_detail(session, number).duties]
    following = next_duty(duties)
    assert following is not None
    assert following.clock != ClockName.ON_SITE
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        narrow = await press(pilot, "2", "down")
        await pilot.resize_terminal(220, 40)
        wide = await press(pilot, "2", "down")
    missed = f"{label(ClockName, ClockName.ON_SITE)}已超时"
    for screen, shows in ((narrow, False), (wide, True)):
        rows = (line.split("╎")[1] for line in screen.splitlines() if "╎" in line)
        row = next(row for row in rows if "海堤缺口" in row)
        assert label(ClockName, following.clock) in row
        assert missed not in row
        assert "急! " in row
        assert (label(ClockName, ClockName.ON_SITE) in row) is shows
        assert missed in screen


async def test_the_filter_narrows_and_says_what_is_wrong(store: Store) -> None:
    """A valid filter narrows the list; an invalid one is shown with its place, the rows stay."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2")
        place = app.screen.query_one("#list").region
        await press(pilot, "slash")
        assert app.screen.query_one("#list").region == place, "moving the list takes most of a wait"
        app.screen.query_one(Input).value = "级别:红"
        red = await press(pilot, "enter")
        assert set(re.findall(r"(\w) +\d{4}-\d{5} ", red)) == {"红"}
        await press(pilot, "slash")
        app.screen.query_one(Input).value = "级别:紫"
        await pilot.press("enter")
        await pilot.pause()
        invalid = screen_text(app)
        assert "紫" in invalid
        assert " 红 " in invalid
        app.screen.query_one(Input).value = "不会有这样的词"
        assert "不会有这样的词" in await press(pilot, "enter")


async def test_what_citizens_wrote_is_data(store: Store) -> None:
    """Markup, escape sequences and bidi controls in titles have no effect on the screen."""
    app = _app(store)
    async with app.run_test(size=(120, 60)) as pilot:
        await wait_for_refresh(pilot)
        screen = await press(pilot, "2")
    assert "[/b]" in screen
    assert "\x1b" not in screen
    assert "\u202e" not in screen
    assert "138****8000" in screen


async def test_the_cursor_stays_on_its_ticket(store: Store) -> None:
    """A refresh does not move what is being read."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2", "down", "down", "down")
        assert isinstance(app.screen, TicketsScreen)
        before = app.screen.tickets.current
        await wait_for_refresh(pilot)
        assert app.screen.tickets.current == before


async def test_an_emergency_that_arrives_does_not_take_the_place_of_the_first_ticket(
    tmp_path: Path,
) -> None:
    """The cursor and its place stay on their ticket; Home leads to the new ones, which are told."""
    made = make_store(tmp_path)
    at = NOW - timedelta(hours=2)
    play(
        made,
        [received(f"20261015{n:05}", at, f"路灯{n}不亮", unit="城管局") for n in range(60)],
        NOW,
    )
    app = _app(made)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2")
        assert isinstance(app.screen, TicketsScreen)
        tickets = app.screen.tickets
        first = tickets.current
        assert first == "2026101500000"
        urgent = [
            received(f"202610159000{n}", NOW, "燃气泄漏", emergency="utilities", unit="住建局")
            for n in range(3)
        ]
        play(made, urgent, NOW)
        await wait_for_refresh(pilot)
        assert (tickets.current, tickets.cursor - tickets.first) == (first, 0)
        assert app.screen.ticket_under_cursor() == first
        assert "新到 3 件在前" in screen_text(app)
        assert "新到" not in await press(pilot, "home")
        assert tickets.current == "2026101590000"
    made.close()


async def test_an_outage_keeps_the_rows_and_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store is away the last rows stay and the outage is shown; then it goes on."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2")

        def fail() -> None:
            raise OperationalError("SELECT 1", {}, Exception("disk is gone"))

        monkeypatch.setattr(store, "reading", fail)
        app.read_now()
        await wait_until(pilot, lambda: "库 断" in screen_text(app))
        assert " 红 " in screen_text(app)
        # titles and frames too: only the lines that tell of it are as bright as ever
        dimmed = {type(child).__name__ for child in app.screen.children if child.opacity < 1}
        assert dimmed == {"FilterLine", "Horizontal"}
        monkeypatch.undo()
        await wait_for_refresh(pilot)
        assert "库 通" in screen_text(app)


async def test_a_withdrawn_card_is_no_longer_listed(tmp_path: Path) -> None:
    """A late result takes a card back; overview and wallboard are drawn without it."""
    made = make_store(tmp_path)
    start = NOW - timedelta(days=20)
    number, kept = "2026092500001", "2026092500002"
    messages = []
    for ticket, title in ((number, "结果迟到的路灯"), (kept, "一直没有结果的路灯")):
        accepted = {"id": f"{ticket}-2", "type": "unit.accepted", "ticket": ticket}
        accepted |= {"at": (start + timedelta(hours=3)).isoformat(), "unit": "城管局"}
        messages += [received(ticket, start, title, unit="城管局"), accepted]
    play(made, messages, NOW)
    result = {"id": f"{number}-3", "type": "result.submitted", "ticket": number, "unit": "城管局"}
    result |= {"at": (start + timedelta(days=1)).isoformat(), "disposal": "ordinary"}
    result |= {"facts": "属实。", "measures": "已修。", "remedies": "已说明。", "basis": "条例"}
    play(made, [result], NOW)
    with made.reading() as session:
        names = {line.name for line in ticket_detail(session, number).log}
    assert EventName.ALERT_WITHDRAWN in names
    for wallboard in (False, True):
        app = _app(made, wallboard=wallboard)
        async with app.run_test(size=(120, 40)) as pilot:
            await wait_for_refresh(pilot)
            text = screen_text(app)
        assert "一直没有结果" in text
        assert "结果迟到" not in text
    made.close()


def _office() -> OfficeCalendar:
    text = (Path(__file__).parents[2] / "models/policy/haojiang.toml").read_text("utf-8")
    policy = load_policy(text, "haojiang.toml")
    return office_calendar(Calendar(), policy)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("clock", "due", "text", "brief"),
    [
        ("handling", "2026-10-19T17:30", "剩 2 工作日 4 小时", "剩2工作日"),
        ("handling", "2026-10-13T17:30", "超 2 工作日", "超2工作日"),
        ("handling", "2026-10-15T17:30", "剩 4 小时（工作时间）", "剩4时17分"),
        ("assignment", "2026-10-16T12:00", "剩 7 小时（工作时间）", "剩<1工作日"),
        ("assignment", "2026-10-14T17:30", "超 1 工作日", "超1工作日"),
        ("accept", "2026-10-15T12:00", "剩 1 小时（工作时间）", "剩1时17分"),
        ("emergency_report", "2026-10-16T04:41", "剩 17 小时 58 分钟", "剩17小时"),
        ("emergency_report", "2026-10-16T10:41", "剩 23 小时 58 分钟", "剩23小时"),
        ("emergency_report", "2026-10-16T12:00", "剩 1 天 1 小时", "剩25小时"),
        ("emergency_report", "2026-10-11T17:30", "超 3 天 17 小时", "超3天"),
        ("on_site", "2026-10-15T10:20", "超 22 分钟", "超22分"),
        ("handling", "2026-10-20T09:25", "剩 4 天 22 小时", "剩4天"),
    ],
)
def test_time_left_as_operators_say_it(clock: str, due: str, text: str, brief: str) -> None:
    """Working-day clocks in working days, wall-clock ones and a law's in hours and days."""
    office = _office()
    assert format_time_left(_at(due), NOW, office, clock=clock) == text
    assert format_time_left(_at(due), NOW, office, clock=clock, brief=True) == brief
    assert cell_len(brief) <= 10


@pytest.mark.parametrize(
    ("now", "text", "brief"),
    [
        ("2026-10-14T23:40", "剩 1 工作日", "剩1工作日"),
        ("2026-10-15T00:30", "剩 1 工作日", "剩1工作日"),
        ("2026-10-15T09:00", "剩 6 小时（工作时间）", "剩6小时"),
        ("2026-10-15T13:00", "剩 3 小时（工作时间）", "剩3小时"),
        ("2026-10-15T16:48", "剩 42 分钟（工作时间）", "剩42分"),
    ],
)
def test_at_night_and_at_noon_no_working_time_passes(now: str, text: str, brief: str) -> None:
    """On the due day and before it a clock of working time is in office hours."""
    due, office = _at("2026-10-15T17:30"), _office()
    assert format_time_left(due, _at(now), office, clock="handling") == text
    assert format_time_left(due, _at(now), office, clock="handling", brief=True) == brief


def test_what_is_over_has_one_unit() -> None:
    """Until the next working morning it is less than a working day, never some hours."""
    due, evening = _at("2026-10-14T17:30"), _at("2026-10-14T21:00")
    assert format_time_left(due, evening, _office()) == "超 不足 1 工作日"
    assert format_time_left(due, evening, _office(), brief=True) == "超<1工作日"


@pytest.mark.parametrize(
    ("number", "short"),
    [
        ("20261015000077", "1015-000077"),
        ("2026101500077", "1015-00077"),
        ("20251015000077", "..015000077"),
        ("W1", "W1"),
    ],
)
def test_numbers_of_this_year_are_shown_without_it(number: str, short: str) -> None:
    """Of others the end is kept."""
    assert shorten_number(number, NOW) == short


def test_widths_are_terminal_cells() -> None:
    """A Chinese character takes two cells, also where a text is cut."""
    assert fit("城市管理", 8) == "城市管理"
    assert len(fit("城市管理和综合执法局", 8).encode("gbk")) == 8
    assert one_line("一\n二\x1b[31m三\u202e") == "一 二三"


def test_filters_are_read_in_both_languages() -> None:
    """单位:, 级别: and plain words; an error names its column."""
    result = read_filter("单位:城管 级别:黄,红 路灯")
    assert isinstance(result, Filter)
    query = result.at(NOW, _office())
    assert (query.units, query.levels, query.words) == (("城管",), ("yellow", "red"), ("路灯",))
    of_topic = read_filter("主题:城乡建设 topic:0201")
    assert isinstance(of_topic, Filter)
    assert of_topic.query.topics == ("城乡建设", "0201")
    error = read_filter("路灯 级别:紫")
    assert isinstance(error, FilterError)
    assert error.column == 7


SNAPSHOT_PYTHON = (3, 11)
"""The one Python on which pictures are compared: others may break lines elsewhere."""


@pytest.mark.skipif(sys.version_info[:2] != SNAPSHOT_PYTHON, reason="pictures are of Python 3.11")
@pytest.mark.parametrize("name", sorted(SCREENSHOTS))
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_pictures(
    store: Store, name: str, size: tuple[int, int], snap_compare: Callable[..., bool]
) -> None:
    """Each screen looks as it did when its snapshot was last reviewed."""

    async def before(pilot: Pilot[None]) -> None:
        await wait_for_refresh(pilot)
        for key in SCREENSHOTS[name]:
            await pilot.press(key)
            await wait_for_refresh(pilot)

    assert snap_compare(
        _app(store, wallboard=name == "board"), terminal_size=size, run_before=before
    )


@pytest.mark.skipif(sys.version_info[:2] != SNAPSHOT_PYTHON, reason="pictures are of Python 3.11")
@pytest.mark.parametrize("how", ["empty", "outage", "no colour", "light"])
def test_pictures_of_other_days(
    store: Store,
    how: str,
    tmp_path: Path,
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first day, a day without the database, a terminal without colours, a light one."""
    shown_store = make_store(tmp_path) if how == "empty" else store
    if how == "no colour":
        monkeypatch.setenv("NO_COLOR", "1")
    app = _app(shown_store)

    async def before(pilot: Pilot[None]) -> None:
        await wait_for_refresh(pilot)
        if how == "light":
            app.theme = LIGHT.name
        await press(pilot, "1" if how == "empty" else "2")
        if how == "outage":

            def fail() -> None:
                raise OperationalError("SELECT 1", {}, Exception("the server has gone"))

            monkeypatch.setattr(store, "reading", fail)
            app.read_now()
            await wait_until(pilot, lambda: "库 断" in screen_text(app))
            # the pause after the second failed read, which is long enough for a picture
            await wait_until(pilot, lambda: "2 秒后重试" in screen_text(app))

    assert snap_compare(app, terminal_size=(120, 40), run_before=before)
    if shown_store is not store:
        shown_store.close()
