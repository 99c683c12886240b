"""The next moment at which cards are raised if nothing is done, on one line."""

from collections.abc import Sequence
from datetime import datetime

from textual.content import Content

from models.queries.coming_days import ComingDay
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import Level
from monitor.formatting import format_weekday
from monitor.labels import BADGES, word

_CARDS = ((Level.YELLOW, "$warning"), (Level.RED, "$error"))


def next_cards(days: Sequence[ComingDay], now: datetime) -> Content:
    """Return the next moment with yellow or red cards to come, and how many; else nothing."""
    for day in days:
        for at, levels in day.moments.items():
            counts = [(level, style, levels.get(level, 0)) for level, style in _CARDS]
            if at > now and any(count for _level, _style, count in counts):
                local = at.astimezone(SHANGHAI)
                parts = [
                    Content.styled(f"{count} {word(BADGES, level)}", style)
                    for level, style, count in counts
                    if count
                ]
                when = f"{local:%m-%d} {format_weekday(local.date())} {local:%H:%M}"
                return Content("  ").join([Content(when), *parts])
    return Content("")
