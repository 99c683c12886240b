"""Runs the rows that were asked for and prints the results."""

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
from scripts.bench.context import BenchContext
from scripts.bench.figures import Row
from scripts.bench.presentation import as_markdown, describe_setting, print_row
from scripts.output import print_json

ROWS = {
    "P1": "rules:measure_expiries",
    "P2": "rules:measure_decide",
    "P3": "intake:measure_intake",
    "P4": "storm:measure_storm",
    "P5": "lateness:measure_lateness",
    "P6": "lateness:measure_emergencies",
    "P7": "monitor:measure_monitor",
    "P8": "monitor:measure_change_shown",
    "P9": "feeds:measure_feeds",
    "P10": "startup:measure_startup",
    "P11": "replay:measure_replay",
    "P12": "growth:measure_growth",
    "P13": "whatif:measure_whatif",
    "P14": "operator_feel:measure_feel",
    "P15": "disk:measure_disk",
    "P16": "sqlite:measure_sqlite",
}
"""The function that measures each row; its module is imported only if asked for."""


@dataclass
class Options:
    """The options of the command."""

    rows: Sequence[str] = ()
    runs: int = 5
    scale: float = 1.0
    huge: bool = False
    quick: bool = False
    database: str | None = None
    profile: Path | None = None


def run_bench(options: Options, *, as_json: bool, markdown: bool) -> int:
    """Measure and print; 0 if every row was measured, whether or not its goal was met.

    A row that could not be measured is reported, and the others go on. Raises HotlineError for an
    unknown row.
    """
    unknown = [name for name in options.rows if name not in ROWS]
    if unknown:
        why = _("no row {name}; there are: {known}")
        raise HotlineError(why.format(name=unknown[0], known=", ".join(ROWS)))
    results = []
    with ExitStack() as cleanup:
        # On SIGTERM it removes its servers, databases and folder as at a normal end.
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        cleanup.callback(signal.signal, signal.SIGTERM, before)
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="hotline-bench-")))
        bench = BenchContext(
            folder,
            _tell,
            runs=options.runs,
            scale=options.scale,
            huge=options.huge,
            quick=options.quick,
            database=options.database,
            profile=options.profile,
            cleanup=cleanup,
        )
        for name in options.rows or ROWS:
            _tell(_("measuring {row}").format(row=name))
            results.append(_measured(name, bench))
            if not as_json and not markdown:
                print_row(results[-1])
        if markdown:
            sys.stdout.write(describe_setting(bench, sys.argv[1:]) + as_markdown(results))
    if as_json:
        print_json([row.as_dict() for row in results])
    return 1 if any(row.failed for row in results) else 0


def _measured(name: str, bench: BenchContext) -> Row:
    try:
        return _measure(name)(bench)
    except (HotlineError, psycopg.Error) as error:
        _tell(f"{name}: {error}")
        return Row(name, [], failed=str(error) or type(error).__name__)


def _measure(name: str) -> Callable[[BenchContext], Row]:
    module, function = ROWS[name].split(":")
    measure: Callable[[BenchContext], Row] = getattr(
        import_module(f"scripts.bench.{module}"), function
    )
    return measure


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
