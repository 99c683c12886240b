"""Figures: what was measured, against what, and whether that is enough."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median, quantiles
from typing import Any

from models.clock import monotonic


@dataclass(frozen=True, slots=True)
class Goal:
    """What a ratio has to be: at least so much, or at most; with neither it is only told."""

    least: float | None = None
    most: float | None = None

    def met(self, ratio: float | None) -> bool | None:
        """Whether a ratio is good enough; None where there is no ratio, or no goal."""
        if ratio is None or (self.least is None and self.most is None):
            return None
        return ratio >= self.least if self.least is not None else ratio <= (self.most or 0)

    def __str__(self) -> str:
        if self.least is not None:
            return f">= {self.least:g}"
        return f"<= {self.most:g}" if self.most is not None else ""


@dataclass
class Figure:
    """One figure of a row, as the median of its runs, held against a limit, a peer or a bound.

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
        if not self.reference or not self.value:
            return None
        shorter_is_better = self.unit in _TIMES and self.goal.most is None
        return self.reference / self.value if shorter_is_better else self.value / self.reference

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where nothing could be compared, or nothing is asked."""
        return self.goal.met(self.ratio)

    def against_peer(self, name: str, found: Sequence[float], goal: Goal) -> "Figure":
        """The same figure against somebody else."""
        return replace(self, against=name, references=found, goal=goal, note="")

    def as_dict(self) -> dict[str, Any]:
        """Print JSON, for programs."""
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
    """A row of the table: the figure that it is about, and what else was found beside it."""

    id: str
    figures: Sequence[Figure]
    absent: Mapping[str, str] = field(default_factory=dict)
    """Peers that were not measured, and why."""
    failed: str = ""
    """Why the row could not be measured at all."""

    def as_dict(self) -> dict[str, Any]:
        """For machines: the first figure flat, the others in a list."""
        format_number = [one.as_dict() for one in self.figures]
        first = (
            format_number[0]
            if format_number
            else dict.fromkeys(("figure", "reference", "ratio", "met"))
        )
        return {
            "id": self.id,
            **first,
            "failed": self.failed,
            "others": format_number[1:],
            "absent": dict(self.absent),
        }


def percentile(values: Sequence[float], percent: int) -> float:
    """What so many percent of the values are not above."""
    if len(values) < 2:
        return float(values[0])
    return float(quantiles(values, n=100, method="inclusive")[percent - 1])


def measure_seconds(work: Callable[[], object]) -> float:
    """How many seconds `work` takes."""
    began = monotonic()
    work()
    return monotonic() - began


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def format_number(value: float | None, unit: str = "") -> str:
    """A number as people read it: three digits that count, no powers of ten."""
    if value is None:
        return "-"
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


def relative_spread(figure: Figure) -> str:
    """How far the runs lie apart: half of the way from the lowest to the highest, in percent."""
    if len(figure.runs) < 2 or not figure.value:
        return ""
    return f"±{50 * (max(figure.runs) - min(figure.runs)) / figure.value:.0f}%"
