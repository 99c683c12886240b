"""Pictures of the screens, drawn without a terminal."""

import asyncio
import html
import re
from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len
from textual.pilot import Pilot

from monitor.app import MonitorApp

SCREENSHOTS: dict[str, Sequence[str]] = {
    "overview": (),
    "tickets": ("2",),
    "detail": ("2", "down", "down", "enter"),
    "units": ("3",),
    "callbacks": ("4", "right", "right", "right"),
    "queues": ("5",),
    "failures": ("6",),
    "board": (),
}
"""Each picture and the keys that lead to it; the board is an app of its own."""

_PATIENCE = 30.0

_TEXT = re.compile(r'textLength="([\d.]+)"([^>]*)>([^<]*)</text>')
"""A text of the picture: how long it is drawn, what else is said of it, and its letters."""

_FOREIGN_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)
"""What would have a picture ask another host for its letters."""


async def wait_for_refresh(pilot: Pilot[None]) -> None:
    """Wait until all that was asked for is read and painted; raises TimeoutError if it is not."""
    app = pilot.app
    assert isinstance(app, MonitorApp)
    async with asyncio.timeout(_PATIENCE):
        for _look in range(3):
            seen = app.paint_count
            app.read_now()
            while app.paint_count == seen:
                await asyncio.sleep(0.01)
            await pilot.pause()


async def take(app: MonitorApp, keys: Sequence[str], size: tuple[int, int]) -> str:
    """The picture of an app after these keys, as SVG text."""
    async with app.run_test(size=size) as pilot:
        await wait_for_refresh(pilot)
        for key in keys:
            await pilot.press(key)
            await wait_for_refresh(pilot)
        drawn = app.export_screenshot(title="hotline")
        return _TEXT.sub(_as_long_as_its_cells, _FOREIGN_FONTS.sub("", drawn))


def _as_long_as_its_cells(found: re.Match[str]) -> str:
    """A text drawn as long as it is on a terminal, where a Chinese character takes two cells."""
    length, rest, letters = found.groups()
    text = html.unescape(letters)
    cell = float(length) / max(1, len(text))
    return f'textLength="{cell * cell_len(text):g}"{rest}>{letters}</text>'


def save(app: MonitorApp, name: str, size: tuple[int, int], folder: Path) -> Path:
    """Draw one of SHOTS into `folder`; returns where it is."""
    path = folder / f"{name}.svg"
    path.write_text(asyncio.run(take(app, SCREENSHOTS[name], size)), encoding="utf-8")
    return path
