"""A known feed: every kind of message there is, in some hundred lives, and what must come of it.

The lives are those of `tests/scenarios`, each told several times over for tickets of their own. All
of them end: some forty days after the first letter time alone has nothing more to do.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from models.database import Store
from models.operations.advance import advance
from models.rulebook import load_rulebook
from models.rules.calendar import SHANGHAI
from tests.rules.district import SCENARIOS
from tests.rules.scenario_runner import Scenario, read_scenario
from tests.store.factories import feed, prepared_store

START = datetime(2026, 11, 2, 8, 0, tzinfo=SHANGHAI)
LAST_LETTER = START + timedelta(days=8)
LENGTH = timedelta(days=30)
"""By then nearly everything has happened; the clock goes on until all of it has."""

_FOREVER = START + timedelta(days=90)
_PHONE = 13_900_000_000
_POISONED = 12
_AT_ONCE = 200

Body = dict[str, Any]


@dataclass(frozen=True)
class FeedLine:
    """A message and when it reaches the service; a poisonous one cannot be opened again."""

    arrives: datetime
    body: Body
    poison: bool = False


def known_feed(copies: int, dice: random.Random) -> list[FeedLine]:
    """The lines in the order of their arrival.

    Each ticket's messages come in order, some minutes before or after they happen; in some lives
    one comes days late.
    """
    lines: list[FeedLine] = []
    refusing = _with_refusals()
    for copy in range(copies):
        for scenario in scenarios():
            bodies = list(_told_again(scenario, copy))
            # the receipt is not, for what comes before it is refused after some days
            late = dice.randrange(len(bodies)) if dice.random() < 0.15 else 0
            late = 0 if scenario.name in refusing else late
            arrives = START - timedelta(days=1)
            for position, body in enumerate(bodies):
                at = datetime.fromisoformat(body["at"])
                arrives = max(arrives, at + timedelta(hours=dice.uniform(-30, 2)))
                delay = timedelta(days=dice.uniform(1, 5)) if 0 < late == position else timedelta()
                lines.append(FeedLine(arrives + delay, body))
    lines += _poisonous(dice)
    return sorted(lines, key=lambda line: line.arrives)


def scenarios() -> Iterator[Scenario]:
    """The lives that begin in the time of the feed and need no calendar of their own."""
    for path in sorted(SCENARIOS.glob("*.jsonl")):
        if path.stem.endswith(".expected"):
            continue
        scenario = read_scenario(path)
        moments = [datetime.fromisoformat(raw["at"]) for raw in scenario.messages]
        if min(moments) >= START and max(moments) < _FOREVER and not scenario.calendar.version:
            yield scenario


def reference_run(folder: Path, lines: Sequence[FeedLine]) -> Store:
    """A store in which the same messages were known beforehand, and time went by at leisure."""
    folder.mkdir(parents=True)
    with prepared_store(f"sqlite:///{folder / 'reference.db'}") as store:
        bodies = [line.body for line in lines if not line.poison]
        bodies.sort(key=lambda body: datetime.fromisoformat(body["at"]))
        feed(store, bodies, START)
        numbers = sorted({body["ticket"] for body in bodies})
        for begin in range(0, len(numbers), _AT_ONCE):
            with store.writing() as session:
                part = numbers[begin : begin + _AT_ONCE]
                advance(session, part, load_rulebook(session), _FOREVER, played=True)
    return store


def written(lines: Sequence[FeedLine], path: Path) -> Path:
    """The lines as a file that a feeder of its own process reads."""
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            kept = {"arrives": line.arrives.isoformat(), "poison": line.poison, "body": line.body}
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")
    return path


def read(path: Path) -> list[FeedLine]:
    """What `written` wrote."""
    found = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    return [
        FeedLine(datetime.fromisoformat(one["arrives"]), one["body"], one["poison"])
        for one in found
    ]


def _with_refusals() -> set[str]:
    """Lives in which something is refused: there, what comes late may be refused instead."""
    return {
        scenario.name
        for scenario in scenarios()
        if any(event["event"] == "message.refused" for event in scenario.events)
    }


def _told_again(scenario: Scenario, copy: int) -> Iterator[Body]:
    """The same life for another ticket and another claimant, some minutes later."""
    later = timedelta(minutes=17 * copy)
    moments = [(datetime.fromisoformat(raw["at"]), n) for n, raw in enumerate(scenario.messages)]
    for moment, position in sorted(moments):
        raw = scenario.messages[position]
        ticket = f"{raw['ticket']}-{copy}"
        body = raw | {"id": f"{ticket}-{position}", "ticket": ticket}
        body["at"] = (moment + later).isoformat()
        if "claimant" in raw:
            # somebody else each time, or a letter would be a repeat of another (Regulation 2.2.6)
            phone = _PHONE + 100 * int(raw["ticket"][-4:]) + copy
            body["claimant"] = raw["claimant"] | {"name": "测试者甲", "phone": str(phone)}
        yield body


def _poisonous(dice: random.Random) -> Iterator[FeedLine]:
    """A batch half of which cannot be read: its letters come together with what spoils them."""
    at = START + timedelta(days=dice.uniform(1, 5))
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
