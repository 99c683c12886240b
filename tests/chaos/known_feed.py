"""A known feed: every type of message, in some hundred lives, and the store that must result.

The lives are those of `tests/scenarios`, each repeated several times for other tickets. All of them
end: some forty days after the first letter nothing is due any more.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from models.database import Store
from models.rules.calendar import SHANGHAI
from tests.rules.district import SCENARIOS
from tests.rules.scenario_runner import Scenario, read_scenario
from tests.store.factories import advance_step_by_step, feed, prepared_store

START = datetime(2026, 11, 2, 8, 0, tzinfo=SHANGHAI)
LAST_LETTER = START + timedelta(days=8)
LENGTH = timedelta(days=30)
"""By then nearly everything has happened; the clock goes on until everything has."""

_FOREVER = START + timedelta(days=90)
_PHONE = 13_900_000_000
_POISONED = 12
_AT_ONCE = 200

Body = dict[str, Any]


@dataclass(frozen=True)
class FeedLine:
    """A message and the time of its arrival; a poisonous one cannot be decrypted."""

    arrives: datetime
    body: Body
    poison: bool = False


def known_feed(copies: int, rng: random.Random) -> list[FeedLine]:
    """The lines in the order of their arrival.

    Each ticket's messages come in order, some minutes before or after they happen; in some lives
    one comes days late.
    """
    lines: list[FeedLine] = []
    refusing = _with_refusals()
    for copy in range(copies):
        for scenario in scenarios():
            bodies = list(_copy_of(scenario, copy))
            # Never the receipt: messages that come before it are refused after some days.
            late = rng.randrange(len(bodies)) if rng.random() < 0.15 else 0
            late = 0 if scenario.name in refusing else late
            arrives = START - timedelta(days=1)
            for position, body in enumerate(bodies):
                at = datetime.fromisoformat(body["at"])
                arrives = max(arrives, at + timedelta(hours=rng.uniform(-30, 2)))
                delay = timedelta(days=rng.uniform(1, 5)) if 0 < late == position else timedelta()
                lines.append(FeedLine(arrives + delay, body))
    lines += _poisonous(rng)
    return sorted(lines, key=lambda line: line.arrives)


def scenarios() -> Iterator[Scenario]:
    """The scenarios within the time of the feed that use the normal calendar."""
    for path in sorted(SCENARIOS.glob("*.jsonl")):
        if path.stem.endswith(".expected"):
            continue
        scenario = read_scenario(path)
        moments = [datetime.fromisoformat(raw["at"]) for raw in scenario.messages]
        # here messages come late by the feed's own chance, and none of them is history
        plain = scenario.in_order and scenario.quiet_before is None
        if plain and min(moments) >= START and max(moments) < _FOREVER:
            yield scenario


def reference_run(folder: Path, lines: Sequence[FeedLine]) -> Store:
    """A store that received the same messages in order and without faults."""
    folder.mkdir(parents=True)
    with prepared_store(f"sqlite:///{folder / 'reference.db'}") as store:
        bodies = [line.body for line in lines if not line.poison]
        bodies.sort(key=lambda body: datetime.fromisoformat(body["at"]))
        feed(store, bodies, START)
        numbers = sorted({body["ticket"] for body in bodies})
        for begin in range(0, len(numbers), _AT_ONCE):
            with store.writing() as session:
                part = numbers[begin : begin + _AT_ONCE]
                advance_step_by_step(session, part, _FOREVER)
    return store


def write_feed(lines: Sequence[FeedLine], path: Path) -> Path:
    """Write the lines to a file for the feeder's process."""
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            kept = {"arrives": line.arrives.isoformat(), "poison": line.poison, "body": line.body}
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")
    return path


def read(path: Path) -> list[FeedLine]:
    """Read the feed that `written` wrote."""
    entries = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    return [
        FeedLine(datetime.fromisoformat(entry["arrives"]), entry["body"], entry["poison"])
        for entry in entries
    ]


def _with_refusals() -> set[str]:
    """The scenarios with a refusal: in them, a late message may be refused instead."""
    return {
        scenario.name
        for scenario in scenarios()
        if any(event["event"] == "message.refused" for event in scenario.events)
    }


def _copy_of(scenario: Scenario, copy: int) -> Iterator[Body]:
    """The same life for another ticket and another claimant, some minutes later."""
    shift = timedelta(minutes=17 * copy)
    moments = [(datetime.fromisoformat(raw["at"]), n) for n, raw in enumerate(scenario.messages)]
    for moment, position in sorted(moments):
        raw = scenario.messages[position]
        ticket = f"{raw['ticket']}-{copy}"
        body = raw | {"id": f"{ticket}-{position}", "ticket": ticket}
        body["at"] = (moment + shift).isoformat()
        if "claimant" in raw:
            # Another phone each time, or a letter would be a duplicate (Regulation 2.2.6).
            phone = _PHONE + 100 * int(raw["ticket"][-4:]) + copy
            body["claimant"] = raw["claimant"] | {"name": "测试者甲", "phone": str(phone)}
        yield body


def _poisonous(rng: random.Random) -> Iterator[FeedLine]:
    """A batch of which half cannot be read, because the feeder damages the stored letters."""
    at = START + timedelta(days=rng.uniform(1, 5))
    for number in range(_POISONED):
        ticket = f"POISON-{number}"
        envelope = {"ticket": ticket, "at": at.isoformat()}
        letter = {
            "id": f"{ticket}-0",
            "type": "ticket.received",
            "category": "help",
            "title": "楼下路灯不亮",
            "content": f"第{number}盏",
            "unit": "城管局",
            "claimant": {"name": f"测试者{ticket}", "contact": "unwanted"},
        }
        poison = number % 2 == 0
        arrives = at - timedelta(hours=1)
        yield FeedLine(arrives, letter | envelope, poison)
        urged = {"id": f"{ticket}-1", "type": "unit.urged", "unit": "城管局"}
        yield FeedLine(arrives, urged | {"text": "快", "by": "王"} | envelope, poison)
