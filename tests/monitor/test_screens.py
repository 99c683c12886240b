"""Units, calls, queues, failures and wallboard: their contents, ways between them, empty states."""

import asyncio
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from rich.cells import cell_len

from models.clock import system_clock
from models.database import Store
from models.i18n import activate, lazy, render
from models.operations.inbox import add_messages
from models.operations.samples import record_sample
from models.operations.shift_notes import write_shift_note
from models.queries.queue_depths import SAMPLE_SPAN, QueueRow, queues, sample_time
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from monitor.app import MonitorApp
from monitor.preferences import Preferences
from monitor.screens.callbacks import CallbacksScreen
from monitor.screens.detail import DetailScreen
from monitor.screens.queues import QueuesScreen
from monitor.screens.tickets import TicketsScreen
from monitor.theme import LIGHT
from monitor.widgets.bars import KeyHint
from monitor.widgets.charts import chart, large, shares
from monitor.widgets.virtual_list import VirtualList
from tests.monitor.driving import press, type_text, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, fill_scene, make_store, received, screen_text
from tests.monitor.signal_delay import delays, letters
from tests.store.factories import prepared_store
from workers.broker import Bells, connect
from workers.heartbeat import Heartbeat
from workers.timekeeper import Timekeeper

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
async def test_each_screen_shows_its_contents(store: Store, size: tuple[int, int]) -> None:
    """Units with loads and rates, calls, queues with their processes, failures with reasons."""
    async with _app(store).run_test(size=size) as pilot:
        await wait_for_refresh(pilot)
        units = await press(pilot, "3")
        assert "城市管理" in units
        assert "%" in units
        assert "满意" in await press(pilot, "4")
        queue = await press(pilot, "5")
        assert "受理" in queue
        assert "工作进程  desk  101" in queue
        assert " 秒" in queue
        assert "在岗" in queue
        assert "被拒消息 2" in await press(pilot, "6")


async def test_a_unit_leads_to_its_tickets_and_back(store: Store) -> None:
    """Enter opens the list under the unit's filter, Esc leads back; the list is kept."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "3", "down", "enter")
        assert isinstance(app.screen, TicketsScreen)
        assert app.screen.filter_text().startswith("单位:")
        total = app.screen.tickets.total
        assert 0 < total < 36
        await press(pilot, "enter")
        assert isinstance(app.screen, DetailScreen)
        await press(pilot, "escape")
        assert isinstance(app.screen, TicketsScreen)
        assert app.screen.tickets.total == total


async def test_a_counter_opens_the_calls_that_it_counts(store: Store) -> None:
    """不满意 opens the dissatisfied claimants, 今日到期 the tickets due today."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        app.screen.query_one("#tile-dissatisfied").focus()
        await pilot.press("enter")
        await wait_for_refresh(pilot)
        await wait_for_refresh(pilot)
        assert isinstance(app.screen, CallbacksScreen)
        assert "共 3 件" in screen_text(app)
        app.action_go("overview")
        await wait_for_refresh(pilot)
        app.screen.query_one("#tile-due_today").focus()
        await pilot.press("enter")
        await wait_for_refresh(pilot)
        await wait_for_refresh(pilot)
        assert isinstance(app.screen, TicketsScreen)
        assert app.screen.filter_text() == "剩:今日"
        assert app.screen.tickets.total == 14


@pytest.mark.store(databases=["sqlite"])
async def test_a_message_waits_however_long_the_timekeeper_waits_to_ring_again(
    store: Store, broker_url: str
) -> None:
    """A timekeeper run with `--patience 600` has rung, and no worker has answered."""
    patience = timedelta(minutes=10)
    with store.writing() as session:
        add_messages(session, "city", [received("1", system_clock(), "路灯不亮")], system_clock())
    assert (
        Timekeeper(
            store, Bells(connect(broker_url, store.cipher.store_id)), system_clock, patience
        ).ring_due()
        == 1
    )
    Heartbeat(store, "timekeeper", patience)()
    app = MonitorApp(store, system_clock, every=None)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        lines = (await press(pilot, "5")).splitlines()
    intake = next(line.split() for line in lines if "受理" in line.split())
    assert intake[intake.index("受理") + 1] == "1"


@pytest.mark.store(databases=["sqlite"])
async def test_every_empty_screen_says_why_and_what_to_do(store: Store) -> None:
    """On the first day each screen explains itself."""
    async with _app(store).run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        assert "hotline feed" in screen_text(pilot.app)  # type: ignore[arg-type]
        assert "没有" in await press(pilot, "2")
        assert "hotline units import" in await press(pilot, "3")
        assert "首次" in await press(pilot, "4")
        assert "hotline up" in await press(pilot, "5")
        assert "没有失败" in await press(pilot, "6")


async def test_the_keys_of_a_chinese_input_method_work(store: Store) -> None:
    """Full-width digits and 、 do what digits and / do."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        await type_text(pilot, "５")
        await wait_until(pilot, lambda: isinstance(app.screen, QueuesScreen))
        await type_text(pilot, "２、")
        await wait_until(pilot, lambda: isinstance(app.screen, TicketsScreen))
        assert app.focused is not None
        assert app.focused.id == "filter"


async def test_levels_are_readable_without_colours(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With NO_COLOR a level is a Han badge, and an overdue term has a word."""
    monkeypatch.setenv("NO_COLOR", "1")
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        listed = await press(pilot, "2")
    assert " 红 " in listed
    assert "超1工作日" in listed


async def test_the_light_colours_are_kept(store: Store, tmp_path: Path) -> None:
    """The chosen colours are kept for the next start, and the introduction is shown once."""
    path = tmp_path / "monitor.json"
    first = MonitorApp(store, lambda: NOW, every=None, preferences=path)
    async with first.run_test(size=(120, 40)) as pilot:
        async with asyncio.timeout(20):
            while "使用说明" not in screen_text(first):
                await asyncio.sleep(0.02)
        await pilot.press("escape")
        await wait_for_refresh(pilot)
        first.theme = LIGHT.name
        await pilot.pause()
    assert Preferences(path).get("theme") == LIGHT.name
    second = MonitorApp(store, lambda: NOW, every=None, preferences=path)
    async with second.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        assert second.theme == LIGHT.name
        assert second.has_class("-light-mode")
        assert not second.has_class("-dark-mode")
        assert second.screen.styles.background.hex.lower() == LIGHT.background
        assert "使用说明" not in screen_text(second)


async def test_it_ends_when_the_service_does(store: Store) -> None:
    """The monitor exits when the service is stopped."""
    stop = Event()
    app = MonitorApp(store, lambda: NOW, every=None, stop=stop)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        stop.set()
        async with asyncio.timeout(20):
            while app.is_running:
                await asyncio.sleep(0.02)


async def test_the_wallboard_needs_no_keys(store: Store) -> None:
    """Large figures and cards; digits and Esc lead nowhere."""
    app = _app(store, wallboard=True)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_for_refresh(pilot)
        before = screen_text(app)
        assert "红牌" in before
        assert "新房漏水" in before
        assert await press(pilot, "2", "escape") == before


async def test_english_is_all_english(store: Store) -> None:
    """In English no Chinese word of the monitor's own is shown."""
    activate("en")
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        for key in "156":
            text = await press(pilot, key)
            assert not any(word in text for word in ("在办", "队列", "失败", "等待"))


async def test_a_commit_is_shown_without_waiting_for_the_timer(tmp_path: Path) -> None:
    """The timer is set to ten minutes here: only the change signal can have caused the refresh."""
    made = make_store(tmp_path)
    letters(made, 3)
    seconds = await asyncio.to_thread(delays, made, 3, 600.0)
    made.close()
    assert len(seconds) == 3


@pytest.mark.store()
def test_the_change_signal_differs_after_each_commit(store_url: str) -> None:
    """On both databases; on SQLite reading changes nothing."""
    with prepared_store(store_url) as made, made.change_signal() as ask:
        before = ask()
        with made.reading() as session:
            queues(session, NOW, NOW)
        if made.url.startswith("sqlite"):
            assert ask() == before
        for _note in range(3):
            with made.writing() as session:
                write_shift_note(session, Actor("林小燕", UserRole.SUPERVISOR), "路灯未修", NOW)
            now = ask()
            assert now != before
            before = now


@pytest.mark.store()
def test_what_came_in_follows_from_what_waits_and_what_was_done(store_url: str) -> None:
    """Samples of two workers, one of them with a failure."""
    with prepared_store(store_url) as made:
        for number, done in enumerate((5, 0, 7)):
            wall = NOW + SAMPLE_SPAN * number
            with made.writing() as session:
                record_sample(session, "one", {"intake": done}, {}, NOW, wall, 1.0)
                record_sample(session, "two", {"intake": 2}, {"intake": 1}, NOW, wall, 1.0)
        with made.reading() as session:
            rows = queues(session, NOW, NOW + SAMPLE_SPAN * 2, points=4)
    intake = next(row for row in rows if row.name == "intake")
    assert isinstance(intake, QueueRow)
    assert intake.done == (0, 7, 2, 9)
    assert intake.arrived == (0, 7, 2, 9)
    assert intake.failed == (0, 1, 1, 1)


@pytest.mark.store()
def test_old_samples_are_deleted(store_url: str) -> None:
    """Samples are kept for half an hour."""
    with prepared_store(store_url) as made:
        for minutes in (0, 40):
            with made.writing() as session:
                wall = NOW + timedelta(minutes=minutes)
                record_sample(session, "w", {"intake": 1}, {}, NOW, wall, 1.0)
        with made.reading() as session:
            rows = queues(session, NOW, NOW + timedelta(minutes=40), points=600)
    assert sum(next(row for row in rows if row.name == "intake").done) == 1
    assert sample_time(NOW).second % 5 == 0


@pytest.mark.store()
def test_the_days_of_a_queue_keep_its_most(store_url: str) -> None:
    """What waits by each evening is kept for thirty days; today is the last of them."""
    with prepared_store(store_url) as made:
        with made.writing() as session:
            add_messages(session, "city", [received("1", NOW, "路灯不亮")], NOW)
        for days in (0, 2, 31):
            with made.writing() as session:
                wall = NOW + timedelta(days=days)
                record_sample(session, "w", {"intake": 3}, {}, NOW, wall, 1.0)
        with made.reading() as session:
            (intake,) = (r for r in queues(session, NOW, wall) if r.name == "intake")
            early = next(r for r in queues(session, NOW, NOW) if r.name == "intake")
    assert (len(intake.days), intake.days[-1], sum(intake.days)) == (30, 1, 2)
    assert intake.days[0] == 1, "of thirty-one days ago nothing is kept"
    assert sum(early.days) == 0


def test_charts_are_as_high_as_their_values() -> None:
    """Dots from the bottom; every value above zero has one; empty cells are plain blanks."""
    assert chart([0, 0, 8, 8], 2, 1, 8) == [" \u28ff"]
    assert chart([0, 1], 1, 1, 100) == ["\u2880"]
    assert chart([8, 8], 1, 2, 8) == ["\u28ff", "\u28ff"]
    assert [len(row) for row in large("10")] == [14] * 5
    assert sum(len(text) for text, _style in shares([(1, "red"), (9, "load")], 10, 20)) == 20
    assert shares([(1, "red")], 0, 20) == ()


async def test_the_palette_finds_screens(store: Store) -> None:
    """Commands are found by name, for those who do not know the keys."""
    app = MonitorApp(
        store, lambda: NOW, every=None, actor=Actor("desk", UserRole.SUPERVISOR), operator="林"
    )
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        names = [command.title for command in app.get_system_commands(app.screen)]
    assert {"单位", "队列", "失败", "浅色", "深色"} & set(names) >= {"单位", "队列", "失败"}


async def test_the_chosen_kind_and_help_are_in_sight_whatever_the_words(store: Store) -> None:
    """English words are longer than the narrowest terminal: others give way, and say so."""
    activate("en")
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        await pilot.press("7", *["right"] * 5)
        await wait_for_refresh(pilot)
        text = screen_text(app).splitlines()
    assert text[1].startswith(" ..")
    assert " revisits " in text[1]
    assert text[-1].startswith(" F1 Help")


async def test_nothing_is_cut_beside_a_scroll_bar(store: Store) -> None:
    """In the narrowest terminal the last column ends before the bar, and key hints are whole."""
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        await pilot.press("3")
        await wait_for_refresh(pilot)
        units = app.screen.query_one(VirtualList)
        assert units.show_vertical_scrollbar
        head = units.render_line(0).text
        assert head.rstrip().endswith(render(lazy("pleased")))
        assert cell_len(head) == units.scrollable_content_region.width == 79
        hints = [hint for hint in app.screen.query(KeyHint) if hint.display]
        # but for the blank after the last one
        assert all(hint.region.right <= 80 + 1 for hint in hints)
        assert len(hints) < len(app.screen.query(KeyHint))
