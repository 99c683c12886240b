"""SQL is run in models only: the import contracts cannot see a statement run through a session."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "scripts" / "bench"
"""Measures the databases themselves, so it may query them."""

RUNS_SQL = {"execute", "executemany", "exec_driver_sql", "scalar", "scalars", "engine"}
PIPELINES = {"pipe"}
"""Names of Redis pipelines, which have a method `execute` too."""

MODULES = [
    path
    for package in ("workers", "monitor", "scripts")
    for path in sorted((ROOT / package).rglob("*.py"))
    if not path.is_relative_to(BENCH)
]


def _runs_sql(source: str) -> list[str]:
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr in RUNS_SQL
        if not (isinstance(node.value, ast.Name) and node.value.id in PIPELINES)
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sql_outside_models(path: Path) -> None:
    assert _runs_sql(path.read_text("utf-8")) == []


def test_the_check_sees_sql() -> None:
    seen = _runs_sql("store.engine.connect()\nsession.execute(x)\npipe.execute()\n")
    assert sorted(seen) == ["1: store.engine", "2: session.execute"]
