"""The curve of the day: what came in and what was completed by the hour, yesterday's behind it."""

from datetime import datetime

from textual.content import Content

from models.i18n import _
from models.queries.event_counts import HourlyCounts
from models.rules.calendar import SHANGHAI
from monitor.widgets.column_chart import Series, column_chart
from monitor.widgets.steady_text import SteadyText

_OFFICE_DAY = range(8, 19)
"""The hours that are always on the axis; others are where something happened in them."""

_LABEL_EVERY = 2


class DayCurve(SteadyText):
    """Two charts with their names, their sums so far and yesterday's, over one axis of hours."""

    def __init__(self) -> None:
        super().__init__(classes="curve")
        self._curve, self._hour = HourlyCounts(), 0

    def show(self, curve: HourlyCounts, now: datetime) -> None:
        """Show this day up to the present hour."""
        self._curve, self._hour = curve, now.astimezone(SHANGHAI).hour
        self._draw()

    def on_resize(self) -> None:
        """Draw at the new size."""
        self._draw()

    def _draw(self) -> None:
        if self.size.width > 0:
            self.update(day_curve(self._curve, self._hour, self.size.width, self.size.height))


def day_curve(curve: HourlyCounts, hour: int, width: int, height: int) -> Content:
    """Lay out the curve in so many cells and lines, of which the last is the axis."""
    hours, until = _hours(curve), hour + 1
    days = (
        (_("received today"), curve.received, curve.received_before, "$primary"),
        (_("completed today"), curve.completed, curve.completed_before, "$success"),
    )
    series = [
        Series(
            [today[h] for h in hours],
            style,
            ((name, sum(today[:until])), (_("yesterday"), sum(before[:until]))),
            [before[h] for h in hours],
        )
        for name, today, before, style in days
    ]
    labels = [f"{h:02}" if h % _LABEL_EVERY == 0 else "" for h in hours]
    return column_chart(series, labels, width, height)


def _hours(curve: HourlyCounts) -> range:
    """Return the hours of the axis: those of the office, and as many more as have counts."""
    days = (curve.received, curve.completed, curve.received_before, curve.completed_before)
    busy = [hour for counts in days for hour, count in enumerate(counts) if count]
    first, last = min([_OFFICE_DAY[0], *busy]), max([_OFFICE_DAY[-1], *busy])
    return range(first, last + 1)
