"""Lives with the facts that they must give, made by a simulator that shares no code with us."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from models.rules.messages import Message, RawMessage, Refusal, for_each_ticket
from models.rules.state import RuleContext
from tests.rules.district import CALENDAR, POLICY, SCENARIOS
from tests.rules.facts import Fact, facts_of
from tests.rules.scenario_runner import fold_at_once, in_order, lines

EXAMPLES = sorted((SCENARIOS / "examples").glob("*.jsonl"))
CONTEXT = RuleContext(POLICY, CALENDAR)


def by_ticket(raws: list[dict[str, Any]]) -> list[list[Message]]:
    """The messages of each ticket in the order in which they take effect, however they arrived."""
    messages: dict[str, list[Message]] = defaultdict(list)
    expanded = [dict(each) for raw in raws for each in _each_ticket(raw)]
    for message in in_order(expanded):
        messages[message.ticket].append(message)
    return list(messages.values())


def _each_ticket(raw: dict[str, Any]) -> Sequence[RawMessage]:
    messages = for_each_ticket(raw)
    assert not isinstance(messages, Refusal)
    return messages


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_facts_are_those_of_the_simulator(path: Any) -> None:
    expected = json.loads(path.with_suffix(".facts.json").read_text(encoding="utf-8"))
    until = datetime.fromisoformat(expected["until"])
    facts: list[Fact] = []
    for messages in by_ticket(lines(path)):
        _, events = fold_at_once(messages, CONTEXT, until)
        facts.extend(facts_of(messages[0].ticket, events))
    assert sorted(map(tuple, expected["facts"]), key=repr) == sorted(facts, key=repr)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 20
