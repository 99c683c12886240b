"""Files of several tickets, with messages for many of them, against the second model (38)."""

import json
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from models.rules.routing.directory import UnitsFile
from scripts.replay.replay import ReplaySetup, replay
from tests.examples import examples
from tests.rules.district import POLICY_FILE, POLICY_TEXT, instant
from tests.rules.facts import facts_of_log
from tests.rules.moves import Raw, life
from tests.rules.plain_messages import LISTED, Line, instant_of, read_lines
from tests.rules.random_lives import LEAD
from tests.rules.retelling import tell

SETUP = ReplaySetup([(POLICY_TEXT, POLICY_FILE.name)], UnitsFile(()))
TICKETS = 4


def random_file(rng: Random, name: str) -> list[Raw]:
    """Lives of several tickets in order, some of their messages sent for all tickets at once."""
    begin = instant("2026-09-21 09:00") + timedelta(hours=rng.randint(0, 2000))
    tickets = [f"{name}-{n}" for n in range(TICKETS)]
    messages: list[Raw] = []
    for ticket in tickets:
        raws, _ = life(rng, begin + timedelta(minutes=rng.randint(0, 90)), 14, ticket)
        messages += [_for_a_file(raw, tickets, rng) for raw in raws]
    return sorted(messages, key=lambda raw: instant_of(raw["at"]))


def _for_a_file(raw: Raw, tickets: list[str], rng: Random) -> Raw:
    if raw["type"] == "ticket.received":
        # its own matter, with a unit: nothing is left to screening and routing
        return raw | {"title": raw["ticket"], "unit": raw.get("unit") or LEAD}
    if raw["type"] in LISTED and rng.random() < 0.5:
        return raw | {"ticket": rng.sample(tickets, rng.randint(2, len(tickets)))}
    return raw


@pytest.mark.parametrize("number", range(examples(12)))
def test_a_message_for_several_tickets_is_one_for_each(tmp_path: Path, number: int) -> None:
    messages = random_file(Random(f"lists {number}"), f"L{number}")
    path = tmp_path / "messages.jsonl"
    lines = (json.dumps(raw, ensure_ascii=False) + "\n" for raw in messages)
    path.write_text("".join(lines), encoding="utf-8")
    end = instant_of(messages[-1]["at"]) + timedelta(days=60)
    log = replay(path, SETUP, end).events
    of_tickets: dict[str, list[Line]] = defaultdict(list)
    for line in read_lines(messages):
        of_tickets[line.ticket].append(line)
    for ticket, of_ticket in of_tickets.items():
        model = tell(ticket, of_ticket)
        model.go_to(end, inclusive=True)
        assert sorted(_of(log, ticket), key=repr) == sorted(model.facts, key=repr)


def _of(log: list[dict[str, Any]], ticket: str) -> list[tuple[Any, ...]]:
    return facts_of_log([event for event in log if event["ticket"] == ticket])
