"""What stands in two places agrees: counters, panels, lists; and red is the brightest of all."""

import pytest
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

from models.database import Store
from models.queries.overview import MAX_CARDS, Counters, workload
from models.queries.ticket_filter import TicketFilter
from models.queries.ticket_list import count_tickets
from models.rules.vocabulary import Level
from monitor.app import MonitorApp
from monitor.screens.overview import Tile
from monitor.screens.wallboard import Figure
from monitor.widgets.cards import cards_title
from monitor.widgets.item_list import ItemList
from monitor.widgets.panel import Panel, frame
from tests.monitor.driving import wait_for_refresh
from tests.monitor.scene import NOW, fill_scene

pytestmark = pytest.mark.store(databases=["sqlite"], fill=fill_scene, shared=True)


def _app(store: Store, *, wallboard: bool = False) -> MonitorApp:
    return MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=None, wallboard=wallboard)


def _title(panel: Panel) -> str:
    return panel.render().split("\n")[0].plain


def _keys(items: ItemList) -> list[str]:
    keys = (items.key(index) for index in range(items.total))
    return [key for key in keys if key is not None]


def _column(items: ItemList, column: int) -> list[str]:
    cells = (items.cells(index, 120) for index in range(items.total))
    return [row[column].text.strip() for row in cells if row is not None]


@pytest.mark.parametrize("wallboard", [False, True], ids=["overview", "wallboard"])
async def test_the_cards_are_those_that_the_counters_count(store: Store, wallboard: bool) -> None:
    """As many as the list shows under the filter of their level; red first, the oldest on top."""
    with store.reading() as session:
        load = workload(session, NOW)
        counted = {
            level: count_tickets(session, TicketFilter(levels=(level,)))
            for level in (Level.RED, Level.YELLOW)
        }
    assert counted == {Level.RED: load.counters.red, Level.YELLOW: load.counters.yellow}
    assert min(counted.values()) > 0
    app = _app(store, wallboard=wallboard)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        cards, units = (
            app.screen.query_one("#cards", ItemList),
            app.screen.query_one("#units", ItemList),
        )
        title = _title(app.screen.query_one("#cards-panel", Panel))
        tiles = [str(figure.render()) for figure in app.screen.query(Tile)]
        listed, badges = _keys(cards), _column(cards, 0)
        by_unit = [
            sum(int(n or 0) for n in _column(units, at)) for at in range(1, 3 if wallboard else 5)
        ]
    assert f"红 {counted[Level.RED]}" in title
    assert f"黄 {counted[Level.YELLOW]}" in title
    assert badges == ["红"] * counted[Level.RED] + ["黄"] * counted[Level.YELLOW]
    assert listed == [card.ticket for card in load.cards]
    reds = [card.at for card in load.cards if card.level == Level.RED]
    assert reds == sorted(reds)
    if wallboard:
        assert by_unit[:2] == [counted[Level.RED], counted[Level.YELLOW]]
    else:
        assert f"{counted[Level.RED]}\n红牌" in tiles
        assert f"{counted[Level.YELLOW]}\n黄牌" in tiles
        assert by_unit[1:] == [load.counters.prewarning, counted[Level.YELLOW], counted[Level.RED]]


def test_more_cards_than_are_listed_are_told() -> None:
    """The title counts all; it says how many of them the list has."""
    many = Counters(red=MAX_CARDS, yellow=7)
    texts = [part.plain if isinstance(part, Content) else part for part in cards_title(many)]
    assert texts == [" 红 100 ", " 黄 7 ", "列出前 100 件"]
    assert len(cards_title(Counters(red=1))) == 2


def _contrast(app: MonitorApp, widget: Widget) -> int:
    """Return how far the brightest character of a widget stands off from its ground, 0 to 255."""
    region: Region = widget.region
    most = 0
    for strip in app.screen._compositor.render_strips()[region.y : region.bottom]:
        for text, style, _control in strip.crop(region.x, region.right):
            if style is None or style.color is None or style.bgcolor is None:
                continue
            ink, ground = style.color.get_truecolor(), style.bgcolor.get_truecolor()
            assert ink.red == ink.green == ink.blue, "a colour"
            most = max(most, abs(ink.red - ground.red) if text.strip() else 0)
            if isinstance(widget, Figure) and not text.strip():
                most = max(most, ground.red)
    return most


async def test_without_colours_the_red_counter_is_not_the_dimmest(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the tiles of the overview, and of the large figures of the wallboard."""
    monkeypatch.setenv("NO_COLOR", "1")
    overview = _app(store)
    async with overview.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        tiles = {tile.id: _contrast(overview, tile) for tile in overview.screen.query(Tile)}
    assert tiles["tile-red"] == max(tiles.values()), tiles
    wallboard = _app(store, wallboard=True)
    async with wallboard.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        figures = [_contrast(wallboard, figure) for figure in wallboard.screen.query(Figure)]
    assert figures[0] == max(figures), figures


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_a_frame_is_as_large_as_its_panel(size: tuple[int, int]) -> None:
    """Every line is as wide; a title that is too long is cut, and says so."""
    title = [Content("工单"), Content("很长的标题" * 40)]
    for is_whole in (False, True):
        lines = frame(title, *size, is_whole=is_whole).split("\n")
        assert len(lines) == (size[1] if is_whole else 1)
        assert {line.cell_length for line in lines} <= {size[0], size[0] - 1}
        assert ".. " in lines[0].plain
