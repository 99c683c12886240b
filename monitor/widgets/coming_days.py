"""The columns and items of the list of the coming working days."""

from collections.abc import Sequence

from models.i18n import _
from models.queries.coming_days import ComingDay
from models.rules.vocabulary import Level
from monitor.formatting import format_weekday, pad_left
from monitor.labels import BADGES, word
from monitor.widgets.charts import shares
from monitor.widgets.item_list import ListItem
from monitor.widgets.virtual_list import Cell, Column

_BAR_WIDTH = 16


def day_heads() -> Sequence[Column]:
    """Return the columns: the day, what falls due in it, and the levels that come."""
    badges = (pad_left(word(BADGES, level), 4) for level in Level)
    return [
        Column(_("Day"), 10),
        Column(pad_left(_("result"), 5), 6),
        Column(pad_left(_("other"), 5), 6),
        *(Column(badge, 5) for badge in badges),
        Column("", None),
    ]


def day_items(days: Sequence[ComingDay]) -> list[ListItem]:
    """Return the days as items of such a list; a bar shows what falls due, to one scale."""
    most = max((day.handling + day.others for day in days), default=0)
    return [_item(day, most) for day in days]


def _item(day: ComingDay, most: int) -> ListItem:
    counts = [(level, day.levels.get(level, 0)) for level in Level]
    bar = shares([(day.handling, "near-bar"), (day.others, "load")], most, _BAR_WIDTH)
    return ListItem(
        day.day.isoformat(),
        (
            Cell(f"{day.day:%m-%d} {format_weekday(day.day)}"),
            Cell(pad_left(str(day.handling or ""), 5), "strong"),
            Cell(pad_left(str(day.others or ""), 5), "quiet"),
            *(Cell(pad_left(f"{n} " if n else "", 5), level if n else "") for level, n in counts),
            Cell(parts=bar),
        ),
    )
