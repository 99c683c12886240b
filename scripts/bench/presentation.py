"""Rows as a table on a terminal or as Markdown, and a description of the machine."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from models.clock import system_clock
from models.i18n import _
from scripts.bench.context import BenchContext
from scripts.bench.figures import Row, format_number, relative_spread

_WIDTH = 160
_PACKAGES = ("dramatiq", "sqlalchemy", "sqlmodel", "psycopg", "textual", "celery", "procrastinate",
             "dbos")  # fmt: skip


def print_row(row: Row) -> None:
    """Print the row as a table, wide where the width of the terminal is unknown."""
    table = Table(*_heads(), box=None, pad_edge=False)
    for cells in _cells(row):
        table.add_row(*cells)
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(table)
    console.print()


def as_markdown(rows: Sequence[Row]) -> str:
    """The rows as a table of Markdown, one line a figure."""
    lines = [" | ".join(_heads()), " | ".join(["---"] * len(_heads()))]
    lines += [" | ".join(cells) for row in rows for cells in _cells(row)]
    return "".join(f"| {line} |\n" for line in lines)


def describe_setting(bench: BenchContext, command: Sequence[str]) -> str:
    """The circumstances: command, day, machine, load and versions, one a line."""
    import psycopg

    from models.database import sqlite_module

    with psycopg.connect(bench.admin()) as connection:
        row = connection.execute("SELECT current_setting('server_version')").fetchone()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    lines = [
        f"`hotline {' '.join(command)}`, {bench.runs} runs, {system_clock():%Y-%m-%d}",
        f"{os.cpu_count()} cores ({_processor()}), {_memory()}, {platform.system()}, "
        f"load {load} at the end",
        f"Python {platform.python_version()}, PostgreSQL {row[0] if row else '?'}, "
        f"SQLite {sqlite_module().sqlite_version}, {', '.join(map(_versioned, _PACKAGES))}",
    ]
    return "".join(f"- {line}\n" for line in lines) + "\n"


def _versioned(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = info.read_text().splitlines() if info.exists() else []
    models = (line.split(":", 1)[1].strip() for line in names if line.startswith("model name"))
    return next(models, platform.machine())


def _memory() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{pages / 2**30:.0f} GiB"


def _cells(row: Row) -> list[tuple[str, ...]]:
    cells: list[tuple[str, ...]] = []
    for number, figure in enumerate(row.figures):
        met = {True: _("yes"), False: _("no"), None: ""}[figure.met]
        what = figure.what + (f" ({figure.note})" if figure.note else "")
        text = f"{format_number(figure.value, figure.unit)} {relative_spread(figure)}".strip()
        reference = format_number(figure.reference, figure.unit) if figure.references else "-"
        first = "" if number else row.id
        cells.append(
            (
                first,
                what,
                text,
                figure.against,
                reference,
                format_number(figure.ratio),
                str(figure.goal),
                met,
            )
        )
    if row.failed:
        cells.append((row.id, _("could not be measured"), "-", row.failed.splitlines()[0],
                      "-", "-", "", ""))  # fmt: skip
    cells += [("", name, "-", _(why), "-", "-", "", "") for name, why in row.absent.items()]
    return cells


def _heads() -> tuple[str, ...]:
    return ("#", _("what"), _("figure"), _("against"), _("reference"), _("ratio"), _("goal"),
            _("goal met"))  # fmt: skip
