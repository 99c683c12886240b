"""The rows of lists of tickets: what counts as an arrival, claims, missed duties, and widths."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError
from textual.pilot import Pilot

from models.database import Store
from models.i18n import activate
from models.operations.claims import claim, release
from models.queries.desk_work import SCREENING, DeskItem
from models.queries.owed_calls import OwedCall, OwedCalls
from models.queries.ticket_order import SortColumn, TicketOrder
from models.rules.vocabulary import ClockName, Emergency, Status, UserRole
from models.security.roles import Actor
from monitor.app import MonitorApp
from monitor.screens.base import MonitorScreen
from monitor.screens.tickets import TicketsScreen
from monitor.snapshot import DeskWork
from monitor.widgets.bars import StatusLineData, status_line
from monitor.widgets.list_columns import fitting_widths
from monitor.widgets.virtual_list import VirtualList
from tests.monitor.driving import press, wait_for_refresh
from tests.monitor.scene import NOW, fill_scene, screen_text

pytestmark = pytest.mark.store(databases=["sqlite"], fill=fill_scene, shared=True)

_URGENT, _MISSED = "2026101500077", "2026101400061"


def _app(store: Store) -> MonitorApp:
    return MonitorApp(store, lambda: NOW, wall=lambda: NOW, broker_ok=lambda: True, every=None)


def _widths(pilot: Pilot[None]) -> dict[str, int]:
    """Return the width of each column of the list that is on the screen, by its head."""
    listing = pilot.app.screen.query(VirtualList).first()
    columns = listing.columns(listing.line_width)
    widths = fitting_widths(columns, listing.line_width)
    pairs = zip(columns, widths, strict=True)
    return {column.head.strip(): width for column, width in pairs if width is not None}


async def test_only_arrivals_are_told_as_such(store: Store) -> None:
    """Another order is none, nor is a ticket that only moved; the digit leads to the head."""
    app = _app(store)
    async with app.run_test(size=(120, 24)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2")
        screen = app.screen
        assert isinstance(screen, TicketsScreen)
        screen.show_order(TicketOrder(SortColumn.TITLE, descending=True))
        await wait_for_refresh(pilot)
        assert screen.tickets.current != _URGENT
        assert "新到" not in await press(pilot, "2")
        assert (screen.tickets.cursor, screen.tickets.current) == (0, _URGENT)
        page, snapshot = screen.tickets.page, app._snapshot
        assert snapshot is not None
        first, *others = page.rows
        moved = replace(page, rows=(*others[:2], first, *others[2:]))
        arrived = replace(first, id=999, number="2026101500999")
        more = replace(page, rows=(arrived, *moved.rows), total=page.total + 1)
        for new_page, count in ((moved, 0), (more, 1)):
            screen.show(replace(snapshot, page=new_page))
            await pilot.pause()
            assert (screen.tickets.current, screen.tickets.new_before) == (_URGENT, count)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_a_claim_leaves_the_columns_as_they_are(store: Store, size: tuple[int, int]) -> None:
    """It takes room of its own title alone, which is still told."""
    actor = Actor("林小燕 (root)", UserRole.OPERATOR)
    app = _app(store)
    async with app.run_test(size=size) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2")
        before = _widths(pilot)
        with store.writing() as session:
            claim(session, actor, _URGENT, NOW)
        claimed = await press(pilot, "2")
        after = _widths(pilot)
        with store.writing() as session:
            release(session, actor, _URGENT)
    assert after == before
    assert before["剩余"] <= 10
    assert before["标题"] >= (36 if size[0] == 200 else 24)
    row = next(line for line in claimed.splitlines() if "急 " in line and "00077 " in line)
    assert "林" in row
    assert "root" not in row
    assert ("林小燕 10:42" in row) is (size[0] == 200)


async def test_every_missed_duty_is_told(store: Store) -> None:
    """The list marks the emergency and counts its missed duties, its page names each."""
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        rows = (await press(pilot, "2")).splitlines()
        assert [row[2:5].rstrip() for row in rows if "急" in row[:6]] == ["急", "急!"]
        page = await press(pilot, "down", "enter")
        assert "到场已超时" in page
        assert "紧急报送已超时" in page
        await pilot.resize_terminal(220, 50)
        await press(pilot, "escape")
        assert "到场 等2项" in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_calls_and_desk_work_mark_emergencies(store: Store, size: tuple[int, int]) -> None:
    """As the list of tickets does."""
    app = _app(store)
    call = OwedCall(_URGENT, "漏气", None, Status.HANDLING, None, NOW, NOW, Emergency.UTILITIES)
    calls = OwedCalls({}, ClockName.FIRST_CONTACT, (call, replace(call, ticket="A1", missed=True)))
    item = DeskItem(_URGENT, "漏气", None, Status.MANUAL, NOW, NOW, Emergency.UTILITIES)
    work = DeskWork({}, SCREENING, (item, replace(item, ticket="A1", missed=True)))
    async with app.run_test(size=size) as pilot:
        await wait_for_refresh(pilot)
        for key in "47":
            await press(pilot, key)
            screen, snapshot = app.screen, app._snapshot
            assert isinstance(screen, MonitorScreen)
            assert snapshot is not None
            screen.show(replace(snapshot, calls=calls, work=work))
            await pilot.pause()
            rows = [line.split() for line in screen_text(app).splitlines() if "漏气" in line]
            assert [row[row.index("漏气") - 2] for row in rows] == ["急", "急!"]


async def test_titles_of_desk_work_have_room_in_a_narrow_terminal(store: Store) -> None:
    """Numbers are short there, and times left brief, in all lists of tickets."""
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        for screen in ("7", "4"):
            await press(pilot, screen, "right")
            widths = _widths(pilot)
            assert (widths["剩余"], widths["工单号"]) == (10, 11)
            assert widths["标题"] >= 24


async def test_english_keys_lead_to_all_screens_in_a_narrow_terminal(store: Store) -> None:
    """The digits of all seven screens are in the key line."""
    activate("en")
    try:
        app = _app(store)
        async with app.run_test(size=(80, 24)) as pilot:
            await wait_for_refresh(pilot)
            assert "7 To do" in screen_text(app).splitlines()[-1]
    finally:
        activate("zh")


async def test_a_list_that_was_not_read_yet_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty list is not taken for no tickets; the status line is whole from the beginning."""
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)

        def fail() -> None:
            raise OperationalError("SELECT 1", {}, Exception("disk is gone"))

        monkeypatch.setattr(store, "reading", fail)
        await pilot.press("2")
        await pilot.pause()
        text = screen_text(app)
        assert "读取中.." in text
        assert "濠江区 12345 热线  工单" in text


@pytest.mark.parametrize("width", [80, 120])
def test_the_age_of_old_data_is_told_at_once(width: int) -> None:
    """From the first second of an outage on, however narrow the terminal."""
    line = status_line(StatusLineData("濠江区", ("工单",), at=NOW, age=1.2, store=False), width)
    assert "1 秒前" in line.plain
