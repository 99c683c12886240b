"""Running the rows that were asked for, and telling what came out."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from models.errors import HotlineError
from models.labels import _
from scripts.bench.bench import Bench
from scripts.bench.figures import Row, spread, told
from scripts.edge import print_json

ROWS = {
    "P1": "rules:expiries",
    "P2": "rules:deciding",
    "P3": "intake:intake",
    "P4": "storm:storm",
    "P5": "lateness:lateness",
    "P6": "lateness:emergencies",
    "P7": "screens:watching",
    "P8": "screens:changing",
    "P9": "feeds:feeding",
    "P10": "starting:starting",
    "P11": "replays:replaying",
    "P12": "growth:growing",
}
"""Which function measures which row; imported only if asked for."""


@dataclass
class Options:
    """What was asked for."""

    rows: Sequence[str] = ()
    runs: int = 5
    scale: float = 1.0
    huge: bool = False
    quick: bool = False
    database: str | None = None
    profile: Path | None = None
    failed: list[str] = field(default_factory=list)


def run_bench(options: Options, *, as_json: bool, markdown: bool) -> int:
    """Measure and print; 0 if every row was measured, whether or not its goal was met.

    Raises HotlineError for a row that there is not, or that could not be measured.
    """
    unknown = [name for name in options.rows if name not in ROWS]
    if unknown:
        why = _("no row {name}; there are: {known}")
        raise HotlineError(why.format(name=unknown[0], known=", ".join(ROWS)))
    found = []
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="hotline-bench-")))
        bench = Bench(folder, _tell, options.runs, options.scale, options.huge, options.quick,
                      options.database, options.profile, closing=closing)  # fmt: skip
        for name in options.rows or ROWS:
            _tell(_("measuring {row}").format(row=name))
            row = _measure(name)(bench)
            found.append(row)
            if not as_json and not markdown:
                _print(row)
    if as_json:
        print_json([row.as_dict() for row in found])
    if markdown:
        sys.stdout.write(as_markdown(found))
    return 0


def _measure(name: str) -> Callable[[Bench], Row]:
    module, function = ROWS[name].split(":")
    measure: Callable[[Bench], Row] = getattr(import_module(f"scripts.bench.{module}"), function)
    return measure


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _cells(row: Row) -> list[tuple[str, ...]]:
    cells: list[tuple[str, ...]] = []
    for number, one in enumerate(row.figures):
        met = {True: _("yes"), False: _("no"), None: ""}[one.met]
        id_ = "" if number else row.id
        what = one.what + (f" ({one.note})" if one.note else "")
        figure = f"{told(one.value, one.unit)} {spread(one)}".strip()
        reference = told(one.reference, one.unit) if one.references else "-"
        ratio = told(one.ratio)
        cells.append((id_, what, figure, one.against, reference, ratio, str(one.goal), met))
    cells += [("", name, "-", _(why), "-", "-", "", "") for name, why in row.absent.items()]
    return cells


def _heads() -> tuple[str, ...]:
    return ("#", _("what"), _("figure"), _("against"), _("reference"), _("ratio"), _("goal"),
            _("met"))  # fmt: skip


def _print(row: Row) -> None:
    table = Table(*_heads(), box=None, pad_edge=False)
    for cells in _cells(row):
        table.add_row(*cells)
    console = Console()
    console.print(table)
    console.print()


def as_markdown(rows: Sequence[Row]) -> str:
    """The rows as a table of Markdown, one line a figure."""
    lines = [" | ".join(_heads()), " | ".join(["---"] * len(_heads()))]
    lines += [" | ".join(cells) for row in rows for cells in _cells(row)]
    return "".join(f"| {line} |\n" for line in lines)
