"""The curve of the day: what came in and what was completed by the hour, yesterday's behind it."""

from collections.abc import Sequence
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from models.i18n import _
from models.queries.overview import HourlyCounts
from models.rules.calendar import SHANGHAI
from monitor.formatting import fit, pad_left
from monitor.widgets.charts import chart, merged
from monitor.widgets.steady_text import SteadyText

_OFFICE_DAY = range(8, 18)
"""The hours that are always on the axis; others are where something happened in them."""

_SUM_WIDTH = 5
_LABEL_EVERY = 2


class DayCurve(SteadyText):
    """Two charts with their names, their sums so far and yesterday's, over one axis of hours."""

    def __init__(self) -> None:
        super().__init__(id="curve")
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
    series = (
        (_("received today"), curve.received, curve.received_before, "$primary"),
        (_("completed today"), curve.completed, curve.completed_before, "$success"),
    )
    names = [_("yesterday"), *(name for name, *_rest in series)]
    name_width = max(map(cell_len, names)) + 1
    hours = _hours(curve)
    each = max(1, (width - name_width - _SUM_WIDTH - 1) // len(hours))
    top = max(max(counts) for _name, *both, _style in series for counts in both)
    rows = max(1, (height - 1) // len(series))
    lines = []
    for name, today, before, style in series:
        charts = [
            chart(_columns(counts, hours, each), each * len(hours), rows, top)
            for counts in (today, before)
        ]
        sums = sum(today[: hour + 1]), sum(before[: hour + 1])
        labels = [(name, str(sums[0]), "bold"), (_("yesterday"), str(sums[1]), "$quiet")]
        for row in range(rows):
            text, total, total_style = labels[row] if row < len(labels) else ("", "", "")
            lines.append(
                Content.assemble(
                    (fit(text, name_width), "$quiet"),
                    (pad_left(total, _SUM_WIDTH), total_style),
                    " ",
                    *merged(charts[0][row], charts[1][row], style, "$quiet"),
                )
            )
    axis = " " * (name_width + _SUM_WIDTH + 1)
    labelled = hours[::_LABEL_EVERY]
    axis += "".join(fit(f"{h:02}" if h in labelled else "", each) for h in hours)
    return Content("\n").join([*lines, Content.styled(axis, "$quiet")])


def _hours(curve: HourlyCounts) -> range:
    """Return the hours of the axis: those of the office, and as many more as have counts."""
    days = (curve.received, curve.completed, curve.received_before, curve.completed_before)
    busy = [hour for counts in days for hour, count in enumerate(counts) if count]
    first, last = min([_OFFICE_DAY[0], *busy]), max([_OFFICE_DAY[-1], *busy])
    return range(first, last + 1)


def _columns(counts: Sequence[int], hours: range, each: int) -> list[int]:
    """Return two columns of dots a cell, with a gap after each hour."""
    dots = 2 * each - 1
    return [column for hour in hours for column in [counts[hour]] * dots + [0]]
