"""The columns and items of a list of yellow and red cards."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from models.i18n import _
from models.queries.overview import Card
from monitor.formatting import format_time, one_line
from monitor.labels import BADGES, word
from monitor.widgets.item_list import ListItem
from monitor.widgets.virtual_list import Cell, Column


def card_heads() -> Sequence[Column]:
    """Return the columns of a list of cards."""
    heads = ((_("Since"), 11), (_("Unit"), 12), (_("Title"), None))
    return [Column("", 3), *(Column(head, width) for head, width in heads)]


def card_item(card: Card, now: datetime, short_names: Mapping[str, str]) -> ListItem:
    """Return a card as an item of such a list."""
    unit = short_names.get(card.unit or "", card.unit or "")
    return ListItem(
        card.ticket,
        (
            Cell(word(BADGES, card.level), card.level),
            Cell(format_time(card.at, now), "quiet"),
            Cell(one_line(unit)),
            Cell(one_line(card.title)),
        ),
    )
