"""An outage of PostgreSQL: shown in Chinese, left without a key's help, and noticed by its end."""

import asyncio
from collections.abc import Iterator
from math import log2
from threading import Event

import pytest
from sqlalchemy.exc import OperationalError

from models.clock import monotonic
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from models.store_errors import outage_reason
from monitor.app import MonitorApp
from monitor.bounded_read import BoundedRead
from monitor.refresh_loop import RefreshLoop
from monitor.screens.action_form import ActionForm
from monitor.screens.dialogs import WaitDialog
from tests.monitor.driving import press, type_text, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, play, received, screen_text
from tests.servers.postgres import NOT_DURABLE, PostgresServer, installed_programs
from tests.store.factories import prepared_store


@pytest.fixture
def server(starts_servers: None) -> Iterator[PostgresServer]:
    """A PostgreSQL that the test may stop."""
    with PostgresServer(NOT_DURABLE, installed_programs()) as running:
        yield running


async def test_a_stopped_database_is_seen_again(server: PostgresServer) -> None:
    """Keys pressed meanwhile lengthen no wait, and commits are noticed as before."""
    with prepared_store(server.url(driver="postgresql+psycopg")) as store:
        app = MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=600.0)
        async with app.run_test(size=(120, 40)) as pilot:
            await wait_for_refresh(pilot)
            server.halt()
            began = monotonic()
            app.read_now()
            await wait_until(pilot, lambda: "库 断" in screen_text(app))
            await pilot.press(*["f5", "2", "1"] * 6)
            await wait_until(pilot, lambda: "数据库没有应答" in screen_text(app))
            assert "connection" not in screen_text(app)
            # those that were due 1, 3, 7 … seconds after the first one
            due = int(log2(1 + monotonic() - began))
            assert app._refresh_loop.outages <= 1 + due + 1
            server.serve()
            await wait_until(pilot, lambda: "库 通" in screen_text(app))
            await pilot.press("2")
            await wait_for_refresh(pilot)
            play(store, [received("2026101500001", NOW, "路灯不亮", unit="城管局")], NOW)
            await wait_until(pilot, lambda: "2026101500001" in screen_text(app))


async def test_an_action_in_an_outage_says_so_and_keeps_the_keys(server: PostgresServer) -> None:
    """Of a server that is frozen, before it counts as away, and of one that is known to be away.

    What is typed for the form that does not open leads nowhere else; once left, all is as before.
    """
    number = "2026101500001"
    with prepared_store(server.url(driver="postgresql+psycopg")) as store:
        play(store, [received(number, NOW, "路灯不亮", unit="城管局")], NOW)
        who = Actor("desk", UserRole.SUPERVISOR)
        app = MonitorApp(store, lambda: NOW, wall=lambda: NOW, actor=who, operator="林", every=None)
        async with app.run_test(size=(120, 40)) as pilot:
            await wait_for_refresh(pilot)
            await press(pilot, "2")
            below = app.screen
            with server.frozen():
                await pilot.press("f9")
                await wait_until(pilot, lambda: isinstance(app.screen, WaitDialog))
                assert "未提交" in screen_text(app)
            await wait_until(pilot, lambda: isinstance(app.screen, ActionForm))
            await pilot.press("escape")
            server.halt()
            app.read_now()
            await wait_until(pilot, lambda: "库 断" in screen_text(app))
            await pilot.press("f9")
            await wait_until(pilot, lambda: "操作失败：数据库没有应答" in screen_text(app))
            await type_text(pilot, "q2请7办 /3\n")
            assert isinstance(app.screen, WaitDialog)
            await pilot.press("escape")
            assert app.screen is below
            assert not app.sender.waiting


async def test_a_frozen_database_counts_as_away(server: PostgresServer) -> None:
    """It keeps its connections and says nothing: the monitor goes by its own clock."""
    with prepared_store(server.url(driver="postgresql+psycopg")) as store:
        app = MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=0.2)
        async with app.run_test(size=(120, 40)) as pilot:
            await wait_for_refresh(pilot)
            with server.frozen():
                began = monotonic()
                await wait_until(pilot, lambda: "库 断" in screen_text(app))
                assert monotonic() - began < 10
                assert "数据库没有应答" in screen_text(app)
                await pilot.press("2")
                await wait_until(pilot, lambda: app._refresh_loop.outages >= 2)
            await wait_until(pilot, lambda: "库 通" in screen_text(app))
            play(store, [received("2026101500001", NOW, "路灯不亮", unit="城管局")], NOW)
            await wait_until(pilot, lambda: "2026101500001" in screen_text(app))


async def test_a_read_that_hangs_is_the_only_one() -> None:
    """Nobody reads beside it; what it brings late is its own key's, and wakes the loop."""
    begun, ended, woken = [], Event(), asyncio.Event()
    bounded = BoundedRead[int](0.05, woken.set)

    def read(number: int) -> int:
        begun.append(number)
        if number == 1:
            assert ended.wait(20)
        return number

    for key in ("a", "b"):
        with pytest.raises(TimeoutError):
            await bounded.get(key, lambda: read(1))
    assert begun == [1]
    ended.set()
    await asyncio.wait_for(woken.wait(), 20)
    assert await bounded.get("b", lambda: read(2)) == 2
    assert await bounded.get("b", lambda: read(3)) == 3
    assert begun == [1, 2, 3]


def test_reads_asked_for_by_keys_do_not_lengthen_the_wait() -> None:
    """1, 2, 4 … 60 seconds after reads that were due; those before their time count nothing."""

    async def read(_is_requested: bool) -> None:
        raise AssertionError("the loop is not running")

    clock = [100.0]
    loop = RefreshLoop(read, 5.0, lambda: clock[0])
    assert loop.seconds_to_next == 5.0
    waits = []
    for _due in range(8):
        loop.note_outage()
        waits.append(loop.seconds_to_next)
        clock[0] += 0.5
        for _key in range(3):
            loop.note_outage()
        wait = loop.seconds_to_next
        assert wait is not None
        assert wait == waits[-1] - 0.5
        clock[0] += wait
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    loop.note_return()
    assert loop.seconds_to_next == 5.0


def test_an_outage_has_a_reason_in_the_language_of_the_operator() -> None:
    """The driver's own words are English and may repeat a statement."""
    error = OperationalError("SELECT 1", {}, Exception("disk is gone"))
    assert outage_reason(error) == "数据库没有应答"
    assert outage_reason(ConnectionResetError("reset by peer")) == "数据库没有应答"
