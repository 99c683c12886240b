"""Running the rows that were asked for, and telling what came out."""

import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import psycopg

from models.errors import HotlineError
from models.i18n import _
from scripts.bench.context import Bench
from scripts.bench.figures import Row
from scripts.bench.presentation import as_markdown, print_row, setting
from scripts.output import print_json

ROWS = {
    "P1": "rules:expiries",
    "P2": "rules:deciding_messages",
    "P3": "intake:intake",
    "P4": "storm:storm",
    "P5": "lateness:lateness",
    "P6": "lateness:emergencies",
    "P7": "monitor:watching",
    "P8": "monitor:changing",
    "P9": "feeds:feeding",
    "P10": "startup:starting",
    "P11": "replay:replaying",
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


def run_bench(options: Options, *, as_json: bool, markdown: bool) -> int:
    """Measure and print; 0 if every row was measured, whether or not its goal was met.

    A row that could not be measured is told, and the others go on. Raises HotlineError for a row
    that there is not.
    """
    unknown = [name for name in options.rows if name not in ROWS]
    if unknown:
        why = _("no row {name}; there are: {known}")
        raise HotlineError(why.format(name=unknown[0], known=", ".join(ROWS)))
    found = []
    with ExitStack() as closing:
        # told to stop, it takes its servers, databases and folder away as when it is done
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        closing.callback(signal.signal, signal.SIGTERM, before)
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="hotline-bench-")))
        bench = Bench(folder, _tell, options.runs, options.scale, options.huge, options.quick,
                      options.database, options.profile, closing=closing)  # fmt: skip
        for name in options.rows or ROWS:
            _tell(_("measuring {row}").format(row=name))
            found.append(_measured(name, bench))
            if not as_json and not markdown:
                print_row(found[-1])
        if markdown:
            sys.stdout.write(setting(bench, sys.argv[1:]) + as_markdown(found))
    if as_json:
        print_json([row.as_dict() for row in found])
    return 1 if any(row.failed for row in found) else 0


def _measured(name: str, bench: Bench) -> Row:
    try:
        return _measure(name)(bench)
    except (HotlineError, psycopg.Error) as wrong:
        _tell(f"{name}: {wrong}")
        return Row(name, [], failed=str(wrong) or type(wrong).__name__)


def _measure(name: str) -> Callable[[Bench], Row]:
    module, function = ROWS[name].split(":")
    measure: Callable[[Bench], Row] = getattr(import_module(f"scripts.bench.{module}"), function)
    return measure


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
