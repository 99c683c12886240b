"""Whoever writes to the database has no message applied, applied again or forgotten unseen."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from models.database import Store
from models.operations.inbox import add_messages
from models.operations.refold import MessagesGone
from models.queries.arrival_check import INBOX_NAME
from models.queries.inbox_rows import ForgedMessage
from models.queries.verification import verify
from models.rules.vocabulary import UserRole
from models.security.binding import ForgedValue
from models.security.findings import Harm
from models.security.roles import Actor
from models.tables.core import INBOX, TICKET
from tests.store.factories import advance_tickets, at, feed, letter, log_of, message, row_of

NOW = at("2026-11-06T10:00")
GATEWAY = Actor("gateway", UserRole.FEEDER)
LATE = message("M1", "claimant.supplemented", "2026-11-02T11:00", text="还是不亮")


def _begin(store: Store) -> None:
    for number in ("M1", "M2"):
        accepted = message(number, "unit.accepted", "2026-11-02T10:00")
        feed(store, [letter(number, "2026-11-02T09:00"), accepted], NOW)
    feed(store, [message("M1", "unit.joined", "2026-11-02T10:30", unit="住建局")], NOW)
    advance_tickets(store, ["M1", "M2"], NOW)


pytestmark = pytest.mark.store(fill=_begin)


def _alter(store: Store, kind: str, ticket: str = "M1", **values: Any) -> None:
    with store.writing() as session:
        row = (INBOX.c.ticket == ticket) & (INBOX.c.type == kind)
        session.execute(update(INBOX).where(row).values(**values))


def _harms(store: Store) -> list[tuple[str, str | None]]:
    return [(finding.harm, finding.ticket) for finding in verify(store).findings]


def test_what_was_not_allowed_is_never_part_of_a_ticket(store: Store) -> None:
    """Not when all of the ticket is folded again, and not when it is marked as waiting."""
    assigned = message("M1", "result.submitted", "2026-11-03T10:00")
    with store.writing() as session:
        result = add_messages(session, "gateway", [assigned], NOW, sender=_unit("住建局"))
        assert len(result.refused) == 1
    feed(store, [LATE], NOW)
    assert advance_tickets(store, ["M1"], NOW).applied == 1
    assert not [e for e in log_of(store, "M1") if e.name.startswith("result.")]
    assert verify(store).findings == []
    for values in ({"state": "waiting"}, {"conflicting": False}):
        _alter(store, "result.submitted", **values)
        assert _harms(store) == [(Harm.ALTERED, "M1")]
        feed(store, [LATE | {"id": f"later-{len(values)}{list(values)}"}], NOW)
        with pytest.raises(ForgedMessage):
            advance_tickets(store, ["M1"], NOW)
        _alter(store, "result.submitted", state="refused", conflicting=True)
    _alter(store, "result.submitted", state="waiting", queue="normal", conflicting=False)
    with pytest.raises(ForgedValue):
        advance_tickets(store, ["M1"], NOW)


def _unit(name: str) -> Actor:
    return Actor("gateway", UserRole.FEEDER, None, name)


def test_a_refused_message_is_not_left_out(store: Store) -> None:
    """What was refused once is judged again with each late message."""
    unfit = message("M1", "result.reviewed", "2026-11-03T10:00", accepted=True, unit=None)
    feed(store, [unfit], NOW)
    assert advance_tickets(store, ["M1"], NOW).refused == 1
    _alter(store, "result.reviewed", conflicting=True)
    feed(store, [LATE], NOW)
    with pytest.raises(ForgedMessage):
        advance_tickets(store, ["M1"], NOW)


def test_verify_tells_of_a_waiting_message_that_is_marked_as_left_out(store: Store) -> None:
    feed(store, [LATE], NOW)
    assert _harms(store) == []
    _alter(store, LATE["type"], conflicting=True)
    assert _harms(store) == [(Harm.ALTERED, "M1")]


@pytest.mark.parametrize("read", [True, False])
def test_a_message_is_not_applied_again(store: Store, read: bool) -> None:
    """Whether its outline is kept or taken away."""
    before = row_of(store, "M1")
    values: dict[str, Any] = {"state": "waiting"}
    values |= {} if read else {"outline": None, "outline_hash": None}
    _alter(store, "unit.accepted", **values)
    assert (Harm.ALTERED, "M1") in _harms(store)
    with pytest.raises(ForgedMessage):
        advance_tickets(store, ["M1"], NOW + timedelta(hours=1))
    assert row_of(store, "M1").state == before.state


@pytest.mark.parametrize("how", ["deleted", "replaced", "left out", "refused", "elsewhere"])
def test_a_message_is_not_forgotten(store: Store, how: str) -> None:
    """A late one has the ticket folded again; without the other it would be another ticket."""
    row = (INBOX.c.ticket == "M1") & (INBOX.c.type == "unit.accepted")
    changes: dict[str, Any] = {
        "deleted": delete(INBOX).where(row),
        "replaced": update(INBOX).where(row).values(current=False),
        "left out": update(INBOX).where(row).values(conflicting=True),
        "refused": update(INBOX).where(row).values(state="refused"),
        "elsewhere": update(INBOX).where(row).values(ticket="M2"),
    }
    with store.writing() as session:
        session.execute(changes[how])
    # of what is no longer there, the list of arrivals tells without its ticket, too
    expected = {"M1", "M2", None} if how == "deleted" else {"M1", "M2"}
    assert {ticket for _harm, ticket in _harms(store)} <= expected
    assert _harms(store)
    feed(store, [LATE], NOW)
    with pytest.raises((MessagesGone, ForgedMessage)):
        advance_tickets(store, ["M1"], NOW)


@pytest.mark.parametrize("column", ["source", "message_id", "type", "queue", "quiet_before"])
def test_verify_tells_of_another_envelope(store: Store, column: str) -> None:
    """What a message was received as is what it is."""
    values = {"type": "site.arrived", "quiet_before": NOW}
    _alter(store, "unit.accepted", "M2", **{column: values.get(column, "another")})
    assert (Harm.ALTERED, "M2") in _harms(store)


UNREADABLE = {
    "a message": ("UPDATE inbox SET at = '2026-99-02 09:00:00.000000' WHERE ticket = 'M2'", "M2"),
    "a ticket": ("UPDATE ticket SET due = 'soon' WHERE number = 'M2'", "M2"),
    "a line": ("UPDATE event SET at = 'x' WHERE ticket_id = 2 AND seq = 1", "M2"),
    "the units": ("UPDATE unit SET words = '{'", None),
}


@pytest.mark.store(databases=["sqlite"], fill=_begin)
@pytest.mark.parametrize("what", UNREADABLE)
def test_what_cannot_be_read_any_more_is_told(store: Store, what: str) -> None:
    """Values that SQLite takes in any column; the rest is verified all the same."""
    statement, ticket = UNREADABLE[what]
    with store.writing() as session:
        session.execute(text(statement))
        session.execute(update(TICKET).where(TICKET.c.number == "M1").values(status="archived"))
    harms = _harms(store)
    assert (Harm.ALTERED, ticket) in harms
    assert (Harm.ALTERED, "M1") in harms


def test_no_message_is_missed_by_its_number(store: Store) -> None:
    """Also one that somebody put before all others is checked."""
    with store.writing() as session:
        row = dict(
            session.execute(select(INBOX).where(INBOX.c.ticket == "M2").limit(1)).one()._mapping
        )
        session.execute(session.insert(INBOX).values(row | {"id": -5, "message_id": "mine"}))
    assert (Harm.ALTERED, "M2") in _harms(store)


def test_a_message_that_no_ticket_has_had_yet_is_missed(store: Store) -> None:
    """Also where another one is put into its place."""
    waiting = [message("M1", "site.arrived", f"2026-11-06T09:5{n}") for n in range(3)]
    feed(store, waiting, NOW)
    feed(store, [message("M2", "site.arrived", "2026-11-06T09:59")], NOW)
    assert verify(store).findings == []
    waiting_rows = (INBOX.c.ticket == "M1") & (INBOX.c.state == "waiting")
    with store.writing() as session:
        rows = session.execute(select(INBOX).where(waiting_rows).order_by(INBOX.c.id)).all()
        session.execute(delete(INBOX).where(INBOX.c.id == rows[1].id))
    findings = verify(store).findings
    assert [(f.harm, f.place, f.seq) for f in findings] == [(Harm.DELETED, INBOX_NAME, rows[1].id)]
    with store.writing() as session:
        moved = update(INBOX).where(INBOX.c.id == rows[0].id).values(id=rows[1].id)
        session.execute(moved)
    places = [(f.harm, f.place) for f in verify(store).findings]
    assert (Harm.DELETED, INBOX_NAME) in places
    with store.writing() as session:
        session.execute(delete(INBOX).where(INBOX.c.id == rows[2].id))
        digest = update(INBOX).where(INBOX.c.ticket == "M2", INBOX.c.state == "waiting")
        session.execute(digest.values(digest=b"7" * 32))
    assert (Harm.ALTERED, INBOX_NAME) in [(f.harm, f.place) for f in verify(store).findings]
