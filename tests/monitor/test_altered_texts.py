"""Rows that somebody wrote over by hand: the monitor shows the others, and goes on."""

import pytest

from models.database import Store
from monitor.app import MonitorApp
from tests.monitor.driving import press, wait_for_refresh
from tests.monitor.scene import NOW, fill_scene

pytestmark = pytest.mark.store(fill=fill_scene)

_OF_TICKET = ("title", "category", "unit", "completed_by")
_OF_PROCESS = ("role", "doing")
_SCREENS = ("1", "2", "enter", "escape", "3", "4", "5", "6", "7")
_FIRST_IN_LIST = "number = '2026101500077'"
_BYTES = "x'ff'"


async def _walk(store: Store) -> dict[str, str]:
    app = MonitorApp(store, lambda: NOW, wall=lambda: NOW, broker_ok=lambda: True, every=None)
    async with app.run_test(size=(160, 50)) as pilot:
        await wait_for_refresh(pilot)
        return {key: await press(pilot, key) for key in _SCREENS}


def _write(store: Store, table: str, columns: tuple[str, ...], value: str, where: str) -> None:
    changes = ", ".join(f"{column} = {value}" for column in columns)
    with store.writing() as session:
        session.connection().exec_driver_sql(f"UPDATE {table} SET {changes} WHERE {where}")


@pytest.mark.store(databases=["sqlite"], fill=fill_scene)
async def test_bytes_in_a_ticket_s_texts_end_no_monitor(store: Store) -> None:
    """SQLite keeps them in any column."""
    _write(store, "ticket", _OF_TICKET, _BYTES, _FIRST_IN_LIST)
    screens = await _walk(store)
    assert "2026101500077" in screens["2"]
    assert "(?)" in screens["2"]
    assert "台风后倒下的大榕树" in screens["2"], "the others are shown as they are"


@pytest.mark.store(databases=["sqlite"], fill=fill_scene)
async def test_bytes_in_what_a_process_reports_end_no_monitor(store: Store) -> None:
    _write(store, "process", _OF_PROCESS, _BYTES, "true")
    assert "(?)" in " ".join((await _walk(store)).values())


async def test_codes_that_there_are_not_end_no_monitor(store: Store) -> None:
    codes = ("level", "emergency", "category")
    _write(store, "ticket", codes, "'none'", _FIRST_IN_LIST)
    screens = await _walk(store)
    assert "2026101500077" in screens["2"]
