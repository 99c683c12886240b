"""The days past: what came in and what was completed in each."""

from datetime import date, datetime, timedelta

from textual.content import Content

from models.i18n import _
from models.queries.event_counts import DailyCounts
from models.rules.calendar import SHANGHAI
from monitor.widgets.column_chart import Series, column_chart
from monitor.widgets.steady_text import SteadyText

_LABEL_EVERY = 7


class DayHistory(SteadyText):
    """Two charts with their names and sums over one axis of days, today at the right."""

    def __init__(self) -> None:
        super().__init__(classes="curve")
        self._counts, self._today = DailyCounts(), date.min

    def show(self, counts: DailyCounts, now: datetime) -> None:
        """Show these days, the last of which is today."""
        self._counts, self._today = counts, now.astimezone(SHANGHAI).date()
        self._draw()

    def on_resize(self) -> None:
        """Draw at the new size."""
        self._draw()

    def _draw(self) -> None:
        if self.size.width > 0 and self._today > date.min:
            self.update(day_history(self._counts, self._today, *self.size))


def day_history(counts: DailyCounts, today: date, width: int, height: int) -> Content:
    """Lay out the days in so many cells and lines, of which the last is the axis."""
    series = [
        Series(values, style, ((name, sum(values)),))
        for name, values, style in (
            (_("Received"), counts.received, "$primary"),
            (_("Completed"), counts.completed, "$success"),
        )
    ]
    return column_chart(series, day_labels(today, len(counts.received)), width, height)


def day_labels(today: date, days: int) -> list[str]:
    """Return the label of each of so many days up to today: one in a week has its date."""
    ago = range(days - 1, -1, -1)
    return [f"{today - timedelta(n):%m-%d}" if n % _LABEL_EVERY == 6 else "" for n in ago]
