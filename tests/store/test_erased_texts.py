"""A ticket whose texts are erased goes on: it folds, its log verifies, it can be looked at."""

import pytest
from sqlalchemy import delete, func, select

from models.database import Store
from models.operations.access import reveal
from models.queries.detail import ticket_detail
from models.queries.log import ticket_log
from models.queries.verification import verify
from models.rules.vocabulary import UserRole
from models.security.encryption import TextsErased
from models.security.findings import Harm
from models.security.roles import Actor
from models.tables.core import EVENT, INBOX, SALT
from tests.store.factories import (
    RESULT,
    advance_tickets,
    at,
    feed,
    letter,
    log_of,
    message,
    row_of,
    ticket_state,
)

NOW = at("2026-11-09T10:00")
LIFE = [
    letter("E1", "2026-11-02T09:00:00+08:00", statutory_limit={"workdays": 3, "basis": "某法"}),
    message("E1", "unit.accepted", "2026-11-02T10:00:00+08:00"),
    message("E1", "claimant.supplemented", "2026-11-03T09:00:00+08:00", text="还有一盏"),
    message("E1", "term.restarted", "2026-11-03T10:00:00+08:00", cause="force_majeure",
            basis="台风预警"),
    message("E1", "unit.urged", "2026-11-03T11:00:00+08:00", text="请抓紧", by="值班员"),
    message("E1", "unit.joined", "2026-11-03T12:00:00+08:00", unit="无名局"),
]  # fmt: skip
LATE = message("E1", "contact.attempted", "2026-11-02T11:00:00+08:00", purpose="first",
               outcome="reached", method="phone", evidence="录音一份")  # fmt: skip
WHO = Actor("wang", UserRole.SUPERVISOR)


def _life(store: Store) -> None:
    feed(store, LIFE, NOW)
    advance_tickets(store, ["E1"], NOW)


pytestmark = pytest.mark.store(fill=_life)


def _erase(store: Store) -> None:
    with store.writing() as session:
        assert session.execute(delete(SALT).where(SALT.c.ticket == "E1").returning(SALT)).all()


def test_its_log_verifies_and_nothing_can_be_read(store: Store) -> None:
    _erase(store)
    result = verify(store)
    why = "its texts cannot be read any more: their salt is gone"
    findings = [(f.harm, f.ticket, f.why.text) for f in result.findings]
    assert findings == [(Harm.DELETED, "E1", why)], "its log is whole"
    with store.reading() as session:
        for column in (EVENT.c.private, INBOX.c.body):
            assert session.scalar(select(func.count()).where(column.is_not(None)))
        body = session.execute(select(INBOX).where(INBOX.c.ticket == "E1")).first()
        with pytest.raises(TextsErased):
            session.decrypt(INBOX.c.body, body)


def test_it_is_told_again_as_it_was(store: Store) -> None:
    """A late message leads to the same as if the texts were there, and the log stays whole."""
    _erase(store)
    before = ticket_state(store, "E1")
    assert feed(store, [LATE], NOW).enqueued == 1
    assert advance_tickets(store, ["E1"], NOW).applied == 1
    contacts = [e for e in log_of(store, "E1") if e.name == "contact.recorded"]
    assert len(contacts) == 1
    after = ticket_state(store, "E1")
    assert (after["status"], after["unit"]) == (before["status"], before["unit"])
    result = message("E1", "result.submitted", "2026-11-09T09:30:00+08:00", **RESULT)
    feed(store, [result], NOW)
    assert advance_tickets(store, ["E1"], NOW).applied == 1
    assert row_of(store, "E1").status == "submitted"


def test_it_can_be_looked_at(store: Store) -> None:
    """Whoever looks sees that the texts are erased, and what happened."""
    with store.reading() as session:
        lines = list(ticket_log(session, "E1"))
    assert any(line.get("text") == "还有一盏" for line in lines)
    _erase(store)
    with store.reading() as session:
        detail = ticket_detail(session, "E1")
        lines = list(ticket_log(session, "E1"))
    assert detail.content == "(erased)"
    assert detail.claimant.name == detail.claimant.phone == ""
    assert [line["event"] for line in lines] == [line.name for line in detail.log]
    assert not any("还有一盏" in str(line) or "台风预警" in str(line) for line in lines)
    with store.writing() as session:
        revealed = reveal(session, WHO, "E1", ["name", "content", "log"], NOW, "checking")
    assert revealed["name"] == ""
