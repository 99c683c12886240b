"""The stored outline of a message cannot be altered: its ticket is set aside, and says why."""

import msgspec
import pytest
from sqlalchemy import select, update

from models.database import Store
from models.queries.inbox_rows import ForgedMessage
from models.tables.columns import undecoded
from models.tables.core import INBOX
from tests.store.factories import advance_tickets, at, feed, letter, message, row_of

NOW = at("2026-11-06T10:00")
LATE = message("O1", "contact.attempted", "2026-11-02T11:00:00+08:00", purpose="first",
               outcome="reached", method="phone")  # fmt: skip


def _begin(store: Store) -> None:
    for number in ("O1", "O2"):
        accepted = message(number, "unit.accepted", "2026-11-02T10:00:00+08:00")
        feed(store, [letter(number, "2026-11-02T09:00:00+08:00"), accepted], NOW)
    advance_tickets(store, ["O1", "O2"], NOW)


pytestmark = pytest.mark.store(fill=_begin)


def _outline(store: Store, ticket: str, kind: str) -> str:
    with store.reading() as session:
        outline = undecoded(INBOX.c.outline)
        query = select(outline).where(INBOX.c.ticket == ticket, INBOX.c.type == kind)
        return str(session.scalars(query).one())


def _alter(store: Store, ticket: str, kind: str, **values: object) -> None:
    with store.writing() as session:
        row = (INBOX.c.ticket == ticket) & (INBOX.c.type == kind)
        session.execute(update(INBOX).where(row).values(**values))


def test_a_late_message_goes_by_the_outlines_of_the_others(store: Store) -> None:
    feed(store, [LATE], NOW)
    assert advance_tickets(store, ["O1"], NOW).applied == 1


@pytest.mark.parametrize("what", ["content", "moment", "type", "swapped", "removed hash"])
def test_an_altered_outline_is_not_folded(store: Store, what: str) -> None:
    """Whatever of its row is changed; and nothing of the ticket is."""
    before = row_of(store, "O1")
    match what:
        case "content":
            stored = msgspec.json.decode(_outline(store, "O1", "ticket.received"))
            stored["content"]["category"] = "consultation"
            _alter(store, "O1", "ticket.received", outline=stored)
        case "moment":
            _alter(store, "O1", "unit.accepted", at=at("2026-11-02T16:00"))
        case "type":
            _alter(store, "O1", "unit.accepted", type="site.arrived")
        case "swapped":
            other = msgspec.json.decode(_outline(store, "O2", "ticket.received"))
            _alter(store, "O1", "unit.accepted", outline=other)
        case "removed hash":
            _alter(store, "O1", "ticket.received", outline_hash=None)
    feed(store, [LATE], NOW)
    with pytest.raises(ForgedMessage, match="O1"):
        advance_tickets(store, ["O1"], NOW)
    after = row_of(store, "O1")
    assert (after.seq, after.hash, after.state) == (before.seq, before.hash, before.state)
