"""The queues as text: what waits, how fast it goes, and how it went over the days."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.cells import cell_len
from textual.content import Content

from models.i18n import _
from models.queries.queue_depths import DAYS_KEPT, SAMPLE_SPAN, QueueRow
from models.rules.queues import ESCALATION
from models.rules.vocabulary import Queue, label
from monitor.formatting import fit, format_duration, pad_left
from monitor.widgets.charts import chart

_MINUTE = 60 / SAMPLE_SPAN.total_seconds()
"""Samples in a minute."""

_NAME, _NUMBER, _GAP = 10, 8, 2
_FIGURES = _NAME + 5 * _NUMBER
_DAYS_WIDTH = DAYS_KEPT.days // 2
"""Cells of the chart of days, at two a cell."""

_LEAST_CHART, _LONGEST_CHART = 10, 30


def queue_flows(rows: Sequence[QueueRow], now: datetime, width: int) -> Content:
    """Lay out each queue's figures, the days past, and where there is room depth and rate."""
    heads = [_("waiting"), _("oldest"), _("in/min"), _("out/min"), _("failed")]
    head = fit(_("Queue"), _NAME) + "".join(pad_left(h, _NUMBER) for h in heads)
    days = _("waiting, {n} d").format(n=DAYS_KEPT.days)
    room = width - _FIGURES - _GAP - max(_DAYS_WIDTH, cell_len(days))
    charts = min(room // 2 - _GAP, _LONGEST_CHART)
    is_wide = charts >= _LEAST_CHART
    if is_wide:
        minutes = round(2 * charts / _MINUTE)
        for text in (_("waiting, {n} min"), _("out, {n} min")):
            head += " " * _GAP + fit(text.format(n=minutes), charts)
    if room >= 0:
        head += " " * _GAP + days
    lines = [Content.styled(fit(head, width), "$quiet")]
    for row in rows:
        parts = [chart(row.depth, charts, 2), chart(row.done, charts, 2)] if is_wide else []
        if room >= 0:
            parts.append(chart(row.days, _DAYS_WIDTH, 2 if is_wide else 1))
        lines += _flow(row, now, parts)
        if is_wide:
            # two lines of dots of one queue must not look like those of the next
            lines.append(Content(""))
    return Content("\n").join(lines[:-1] if is_wide else lines)


def _flow(row: QueueRow, now: datetime, charts: Sequence[Sequence[str]]) -> list[Content]:
    """Lay out a queue in as many lines as its charts have."""
    age = (now - row.now.oldest_at) if row.now.oldest_at and row.now.waiting else timedelta()
    figures = [
        (fit(label(Queue, row.name), _NAME), "bold"),
        _count(row.now.waiting, "bold"),
        (
            pad_left(format_duration(age, brief=True) if age.seconds or age.days else "", _NUMBER),
            "",
        ),
        # what arrives at the escalation is not known: its rows wait from their beginning
        (pad_left("-", _NUMBER), "$quiet")
        if row.name == ESCALATION
        else _count(_last_minute(row.arrived)),
        _count(_last_minute(row.done)),
        _count(sum(row.failed), "bold $error"),
    ]
    styles = ("$accent", "$success", "$accent")[-len(charts) :] if charts else ()
    lines = []
    for at in range(max(map(len, charts), default=1)):
        left = figures if at == 0 else [(" " * _FIGURES, "")]
        drawn = [(" " * _GAP + part[at], style) for part, style in zip(charts, styles, strict=True)]
        lines.append(Content.assemble(*left, *drawn))
    return lines


def _count(count: int, style: str = "") -> tuple[str, str]:
    """Return the text of a count; that of zero is blank."""
    return pad_left(str(count or ""), _NUMBER), style


def _last_minute(counts: Sequence[int]) -> int:
    return sum(counts[-round(_MINUTE) :])
