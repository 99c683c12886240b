"""A store of before gets the hashes of its rows, but for what was altered past the service."""

from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from models.database import Store
from models.migrations import upgrade
from models.operations import store_secret
from models.operations.anchors import make_anchor
from models.operations.changes import record_changes
from models.operations.ticket_change import TicketRow
from models.operations.ticket_work import ForgedTicket
from models.queries.own_tables import ForgedTable
from models.queries.verification import verify
from models.rulebook import load_rulebook
from models.security.findings import Harm
from models.security.heads import DIGEST_BYTES, ChangedHead, HeadKind
from models.security.row_hashes import former_row_digest
from models.tables.core import TABLE_HEAD, TICKET, UNIT
from tests.store.factories import advance_tickets, at, feed, letter, message, row_of

NOW = at("2026-11-06T10:00")
NUMBERS = ["H1", "H2", "H3"]


@pytest.fixture(autouse=True)
def of_before(store: Store) -> None:
    """A store as the release before has left it: rows without hashes, heads of another form."""
    feed(store, [letter(number, "2026-11-02T09:00") for number in NUMBERS], NOW)
    advance_tickets(store, NUMBERS, NOW)
    waiting = message("H1", "unit.accepted", "2026-11-07T10:00")
    feed(store, [waiting], NOW)
    with store.writing() as session:
        heads = []
        for stored in session.execute(select(*(TICKET.c[n] for n in TicketRow._fields))):
            row = TicketRow(*stored)
            digest = former_row_digest(session.cipher, row.content, row.seq)
            end = row.hash[:DIGEST_BYTES]
            heads.append(ChangedHead(HeadKind.TICKET, row.id, row.seq, end, 0, digest, row.number))
        record_changes(session, heads)
        session.execute(update(TICKET).values(row_hash=None))
        session.execute(delete(TABLE_HEAD))
        assert make_anchor(session, NOW) is not None
        store_secret.renew_secret(session, form=4)


def test_a_store_of_before_goes_on(store: Store) -> None:
    """All rows get their hashes, and nothing is found; once more changes nothing."""
    upgrade(store)
    assert verify(store).findings == []
    hashes = [row_of(store, number).row_hash for number in NUMBERS]
    assert None not in hashes
    with store.writing() as session:
        # as if it had been interrupted at the end
        store_secret.renew_secret(session, form=4)
    upgrade(store)
    assert [row_of(store, number).row_hash for number in NUMBERS] == hashes
    advance_tickets(store, NUMBERS, at("2026-11-07T11:00"))
    assert verify(store).findings == []


def _altered(store: Store, statement: Any) -> None:
    with store.writing() as session:
        session.execute(statement)


@pytest.mark.parametrize("what", ["state", "log"])
def test_an_upgrade_does_not_bless_a_ticket(store: Store, what: str) -> None:
    """Not its state, and not another end of its log; the others go on."""
    of_one = update(TICKET).where(TICKET.c.number == "H2")
    changed = {"state": func.replace(TICKET.c.state, '"run":', '"run":1')}
    _altered(store, of_one.values(changed if what == "state" else {"seq": TICKET.c.seq - 1}))
    upgrade(store)
    assert row_of(store, "H2").row_hash is None
    assert {finding.ticket for finding in verify(store).findings} == {"H2"}
    with pytest.raises(ForgedTicket):
        advance_tickets(store, ["H2"], NOW)
    advance_tickets(store, ["H1", "H3"], at("2026-11-07T11:00"))


def test_an_upgrade_does_not_bless_a_rule(store: Store) -> None:
    _altered(store, update(UNIT).values(parent="住建局"))
    upgrade(store)
    assert {finding.harm for finding in verify(store).findings} == {Harm.ALTERED}
    with store.reading() as session, pytest.raises(ForgedTable):
        load_rulebook(session)
