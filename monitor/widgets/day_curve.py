"""The curve of the day: what came in and what was completed, hour by hour."""

from datetime import datetime

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from models.i18n import _
from models.queries.overview import HOURS, HourlyCounts
from models.rules.calendar import SHANGHAI
from monitor.formatting import fit, pad_left
from monitor.widgets.charts import chart

_SUM_WIDTH = 6


class DayCurve(Static):
    """Two lines, each with its name, its sum up to the present hour, and a column an hour."""

    def __init__(self) -> None:
        super().__init__(id="curve", markup=False)
        self._curve, self._hour = HourlyCounts(), 0

    def show(self, curve: HourlyCounts, now: datetime) -> None:
        """Show this day up to the present hour."""
        self._curve, self._hour = curve, now.astimezone(SHANGHAI).hour
        self._draw()

    def on_resize(self) -> None:
        """Draw at the new width."""
        self._draw()

    def _draw(self) -> None:
        rows, top = [], max(*self._curve.received, *self._curve.completed)
        series = (
            (_("received today"), self._curve.received, "$primary"),
            (_("completed today"), self._curve.completed, "$success"),
        )
        name_width = max(cell_len(name) for name, *_rest in series) + 1
        width = self.size.width - 2 - name_width - _SUM_WIDTH - 2
        for name, hours, style in series:
            so_far = sum(hours[: self._hour + 1])
            dots = [n for n in hours for _twice in range(max(1, 2 * width // HOURS))]
            visible = dots[: max(0, 2 * width)] if width > 0 else []
            columns = chart(visible, len(visible) // 2, 1, top)[0] if visible else ""
            rows.append(
                Content.assemble(
                    (fit(name, name_width), "$quiet"),
                    (pad_left(str(so_far), _SUM_WIDTH), "bold"),
                    "  ",
                    (columns, style),
                )
            )
        self.update(Content("\n").join(rows))
