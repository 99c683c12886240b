"""The table of clauses in models/README.md names rules, scenarios and tests that exist."""

import importlib
import re
from pathlib import Path

import pytest

from tests.rules.district import SCENARIOS

ROOT = Path(__file__).parents[2]
README = (ROOT / "models" / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| ([\w.–() ]+) \| (.+) \| (.+) \|$", README.split("carries out which clause")[1], re.M
)
QUOTED = re.compile(r"`([^`]+)`")


@pytest.mark.parametrize(("clause", "rules", "tests"), ROWS[1:], ids=[row[0] for row in ROWS[1:]])
def test_each_clause_names_rules_and_tests_that_exist(clause: str, rules: str, tests: str) -> None:
    names, paths = QUOTED.findall(rules), QUOTED.findall(tests)
    assert names, clause
    for name in names:
        path, _, attributes = name.partition(".")
        module = path if "/" in path else f"rules/lifecycle/{path}"
        value: object = importlib.import_module("models." + module.replace("/", "."))
        for attribute in attributes.split("."):
            value = getattr(value, attribute)
    assert paths, clause
    for path in paths:
        folder = ROOT if path.startswith("tests/") else SCENARIOS
        pattern = path if path.startswith("tests/") else f"{path}.jsonl"
        assert list(folder.glob(pattern)), path


def test_every_scenario_is_of_a_clause_in_the_table() -> None:
    patterns = [path for row in ROWS for path in QUOTED.findall(row[2])]
    for scenario in SCENARIOS.glob("*.jsonl"):
        assert any(scenario.match(f"{pattern}.jsonl") for pattern in patterns), scenario.name
