"""The queries of the first screen and the wallboard, on both databases."""

from models.database import Store
from models.queries.event_counts import hourly_counts
from models.queries.overview import workload
from tests.store.factories import (
    RESULT,
    advance_tickets,
    at,
    feed,
    letter,
    message,
)

NOW = at("2026-11-06T10:00")


def test_cards_that_were_taken_back_are_not_shown(store: Store) -> None:
    """A result that comes late withdraws both cards; what reads them goes on without them."""
    accepted = message("O1", "unit.accepted", "2026-11-02T09:30")
    feed(store, [letter("O1", "2026-11-02T09:00", category="consultation"), accepted], NOW)
    advance_tickets(store, ["O1"], NOW)
    with store.reading() as session:
        assert [card.level for card in workload(session, NOW).cards] == ["red"]
        assert workload(session, NOW).counters.red == 1
    feed(store, [message("O1", "result.submitted", "2026-11-03T16:00", **RESULT)], NOW)
    advance_tickets(store, ["O1"], NOW)
    with store.reading() as session:
        assert workload(session, NOW).cards == ()
        assert workload(session, NOW).counters.red == 0
        assert sum(hourly_counts(session, at("2026-11-02T12:00")).received) == 1
