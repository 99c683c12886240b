"""Drive the monitor in a test: press keys, and wait for what they lead to."""

import asyncio
from collections.abc import Callable

from textual._xterm_parser import XTermParser
from textual.events import Key
from textual.pilot import Pilot

from monitor.app import MonitorApp
from tests.monitor.scene import screen_text

_TIMEOUT = 60.0


async def wait_for_refresh(pilot: Pilot[None]) -> None:
    """Wait until all that was asked for is read and painted; raises TimeoutError if it is not."""
    app = pilot.app
    assert isinstance(app, MonitorApp)
    async with asyncio.timeout(_TIMEOUT):
        for _refresh in range(3):
            before = app.paint_count
            app.read_now()
            while app.paint_count == before:
                await asyncio.sleep(0.01)
            await pilot.pause()


async def wait_until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait until this is so; raises TimeoutError if it does not happen."""
    async with asyncio.timeout(_TIMEOUT):
        while not condition():
            await asyncio.sleep(0.02)
            await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> str:
    """Press keys, wait for each to be painted, and return the text of the screen."""
    assert isinstance(pilot.app, MonitorApp)
    for key in keys:
        await pilot.press(key)
        await wait_for_refresh(pilot)
    return screen_text(pilot.app)


def typed_keys(text: str) -> list[Key]:
    """Return the keys that Textual makes of what a terminal sends for these characters."""
    return [event for event in XTermParser().feed(text) if isinstance(event, Key)]


async def type_text(pilot: Pilot[None], text: str) -> None:
    """Send characters to the monitor as a terminal does."""
    for key in typed_keys(text):
        pilot.app.post_message(key.set_sender(pilot.app))
        await pilot.pause()
