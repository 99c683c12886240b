"""The queries of the first screen and the wallboard, on both databases."""

from alembic import command
from sqlalchemy import update

from models.database import Store
from models.migrations import config_of, upgrade
from models.queries.event_counts import hourly_counts
from models.queries.log import ticket_log
from models.queries.overview import workload
from models.queries.ticket_filter import TicketFilter
from models.queries.ticket_list import list_tickets
from models.queries.verification import verify
from models.tables.core import TICKET
from tests.store.factories import (
    RESULT,
    advance_tickets,
    at,
    feed,
    letter,
    message,
)
from tests.store.queries.week import HOUSING

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


def test_a_card_is_never_the_next_unit_s(store: Store) -> None:
    """It stood while its unit held the ticket; the one that has to accept it now starts anew."""
    held = letter("O2", "2026-11-02T09:00", category="consultation")
    accepted = message("O2", "unit.accepted", "2026-11-02T09:30")
    moved = {"unit": HOUSING, "by": "张三", "why": "转错了"}
    reassigned = message("O2", "ticket.reassigned", "2026-11-06T09:00", **moved)
    feed(store, [held, accepted, reassigned], NOW)
    advance_tickets(store, ["O2"], NOW)
    with store.reading() as session:
        load = workload(session, NOW)
        row = list_tickets(session, TicketFilter()).rows[0]
        raised = [e["unit"] for e in ticket_log(session, "O2") if e["event"] == "alert.raised"]
    assert (row.number, row.unit, row.level, row.level_at) == ("O2", HOUSING, None, None)
    assert load.cards == () and load.counters.red == 0 and load.newest_red is None
    assert [(unit.unit, unit.red) for unit in load.units] == [(HOUSING, 0)]
    assert raised and HOUSING not in raised
    # as an earlier release left such a row
    with store.engine.begin() as connection:
        connection.execute(update(TICKET).values(level="red", level_at=NOW))
    assert verify(store).findings
    command.downgrade(config_of(store), "0029")
    upgrade(store)
    assert verify(store).findings == []
