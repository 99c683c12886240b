"""Figures: a measurement, the reference that it is compared with, and whether the goal is met."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median, quantiles
from typing import Any

from models.clock import monotonic


@dataclass(frozen=True, slots=True)
class Goal:
    """The bound of a ratio: at least, or at most; with neither, the ratio is only shown."""

    least: float | None = None
    most: float | None = None

    def met(self, ratio: float | None) -> bool | None:
        """Return whether a ratio is good enough; None where there is no ratio, or no goal."""
        if ratio is None or (self.least is None and self.most is None):
            return None
        return ratio >= self.least if self.least is not None else ratio <= (self.most or 0)

    def __str__(self) -> str:
        if self.least is not None:
            return f">= {self.least:g}"
        return f"<= {self.most:g}" if self.most is not None else ""


@dataclass
class Figure:
    """One figure of a row: the median of its runs, compared with a limit, a peer or a bound.

    `ratio` is how many times as fast as the reference it is, for rates and for times alike; for
    a bound (`Goal.most`) it is the share of the bound that is used.
    """

    what: str
    unit: str
    runs: Sequence[float]
    against: str = ""
    references: Sequence[float] = ()
    goal: Goal = field(default_factory=Goal)
    note: str = ""

    @property
    def value(self) -> float:
        """The median of the runs."""
        return median(self.runs)

    @property
    def reference(self) -> float | None:
        """The median of the reference's runs."""
        return median(self.references) if self.references else None

    @property
    def ratio(self) -> float | None:
        """The figure by its reference, or the other way round for times that have to be short."""
        if not self.reference or (not self.value and self.goal.most is None):
            return None
        shorter_is_better = self.unit in _TIMES and self.goal.most is None
        return self.reference / self.value if shorter_is_better else self.value / self.reference

    @property
    def met(self) -> bool | None:
        """Return whether the goal is met; None without a goal or without a comparison."""
        return self.goal.met(self.ratio)

    def against_peer(self, name: str, references: Sequence[float], goal: Goal) -> "Figure":
        """The same figure compared with another peer."""
        return replace(self, against=name, references=references, goal=goal, note="")

    def as_dict(self) -> dict[str, Any]:
        """As a dictionary, for JSON."""
        return {
            "what": self.what,
            "unit": self.unit,
            "figure": _short(self.value),
            "runs": len(self.runs),
            "lowest": _short(min(self.runs)),
            "highest": _short(max(self.runs)),
            "against": self.against,
            "reference": _short(self.reference),
            "ratio": _short(self.ratio),
            "goal": str(self.goal),
            "met": self.met,
            "note": self.note,
        }


_TIMES = ("s", "ms", "us", "MB")


@dataclass
class Row:
    """A row of the table: its main figure first, then the others."""

    id: str
    figures: Sequence[Figure]
    absent: Mapping[str, str] = field(default_factory=dict)
    """Peers that were not measured, and why."""
    failed: str = ""
    """Why the row could not be measured at all."""

    def as_dict(self) -> dict[str, Any]:
        """As a dictionary, for JSON: the first figure flat, the others in a list."""
        figures = [figure.as_dict() for figure in self.figures]
        first = figures[0] if figures else dict.fromkeys(("figure", "reference", "ratio", "met"))
        return {
            "id": self.id,
            **first,
            "failed": self.failed,
            "others": figures[1:],
            "absent": dict(self.absent),
        }


def percentile(values: Sequence[float], percent: int) -> float:
    """A percentile of the values."""
    if len(values) < 2:
        return float(values[0])
    return float(quantiles(values, n=100, method="inclusive")[percent - 1])


def measure_seconds(work: Callable[[], object]) -> float:
    """The seconds that `work` takes."""
    began = monotonic()
    work()
    return monotonic() - began


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def format_number(value: float | None, unit: str = "") -> str:
    """A number with three significant digits and no power of ten."""
    if value is None:
        return "-"
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


def relative_spread(figure: Figure) -> str:
    """The spread of the runs: half the range between lowest and highest, in percent."""
    if len(figure.runs) < 2 or not figure.value:
        return ""
    return f"+-{50 * (max(figure.runs) - min(figure.runs)) / figure.value:.0f}%"
