"""Whole lives of tickets, clause by clause, against what an official would expect of them."""

import fnmatch
import itertools
import json
import re
from typing import Any

import pytest

from models.rules.state import RuleContext
from tests.rules.district import POLICY, SCENARIOS
from tests.rules.scenario_runner import (
    event_dict,
    fold_at_once,
    fold_step_by_step,
    play_as_it_came,
    read_scenario,
    without_notices,
)

NAMES = sorted(
    path.stem for path in SCENARIOS.glob("*.jsonl") if not path.stem.endswith(".expected")
)

IN_ORDER = [name for name in NAMES if read_scenario(SCENARIOS / f"{name}.jsonl").in_order]
"""The lives whose messages all came when they happened, under one calendar."""


def compared(
    expected: list[dict[str, Any]], real: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Both lists, the real events cut down to the fields that are expected of them."""
    pairs = itertools.zip_longest(expected, real, fillvalue=None)
    cut = [
        event if wanted is None else {k: event.get(k) for k in wanted}
        for wanted, event in pairs
        if event is not None
    ]
    return expected, cut


@pytest.mark.parametrize("name", NAMES)
def test_the_life_goes_as_the_regulation_says(name: str) -> None:
    scenario = read_scenario(SCENARIOS / f"{name}.jsonl")
    context = RuleContext(POLICY, scenario.calendar)
    if scenario.in_order:
        play = fold_step_by_step if scenario.watched else fold_at_once
        state, events = play(scenario.ordered, context, scenario.until)
    else:
        state, events = play_as_it_came(scenario, POLICY)
    kept = events if scenario.notices else without_notices(events)
    raws = dict(enumerate(scenario.messages, 1))
    expected, real = compared(scenario.events, [event_dict(event, raws) for event in kept])
    assert real == expected, scenario.about
    in_the_end = {
        "status": state.status,
        "unit": state.unit,
        "level": state.level,
        "due": state.due and state.due.isoformat(),
    }
    assert {k: in_the_end[k] for k in scenario.state} == scenario.state


@pytest.mark.parametrize("name", IN_ORDER)
def test_looking_late_finds_the_same_life(name: str) -> None:
    """An outage changes nothing but the moment of recording, and who is told of what."""
    scenario = read_scenario(SCENARIOS / f"{name}.jsonl")
    context = RuleContext(POLICY, scenario.calendar)
    messages = scenario.ordered
    watched_state, watched = fold_step_by_step(messages, context, scenario.until)
    late_state, late = fold_at_once(messages, context, scenario.until)
    assert without_notices(watched) == without_notices(late)
    assert watched_state == late_state


def test_each_scenario_has_its_pair_and_a_ticket_of_its_own() -> None:
    for path in SCENARIOS.glob("*.expected.jsonl"):
        assert path.name.removesuffix(".expected.jsonl") in NAMES
    seen: dict[str, str] = {}
    for name in NAMES:
        scenario = read_scenario(SCENARIOS / f"{name}.jsonl")
        (ticket,) = {raw["ticket"] for raw in scenario.messages}
        assert ticket not in seen, f"{name} has the ticket of {seen[ticket]}"
        seen[ticket] = name
        assert scenario.about, name
        text = (SCENARIOS / f"{name}.jsonl").read_text(encoding="utf-8")
        again = "".join(json.dumps(raw, ensure_ascii=False) + "\n" for raw in scenario.messages)
        assert text == again, f"{name}: one object a line, readable Chinese"


def test_every_clause_has_its_life_and_every_life_its_clause() -> None:
    """As the table in models/README.md has it; what it names is there."""
    readme = (SCENARIOS.parents[1] / "models" / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("| clause |") :]
    rows = [line.split("|")[1:4] for line in table.splitlines()[2:] if line.startswith("|")]
    named = [re.findall(r"`([^`]+)`", scenario_cell) for _, _, scenario_cell in rows]
    assert all(named), "every clause"
    patterns = [each for names in named for each in names]
    for pattern in patterns:
        if pattern.startswith("tests/"):
            assert (SCENARIOS.parents[1] / pattern).exists(), pattern
        else:
            assert fnmatch.filter(NAMES, pattern), pattern
    for name in NAMES:
        assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns), name
