"""Draw charts as plain SVG: bars by unit, and lines by month."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from models.rules.vocabulary import Level

_LABEL, _WIDTH, _ROW = 190, 620, 24
_HEIGHT, _LEFT, _TOP = 220, 44, 14


LEVEL_COLOURS = {Level.PREWARNING: "#9fb8cc", Level.YELLOW: "#d9a400", Level.RED: "#b3261e"}
"""The colour of each level."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a bar chart: its parts one after another, each with its colour, and its text."""

    label: str
    parts: tuple[tuple[float, str], ...]
    text: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of a line chart; None where there is no value."""

    label: str
    colour: str
    values: tuple[float | None, ...]


def bars(rows: Sequence[Bar], full: float | None = None) -> str:
    """A bar chart; `full` is the value of the whole width, by default that of the longest row."""
    longest = full or max((sum(p for p, _ in row.parts) for row in rows), default=0) or 1
    room = _WIDTH - _LABEL - 70
    height = len(rows) * _ROW + 4
    parts = [f'<svg viewBox="0 0 {_WIDTH} {height}" role="img">']
    for index, row in enumerate(rows):
        y = index * _ROW
        label = row.label if len(row.label) <= 13 else row.label[:12] + "…"
        parts.append(
            f'<text x="{_LABEL - 8}" y="{y + 16}" text-anchor="end">{escape(label)}'
            f"<title>{escape(row.label)}</title></text>"
        )
        x = float(_LABEL)
        for share, colour in row.parts:
            width = room * share / longest
            parts.append(
                f'<rect x="{x:.1f}" y="{y + 4}" width="{width:.1f}" height="{_ROW - 8}" '
                f'fill="{colour}"/>'
            )
            x += width
        parts.append(f'<text x="{x + 6:.1f}" y="{y + 16}">{escape(row.text)}</text>')
    return "".join([*parts, "</svg>"])


def lines(labels: Sequence[str], curves: Sequence[Curve], *, rate: bool) -> str:
    """A line chart over months; the axis of rates goes from 0 to 100 %."""
    values = [v for curve in curves for v in curve.values if v is not None]
    top = 1.0 if rate else _round_up(max(values, default=1.0))
    right, bottom = _WIDTH - 110, _HEIGHT - 26
    step = (right - _LEFT) / max(1, len(labels) - 1)
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">']
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - (bottom - _TOP) * share
        mark = f"{share:.0%}" if rate else f"{top * share:g}"
        parts.append(
            f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d9dfe7"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{mark}</text>'
        )
    for index, label in enumerate(labels):
        x = _LEFT + step * index
        parts.append(
            f'<text x="{x:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(label)}</text>'
        )
    for index, curve in enumerate(curves):
        points = [
            (_LEFT + step * n, bottom - (bottom - _TOP) * v / top)
            for n, v in enumerate(curve.values)
            if v is not None
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{curve.colour}" stroke-width="2"/>'
        )
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{curve.colour}"/>'
                  for x, y in points]  # fmt: skip
        y = _TOP + 16 * index + 8
        parts.append(
            f'<rect x="{right + 14}" y="{y - 8}" width="10" height="10" fill="{curve.colour}"/>'
            f'<text x="{right + 28}" y="{y + 1}">{escape(curve.label)}</text>'
        )
    return "".join([*parts, "</svg>"])


def _round_up(value: float) -> float:
    """The next round number that can be divided by four."""
    step = 4.0
    while step * 1.0 < value:
        for factor in (1, 2, 2.5, 5, 10):
            if step * factor >= value:
                return step * factor
        step *= 10
    return step
