"""Draw each screen without a terminal: `python -m tests.monitor.screenshots FOLDER [COLSxROWS]`."""

import asyncio
import html
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len

from models.i18n import activate
from monitor.app import MonitorApp
from tests.monitor.driving import wait_for_refresh
from tests.monitor.scene import NOW, make_scene

SCREENSHOTS: dict[str, Sequence[str]] = {
    "overview": (),
    "tickets": ("2",),
    "detail": ("2", "down", "down", "enter"),
    "units": ("3",),
    "callbacks": ("4", "right", "right", "right"),
    "queues": ("5",),
    "failures": ("6",),
    "todo": ("7", "right", "right", "right"),
    "board": (),
}
"""Each picture and the keys that lead to it; the wallboard is an app of its own."""

_TEXT = re.compile(r'textLength="([\d.]+)"([^>]*)>([^<]*)</text>')
"""A text of the picture: its length, its other attributes, and its characters."""

_FONT_FACES = re.compile(r"@font-face \{.*?\}", re.DOTALL)
"""Rules that would make a picture ask another host for its fonts."""


async def draw(app: MonitorApp, keys: Sequence[str], size: tuple[int, int]) -> str:
    """Return the picture of an app after these keys, as SVG text."""
    async with app.run_test(size=size) as pilot:
        await wait_for_refresh(pilot)
        for key in keys:
            await pilot.press(key)
            await wait_for_refresh(pilot)
        return at_cell_width(app.export_screenshot(title="hotline"))


def at_cell_width(svg: str) -> str:
    """Return a picture of a terminal that asks no other host for fonts, each text in its place."""
    return _TEXT.sub(_with_cell_width, _FONT_FACES.sub("", svg))


def _with_cell_width(match: re.Match[str]) -> str:
    """Draw a text as long as it is on a terminal, where a Chinese character takes two cells."""
    length, rest, characters = match.groups()
    text = html.unescape(characters)
    cell = float(length) / max(1, len(text))
    return f'textLength="{cell * cell_len(text):g}"{rest}>{characters}</text>'


def main() -> None:
    """Draw all screens of the fixed scene into the folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    columns, rows = (int(n) for n in (sys.argv[2] if len(sys.argv) > 2 else "132x38").split("x"))
    activate("zh")
    with tempfile.TemporaryDirectory() as place:
        store = make_scene(Path(place))
        for name, keys in SCREENSHOTS.items():
            app = MonitorApp(
                store,
                lambda: NOW,
                wall=lambda: NOW,
                broker_ok=lambda: True,
                every=None,
                wallboard=name == "board",
            )
            path = folder / f"{name}.svg"
            path.write_text(asyncio.run(draw(app, keys, (columns, rows))), encoding="utf-8")
            print(path)
        store.close()


if __name__ == "__main__":
    main()
