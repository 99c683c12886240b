"""Late messages (decisions 27, 28): judged by their own `at`, whenever they arrive."""

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.database import Store
from models.operations.units import replace_units
from models.tables.core import INBOX
from scripts.ingest.feed_reader import read_feed
from tests.store.factories import (
    RESULT,
    advance_tickets,
    at,
    feed,
    letter,
    log_of,
    message,
    row_of,
    simple_units,
    ticket_state,
)

EXAMPLES = Path(__file__).parents[1] / "scenarios" / "examples"


# What is tested here is the same code on both databases.
pytestmark = pytest.mark.store(databases=["sqlite"], whole=True)


def test_a_deemed_acceptance_is_taken_back_and_corrected(store: Store) -> None:
    """A confirmation that came late undoes the deemed acceptance and what followed from it."""
    feed(store, [letter("L1", "2026-11-02T09:00")], at("2026-11-02T09:00"))
    advance_tickets(store, ["L1"], at("2026-11-05T10:00"))
    before = {e.name: e for e in log_of(store, "L1")}
    assert "ticket.deemed_accepted" in before
    feed(store, [message("L1", "unit.accepted", "2026-11-02T10:00")], at("2026-11-05T10:00"))
    advance_tickets(store, ["L1"], at("2026-11-05T10:00"))
    events = log_of(store, "L1")
    taken_back = [e for e in events if e.name == "decision.withdrawn"]
    assert before["ticket.deemed_accepted"].seq in {e.data["of"] for e in taken_back}
    corrections = [e.data for e in events if e.data.get("kind") == "correction"]
    assert {"unit_contact"} <= {c["role"] for c in corrections}
    assert dict(ticket_state(store, "L1")["running"])["handling"] == at("2026-11-11T17:30")
    assert [e.seq for e in events] == list(range(1, len(events) + 1))


def test_a_card_that_should_not_have_been_given_is_taken_back(store: Store) -> None:
    """A result submitted before the expiry but received after the red card withdraws both cards."""
    first = [letter("L2", "2026-11-02T09:00", category="consultation")]
    feed(
        store, [*first, message("L2", "unit.accepted", "2026-11-02T09:30")], at("2026-11-02T09:30")
    )
    advance_tickets(store, ["L2"], at("2026-11-06T10:00"))
    assert row_of(store, "L2").level == "red"
    late = message("L2", "result.submitted", "2026-11-03T16:00", **RESULT)
    feed(store, [late], at("2026-11-06T10:00"))
    advance_tickets(store, ["L2"], at("2026-11-06T10:00"))
    assert [level for level, _ in ticket_state(store, "L2")["levels"]] == ["prewarning"]
    withdrawn = {e.data["level"] for e in log_of(store, "L2") if e.name == "alert.withdrawn"}
    assert withdrawn == {"yellow", "red"}
    assert row_of(store, "L2").status == "submitted"


def test_what_people_did_stands(store: Store) -> None:
    """A late withdrawal that would undo an applied result is refused with that reason, and kept."""
    messages = [
        letter("L3", "2026-11-02T09:00"),
        message("L3", "unit.accepted", "2026-11-02T10:00"),
        message("L3", "result.submitted", "2026-11-04T10:00", **RESULT),
    ]
    feed(store, messages, at("2026-11-04T10:00"))
    advance_tickets(store, ["L3"], at("2026-11-04T11:00"))
    before = ticket_state(store, "L3")
    late = message("L3", "claimant.withdrew", "2026-11-03T10:00", to="hotline")
    feed(store, [late], at("2026-11-04T11:00"))
    advance_tickets(store, ["L3"], at("2026-11-04T11:00"))
    assert ticket_state(store, "L3") == before
    refused = [e for e in log_of(store, "L3") if e.name == "message.refused"]
    assert "result.submitted" in refused[-1].data["why"]["args"]["types"]
    with store.reading() as session:
        kept = session.execute(select(INBOX).where(INBOX.c.state == "refused")).one()
    assert kept.conflicting
    assert kept.reason["why"]["text"].startswith("it came late")


def test_a_clock_that_has_expired_is_not_started_by_another_base(store: Store) -> None:
    """A late acceptance moves the base of the first contact, not its expiry: that stands."""
    feed(store, [letter("L5", "2026-11-02T09:00")], at("2026-11-02T09:00"))
    advance_tickets(store, ["L5"], at("2026-11-05T10:00"))
    feed(store, [message("L5", "unit.accepted", "2026-11-03T10:00")], at("2026-11-05T10:00"))
    advance_tickets(store, ["L5"], at("2026-11-05T10:00"))
    contact = [e for e in log_of(store, "L5") if e.data.get("clock") == "first_contact"]
    assert [e.name for e in contact if e.name.startswith("clock.")] == [
        "clock.started",
        "clock.expired",
    ]
    assert "first_contact" not in dict(ticket_state(store, "L5")["running"])


def test_a_late_message_lets_a_refused_one_be_applied(store: Store) -> None:
    """A message refused only for want of an earlier one is applied once that has arrived."""
    feed(store, [letter("L4", "2026-11-02T09:00")], at("2026-11-02T09:00"))
    advance_tickets(store, ["L4"], at("2026-11-02T09:00"))
    review = message("L4", "return.reviewed", "2026-11-02T15:00", approved=False)
    feed(store, [review], at("2026-11-02T15:00"))
    assert advance_tickets(store, ["L4"], at("2026-11-02T15:00")).refused == 1
    parts = {"reason": "非职责", "basis": "三定", "suggested_unit": "住建局", "signed_by": "李"}
    feed(
        store, [message("L4", "unit.returned", "2026-11-02T11:00", **parts)], at("2026-11-02T16:00")
    )
    advance_tickets(store, ["L4"], at("2026-11-02T16:00"))
    names = [e.name for e in log_of(store, "L4")]
    assert names.index("decision.withdrawn") < names.index("ticket.returned")
    assert "return.refused" in names
    assert row_of(store, "L4").status == "dispatched"


def _lives(file: str) -> dict[str, list[dict[str, Any]]]:
    """The messages of each ticket, as the reader takes them: one a ticket, with offsets."""
    lives: dict[str, list[dict[str, Any]]] = {}
    for record in read_feed(EXAMPLES / file):
        assert record.message is not None
        lives.setdefault(record.message["ticket"], []).append(record.message)
    for messages in lives.values():
        messages.sort(key=lambda message: datetime.fromisoformat(message["at"]))
    return lives


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted(p.name for p in EXAMPLES.glob("*.jsonl")))
def test_arrival_in_any_order_ends_alike(store: Store, file: str) -> None:
    """Levels, running clocks and their expiries are those of the messages in order.

    Each message comes up to two days late; a life in which one was refused for undoing what
    people had done since is not in order any more, and is not compared.
    """
    with store.writing() as session:
        replace_units(session, simple_units(), at("2026-01-01T00:00"))
    rng = random.Random(file)
    compared = 0
    for number, messages in _lives(file).items():
        end = datetime.fromisoformat(messages[-1]["at"]) + timedelta(days=3)
        ordered = [m | {"ticket": f"{number}-in-order", "id": m["id"] + "-o"} for m in messages]
        feed(store, ordered, end)
        advance_tickets(store, [f"{number}-in-order"], end)
        late = [
            (
                datetime.fromisoformat(m["at"]) + timedelta(hours=rng.choice((0, 0, 3, 20, 48))),
                n,
                m,
            )
            for n, m in enumerate(messages)
        ]
        for arrived, _, raw in sorted(late, key=lambda triple: triple[:2]):
            # what time has brought about by then is in the log before the message comes
            advance_tickets(store, [number], arrived - datetime.resolution)
            feed(store, [raw], arrived)
            advance_tickets(store, [number], arrived)
        advance_tickets(store, [number], end)
        with store.reading() as session:
            rows = session.scalars(select(INBOX.c.conflicting).where(INBOX.c.ticket == number))
            conflicting = any(rows.all())
        if conflicting:
            continue
        compared += 1
        assert ticket_state(store, number) == ticket_state(store, f"{number}-in-order"), number
    assert compared
