"""Moving in a long list: no row is shown that is not there, and none is acted on."""

import asyncio

import pytest
from textual.pilot import Pilot

from models.database import Store
from monitor.app import MonitorApp
from monitor.screens.tickets import TicketsScreen
from monitor.widgets.ticket_list import TicketList
from tests.monitor.bulk_tickets import multiply_tickets
from tests.monitor.driving import wait_for_refresh, wait_until
from tests.monitor.scene import NOW, fill_scene, screen_text

_NOT_THERE = "\n  .."


def _fill(store: Store) -> None:
    fill_scene(store)
    multiply_tickets(store, 1_000, 0)


pytestmark = pytest.mark.store(databases=["sqlite"], fill=_fill, shared=True)


def _app(store: Store) -> MonitorApp:
    return MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=None)


async def _list(pilot: Pilot[None]) -> TicketList:
    await wait_for_refresh(pilot)
    await pilot.press("2")
    await wait_for_refresh(pilot)
    assert isinstance(pilot.app.screen, TicketsScreen)
    return pilot.app.screen.tickets


async def _arrives(pilot: Pilot[None], tickets: TicketList) -> None:
    await wait_until(pilot, lambda: not tickets.lacks_rows())


@pytest.mark.parametrize("size", [(100, 30), (160, 48)])
async def test_no_row_is_missing_while_pagedown_is_held(
    store: Store, size: tuple[int, int]
) -> None:
    """However fast the key repeats; at the end the cursor is where the keys lead."""
    app = _app(store)
    async with app.run_test(size=size) as pilot:
        tickets = await _list(pilot)
        for _repeat in range(15):
            tickets.action_page(1)
            assert _NOT_THERE not in screen_text(app)
            await asyncio.sleep(0.01)
            assert _NOT_THERE not in screen_text(app)
            assert tickets.current is not None
        await _arrives(pilot, tickets)
        assert tickets.cursor == 15 * tickets.visible_rows
        assert _NOT_THERE not in screen_text(app)


async def test_a_page_that_comes_late_takes_no_row_away(store: Store) -> None:
    """One read for End does not take the place of the rows at the head after Home."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        tickets = await _list(pilot)
        head = tickets.current
        tickets.action_edge(1)
        await _arrives(pilot, tickets)
        assert tickets.cursor == tickets.total - 1
        late, seen = tickets.page, app._snapshot
        assert seen is not None
        tickets.action_edge(0)
        await _arrives(pilot, tickets)
        tickets.show(late, seen.at, seen.office, seen.short_names)
        await pilot.pause()
        assert tickets.current == head
        assert _NOT_THERE not in screen_text(app)
        tickets.action_page(4)
        assert tickets.viewport().first > 0
        tickets.action_edge(0)
        tickets.show(late, seen.at, seen.office, seen.short_names)
        await _arrives(pilot, tickets)
        assert tickets.current == head


async def test_rows_are_read_where_the_mouse_scrolls(store: Store) -> None:
    """The cursor stays where it is, and the next key leads back to it."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        tickets = await _list(pilot)
        head = tickets.current
        tickets.scroll_to(y=600, animate=False, immediate=True)
        await _arrives(pilot, tickets)
        await pilot.pause()
        assert tickets.first == 600
        assert _NOT_THERE not in screen_text(app)
        await pilot.press("down")
        await _arrives(pilot, tickets)
        assert (tickets.cursor, tickets.first) == (1, 1)
        await pilot.press("up")
        assert tickets.current == head


async def test_a_filter_keeps_the_old_rows_until_it_has_its_own(store: Store) -> None:
    """From deep in the list to the head of the filtered one; one that lets nothing through ends."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        tickets = await _list(pilot)
        tickets.action_edge(1)
        await _arrives(pilot, tickets)
        assert isinstance(app.screen, TicketsScreen)
        app.screen.set_filter("级别:红")
        assert _NOT_THERE not in screen_text(app)
        await wait_for_refresh(pilot)
        assert (tickets.cursor, tickets.first, tickets.lacks_rows()) == (0, 0, False)
        app.screen.set_filter("没有这样的标题")
        await wait_for_refresh(pilot)
        assert (tickets.total, tickets.lacks_rows(), tickets.current) == (0, False, None)
        app.screen.set_filter("")
        await wait_for_refresh(pilot)
        assert (tickets.cursor, tickets.lacks_rows()) == (0, False)
