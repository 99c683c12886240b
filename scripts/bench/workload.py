"""The input: letters and whole lives of tickets, the same at every call except for their day."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from models.rulebook import Rulebook
from models.rules.calendar import SHANGHAI
from models.rules.routing.directory import Directory
from scripts.demo.scenario import TicketScript, demo_letters, letter_content

Body = dict[str, Any]


def new_tickets(directory: Directory, prefix: str, count: int, at: datetime) -> Iterator[Body]:
    """The first messages of `count` ordinary tickets, for each of which a unit can be found."""
    ordinary = [letter for letter in demo_letters() if "emergency" not in letter]
    units = list(directory.units)
    routed = [
        {**letter, "unit": directory.route(letter_content(letter)).unit or units[i % len(units)]}
        for i, letter in enumerate(ordinary)
    ]
    for number in range(count):
        body = routed[number % len(routed)]
        ticket = f"{prefix}{number:07}"
        yield {
            **body,
            # another claimant and another matter each time: the same again would be a repetition
            "claimant": {**body["claimant"], "phone": f"139{number:08}"},
            "content": f"{body['content']}（{ticket}）",
            "id": f"{ticket}-1",
            "at": at.isoformat(timespec="seconds"),
            "type": "ticket.received",
            "ticket": ticket,
        }


def write_lines(path: Path, messages: Iterator[Body] | Sequence[Body]) -> None:
    """A file of messages, one a line."""
    with path.open("wb") as file:
        for message in messages:
            file.write(msgspec.json.encode(message) + b"\n")


def shanghai_time(text: str) -> datetime:
    """An instant in Asia/Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def handling_started(letter: Body, accepted: datetime) -> list[Body]:
    """A ticket's life up to its handling clock: received, accepted, and the claimant called."""
    ticket, unit = letter["ticket"], letter["unit"]

    def message(number: int, kind: str, moment: datetime, **more: Any) -> Body:
        envelope = {"id": f"{ticket}-{number}", "at": moment.isoformat(timespec="seconds")}
        return {**more, **envelope, "type": kind, "ticket": ticket, "unit": unit}

    first = {**letter, "at": (accepted - timedelta(hours=1)).isoformat(timespec="seconds")}
    called = {"purpose": "first", "outcome": "reached", "method": "phone"}
    return [
        first,
        message(2, "unit.accepted", accepted),
        message(3, "contact.attempted", accepted + timedelta(hours=1), **called),
    ]


def seeded_random(seed: int) -> random.Random:
    """A random generator that gives the same numbers every time."""
    return random.Random(seed)


def ticket_lives(rulebook: Rulebook, messages: int, month: datetime) -> list[list[Body]]:
    """The lives of as many tickets as it takes for so many messages, begun within four weeks.

    Units accept, call, answer or are late as in the demo; a list of messages a ticket.
    """
    chance = seeded_random(20221)
    context = rulebook.context_for(rulebook.policy_at(month))
    lives: list[list[Body]] = []
    left = messages
    firsts = new_tickets(rulebook.directory, "M", messages, month)
    while left > 0:
        first = next(firsts)
        began = month + timedelta(days=chance.randrange(28), hours=chance.uniform(0, 9))
        case = TicketScript(first["ticket"], first["category"], chance, context, count=1)
        first["at"] = began.isoformat(timespec="seconds")
        life = [first, *case.messages_after(first["unit"], began, emergency=False)]
        life.sort(key=lambda m: str(m["at"]))
        lives.append(life)
        left -= len(life)
    return lives
