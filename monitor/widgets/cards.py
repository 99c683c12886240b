"""The columns, items and title of a list of the yellow and red cards that stand."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from textual.content import Content

from models.i18n import _
from models.queries.overview import MAX_CARDS, Card, Counters
from models.rules.vocabulary import ClockName, Level
from monitor.formatting import OfficeCalendar, format_time, format_time_left, one_line
from monitor.labels import BADGES, LEVEL_STYLES, word
from monitor.widgets.item_list import ListItem
from monitor.widgets.list_columns import Cell, Column


def card_heads() -> Sequence[Column]:
    """Return the columns of a list of cards."""
    return [
        Column("", 3),
        Column(_("Over"), 11),
        Column(_("Since"), 11, 80),
        Column(_("Unit"), 10),
        Column(_("Title"), None),
    ]


def cards_title(counters: Counters) -> tuple[Content | str, ...]:
    """Return how many cards stand, for the title of such a list."""
    counts = ((Level.RED, counters.red), (Level.YELLOW, counters.yellow))
    parts = [
        Content.styled(f" {word(BADGES, level)} {count} ", LEVEL_STYLES[level] if count else "")
        for level, count in counts
    ]
    listed = min(MAX_CARDS, counters.red + counters.yellow)
    more = counters.red + counters.yellow - listed
    rest = _("the first {n} are listed").format(n=listed)
    return (*parts, Content.styled(rest, "$quiet")) if more else tuple(parts)


def card_item(
    card: Card, now: datetime, office: OfficeCalendar, short_names: Mapping[str, str]
) -> ListItem:
    """Return a card as an item of such a list."""
    unit = short_names.get(card.unit or "", card.unit or "")
    over = ""
    if card.due is not None:
        over = format_time_left(card.due, now, office, clock=ClockName.HANDLING, brief=True)
    return ListItem(
        card.ticket,
        (
            Cell(word(BADGES, card.level), card.level),
            Cell(over, "over"),
            Cell(format_time(card.at, now), "quiet"),
            Cell(one_line(unit)),
            Cell(one_line(card.title)),
        ),
    )
