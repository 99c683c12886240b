"""Lives whose messages come late, by the rules as they arrive and by the second model (27)."""

import itertools
import os
from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from models.rules.events import Event, fields
from models.rules.lifecycle.replay import ReplayRules, TicketReplay
from models.rules.vocabulary import EventName
from tests.examples import examples
from tests.rules.district import CALENDAR, POLICY, instant
from tests.rules.facts import Fact, facts_of_log
from tests.rules.log_reading import clocks_in_the_end
from tests.rules.moves import Raw, delayed, for_model, for_rules, life
from tests.rules.random_lives import STRANGER, TICKET
from tests.rules.retelling import tell_as_they_came

ONCE_DIFFERENT = (634, 4868, 6079, 6877, 11137, 11760, 17305, 27386)
"""Lives after which a refused message once changed the log."""

LATE_LIVES = int(os.environ.get("HOTLINE_TEST_LIVES", examples(200)))
RULES = ReplayRules([POLICY], CALENDAR, lambda _message, _policy: ())
AFTERWARDS = timedelta(days=60)
SELDOM = 3
WANTED = (
    *("alert.withdrawn", "decision.withdrawn", "message.refused", "clock.moved"),
    *("ticket.reassigned", "ticket.amended", "contact.proved", "contact.deemed_absent"),
)

Came = list[tuple[datetime, Raw]]


def random_late_life(seed: str) -> Came:
    """A life whose messages come up to eight days late."""
    rng = Random(seed)
    begin = instant("2026-09-21 09:00") + timedelta(hours=rng.randint(0, 3000))
    raws, _ = life(rng, begin, rng.randint(2, 26))
    return delayed(raws, rng)


def as_it_came(came: Came, end: datetime) -> list[dict[str, Any]]:
    """The log of a ticket whose messages came as they did, as it is written."""
    ticket = TicketReplay(TICKET, RULES)
    for arrival, (arrived, raw) in enumerate(came, 1):
        ticket.advance_to(arrived)
        ticket.take(for_rules(raw, arrival), arrived)
    ticket.finish(end)
    return [_written(seq, event) for seq, event in enumerate(ticket.log, 1)]


def _written(seq: int, event: Event) -> dict[str, Any]:
    envelope = {"ticket": TICKET, "seq": seq, "at": event.at.isoformat(), "event": event.name}
    data = {
        k: v.isoformat() if isinstance(v, datetime) else v for k, v in fields(event.data).items()
    }
    # what a message brought about counts from its own time, however late it is recorded
    return data | envelope | {"at": event.moment.isoformat(), "cause": event.cause}


def comparable(facts: list[Fact]) -> Counter[Fact]:
    """The facts that a log with corrections shows like a log that needed none.

    That a clock was started, moved or stopped is not taken back, and an extension that is granted
    keeps its date: only the clocks in the end are compared. Levels are not numbered, as the log has
    them in the order in which they were found.
    """
    kept = [fact for fact in facts if fact[0] not in ("due", "stopped")]
    return Counter(_comparable(fact) for fact in kept)


def _comparable(fact: Fact) -> Fact:
    name, ticket, *values = fact
    match name:
        case "level":
            return name, ticket, *values[1:]
        case "ext":
            return name, ticket, values[0]
    return fact


@pytest.mark.slow
def test_late_messages_lead_where_the_same_messages_in_order_do() -> None:
    """Whatever comes late: answers stand, and all else is as if it had come in order."""
    seen: Counter[str] = Counter()
    for number in range(LATE_LIVES):
        seed = f"late life {number}"
        came = random_late_life(seed)
        end = came[-1][0] + AFTERWARDS
        log = as_it_came(came, end)
        lines = [for_model(raw, arrival) for arrival, (_, raw) in enumerate(came, 1)]
        model, undoing = tell_as_they_came(TICKET, lines)
        model.go_to(end, inclusive=True)
        try:
            assert {
                e["cause"] for e in log if e.get("late") and e["event"] == "message.refused"
            } == {line.arrival for line in undoing}
            assert comparable(facts_of_log(log)) == comparable(model.facts)
            assert clocks_in_the_end(log) == {
                key: (clock.due, clock.holder) for key, clock in model.running.items()
            }
        except AssertionError as error:
            error.add_note(f"random_late_life({seed!r})")
            raise
        seen.update(e["event"] for e in log)
    rare = [name for name in WANTED if seen[name] < SELDOM]
    assert not rare, "the lives reach what they are meant to try"


@pytest.mark.slow
def test_a_late_message_that_is_refused_leaves_the_log_as_it_was() -> None:
    """However often a ticket has been told again before."""
    for number in (*range(LATE_LIVES // 2), *ONCE_DIFFERENT):
        seed = f"refused late {number}"
        came = random_late_life(seed)
        vain = {"id": "vain", "at": came[0][1]["at"], "type": "unit.accepted", "ticket": TICKET}
        arrivals = itertools.count(1)
        ticket = TicketReplay(TICKET, RULES)
        for arrived, raw in (*came, (came[-1][0] + timedelta(days=20), None)):
            ticket.advance_to(arrived)
            if raw is not None:
                ticket.take(for_rules(raw, next(arrivals)), arrived)
            if ticket.log:
                before = len(ticket.log)
                ticket.take(for_rules(vain | {"unit": STRANGER}, next(arrivals)), arrived)
                added = [event.name for event in ticket.log[before:]]
                assert added == [EventName.MESSAGE_REFUSED], f"random_late_life({seed!r})"
