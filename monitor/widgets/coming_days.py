"""The columns and items of the list of the coming working days."""

from collections.abc import Sequence

from models.i18n import _
from models.queries.coming_days import ComingDay
from monitor.formatting import format_weekday, pad_left
from monitor.widgets.charts import shares
from monitor.widgets.item_list import ListItem
from monitor.widgets.level_counts import count_cell, level_cells, level_heads
from monitor.widgets.list_columns import Cell, Column

_BAR_WIDTH = 14


def day_heads() -> Sequence[Column]:
    """Return the columns: the day, what falls due in it, and the levels that come."""
    return [
        Column(_("Day"), 10),
        Column(pad_left(_("result"), 5), 6),
        Column(pad_left(_("other"), 5), 6),
        *level_heads(),
        Column("", None),
    ]


def day_items(days: Sequence[ComingDay]) -> list[ListItem]:
    """Return the days as items of such a list; a bar shows what falls due, to one scale."""
    most = max((day.handling + day.others for day in days), default=0)
    return [_item(day, most) for day in days]


def _item(day: ComingDay, most: int) -> ListItem:
    bar = shares([(day.handling, "soon"), (day.others, "rest")], most, _BAR_WIDTH)
    return ListItem(
        day.day.isoformat(),
        (
            Cell(f"{day.day:%m-%d} {format_weekday(day.day)}", "" if day.is_working else "quiet"),
            count_cell(day.handling, 5, "strong"),
            count_cell(day.others, 5, "quiet"),
            *level_cells(day.levels),
            Cell(parts=bar),
        ),
    )
