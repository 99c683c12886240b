"""The heads of lists: each stands whole above its column, in both languages, at every width."""

from collections.abc import Iterator, Sequence

import pytest
from rich.cells import cell_len

from models.database import Store
from models.i18n import activate
from monitor.app import MonitorApp
from monitor.commands import MAIN_SCREENS
from monitor.operator.batch import Batch
from monitor.screens.batch_results import BatchResults
from monitor.screens.columns_dialog import ColumnsDialog
from monitor.widgets.list_columns import Column, fitting_widths
from monitor.widgets.virtual_list import VirtualList
from tests.monitor.driving import wait_for_refresh
from tests.monitor.scene import NOW, fill_scene

pytestmark = pytest.mark.store(databases=["sqlite"], fill=fill_scene, shared=True)


def _cut(columns: Sequence[Column], width: int) -> Iterator[str]:
    for column, fitting in zip(columns, fitting_widths(columns, width), strict=True):
        if fitting is not None and cell_len(column.head) > fitting:
            yield f"{column.head!r} in {fitting} cells"


def _all_cut(lists: Sequence[VirtualList]) -> set[str]:
    """Return the heads of these lists that are cut, at all widths of terminals or of panels."""
    cut = set()
    for language in ("zh", "en"):
        activate(language)
        for each in lists:
            name = each.id or type(each).__name__
            least = 74 if each.size.width > 150 else 36
            for width in range(least, 200):
                cut |= {f"{name}: {fault}" for fault in _cut(each.columns(width), width)}
    activate("zh")
    return cut


async def test_no_head_is_cut(store: Store) -> None:
    """On all screens, on the wallboard, and in dialogs with lists of several columns."""
    cut: set[str] = set()
    app = MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=None)
    async with app.run_test(size=(200, 24)) as pilot:
        await wait_for_refresh(pilot)
        for screen in MAIN_SCREENS:
            app.action_go(screen.name)
            await wait_for_refresh(pilot)
            cut |= _all_cut(list(app.screen.query(VirtualList)))
        for dialog in (BatchResults(Batch("督办", 1)), ColumnsDialog(["left"])):
            await app.push_screen(dialog)
            await pilot.pause()
            cut |= _all_cut(list(dialog.query(VirtualList)))
    board = MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=None, wallboard=True)
    async with board.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        cut |= _all_cut(list(board.screen.query(VirtualList)))
    assert not cut, "\n".join(sorted(cut))
