"""Encrypted values are bound to their place: in another one nobody decrypts them."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sqlalchemy import delete, select, update

from models.database import Session, Store
from models.operations.access import reveal
from models.operations.keys import encrypted_columns, encrypted_rows
from models.operations.routing_models import add_model
from models.queries.detail import ticket_detail
from models.queries.log import ticket_log
from models.queries.verification import verify
from models.rules.vocabulary import UserRole
from models.security.binding import expand
from models.security.encryption import Binding, Cipher, ForgedValue, KeyUnusable, TextsErased
from models.security.keyed_hash import KeyedHash
from models.security.keys import Key, KeyRing
from models.security.roles import Actor
from models.tables.columns import EncryptedColumn
from models.tables.core import EVENT, INBOX, SALT, SECRET, TICKET
from models.tables.secrets import HASH_KEY
from tests.routing.test_model_training import model_body
from tests.store.factories import KEY, advance_tickets, at, feed, letter, message, row_of

NOW = at("2026-11-20T09:00")
WHO = Actor("wang", UserRole.SUPERVISOR)


def _two_tickets(store: Store) -> None:
    people = {"B1": "13900001111", "B2": "13900002222"}
    for number, phone in people.items():
        claimant = {"name": "测试者甲", "phone": phone}
        more = message(number, "claimant.supplemented", "2026-11-04T09:00", text=f"还是不亮{phone}")
        feed(store, [letter(number, "2026-11-02T09:00", claimant=claimant), more], NOW)
    advance_tickets(store, list(people), NOW)
    feed(store, [message("B1", "claimant.supplemented", "2026-11-05T09:00", text="三天了")], NOW)


pytestmark = pytest.mark.store(fill=_two_tickets)


def test_keys_are_derived_by_hkdf() -> None:
    """The same as the library's."""
    for info in (b"", b"inbox.body", bytes(100)):
        expected = HKDFExpand(SHA256(), 32, info).derive(KEY)
        assert expand(KeyedHash(KEY), info) == expected


def test_every_column_says_what_it_is_bound_to() -> None:
    """Its own purpose, and columns that there are, the primary key or the ticket among them."""
    for table, column in encrypted_columns():
        binding = _binding(column)
        assert binding.purpose == f"{table.name}.{column.name}"
        assert all(name in table.c for name in binding.bound_to)
        keys = {c.name for c in table.primary_key.columns}
        assert binding.ticket or keys <= set(binding.bound_to)


def _binding(column: Any) -> Binding:
    assert isinstance(column.type, EncryptedColumn)
    return column.type.binding


def _values(session: Session) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Every encrypted value of the store: its column, and its row."""
    for table, column in encrypted_columns():
        for row in encrypted_rows(session, table, column):
            yield column, dict(row._mapping)


def test_no_value_decrypts_in_anothers_place(store: Store) -> None:
    """Between rows, columns, tables and tickets; the store's own secret least of all."""
    with store.writing() as session:
        add_model(session, model_body(), "test", NOW)
        values = list(_values(session))
        assert {column.table.name for column, _row in values} >= {
            *("inbox", "event", "ticket", "unit", "secret", "routing_model")
        }
        for column, row in values:
            assert session.decrypt(column, row) is not None
            for other, foreign in values:
                if (other, foreign) != (column, row):
                    moved = row | {column.name: foreign[other.name]}
                    with pytest.raises(ForgedValue, match=_binding(column).purpose):
                        session.decrypt(column, moved)


def test_no_value_decrypts_in_a_row_that_was_changed(store: Store) -> None:
    """Whatever column it is bound to: number, type, time, name, or the ticket."""
    with store.reading() as session:
        for column, row in list(_values(session)):
            for name in _binding(column).bound_to:
                with pytest.raises(ForgedValue):
                    session.decrypt(column, row | {name: _another(row[name])})
            ticket = _binding(column).ticket
            if ticket:
                other = "B2" if row[ticket] == "B1" else "B1"
                with pytest.raises(ForgedValue):
                    session.decrypt(column, row | {ticket: other})


def _another(value: Any) -> Any:
    match value:
        case None:
            return NOW
        case int():
            return value + 1
        case str():
            return value + "x"
        case _:
            return value + timedelta(microseconds=1)


CHANGED = {
    "type": "claimant.withdrew",
    "at": at("2026-11-05T09:01"),
    "ticket": "B2",
    "message_id": "another",
    "source": "operators",
    "quiet_before": NOW,
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_waiting_message_that_was_changed_is_not_applied(store: Store, name: str) -> None:
    """Advancing its ticket says so."""
    waiting = INBOX.c.state == "waiting"
    with store.writing() as session:
        session.execute(update(INBOX).where(waiting).values({name: CHANGED[name]}))
    with pytest.raises(ForgedValue, match=r"inbox\.body"):
        advance_tickets(store, ["B1", "B2"], NOW)
    with store.reading() as session:
        assert len(session.execute(select(INBOX).where(waiting)).all()) == 1


def test_a_message_is_not_applied_twice(store: Store) -> None:
    """A copy of it under another number, id and ticket is refused."""
    with store.writing() as session:
        row = dict(session.execute(select(INBOX).where(INBOX.c.state == "waiting")).one()._mapping)
        copy = row | {"id": row["id"] + 1, "message_id": "again", "ticket": "B2"}
        session.execute(session.insert(INBOX).values(copy))
    with pytest.raises(ForgedValue):
        advance_tickets(store, ["B2"], NOW)


SECRET_PUT = {
    "claimant": update(TICKET).where(TICKET.c.number == "B1"),
    "private": update(EVENT).where(EVENT.c.name == "ticket.supplemented"),
    "body": update(INBOX).where(INBOX.c.type == "ticket.received"),
}


@pytest.mark.parametrize("column", SECRET_PUT)
def test_the_secret_is_not_shown_as_a_text(store: Store, column: str) -> None:
    """In whichever column somebody with write access to the database puts it."""
    with store.writing() as session:
        name = SECRET.c.name == HASH_KEY
        secret = session.scalars(select(SECRET.c.value).where(name)).one()
        session.execute(SECRET_PUT[column].values({column: secret}))
    with store.reading() as session, pytest.raises(ForgedValue, match=column):
        ticket_detail(session, "B1")
    with store.writing() as session, pytest.raises(ForgedValue, match=column):
        reveal(session, WHO, "B1", ["name", "content", "log"], NOW, "checking")
    if column != "body":
        with store.reading() as session, pytest.raises(ForgedValue, match=column):
            list(ticket_log(session, "B1"))
    if column == "private":
        assert verify(store).broken is not None


def test_the_key_decides_which_form_is_accepted() -> None:
    """A key that binds opens nothing that is bound to nothing, and the other way round."""
    place, row = Binding("test.value", ("id",)), {"id": 1}
    binds = Cipher([KEY])
    earlier = Cipher(KeyRing((Key(KEY, binds=False),), 0))
    assert earlier.decrypt(place, earlier.encrypt(place, "x", row), {"id": 2}) == "x"
    with pytest.raises(ForgedValue):
        binds.decrypt(place, earlier.encrypt(place, "x", row), row)
    with pytest.raises(KeyUnusable):
        earlier.decrypt(place, binds.encrypt(place, "x", row), row)


def test_two_that_add_a_ticket_at_once_have_one_salt(store: Store) -> None:
    """Whoever comes second takes the first one's."""
    begun, salts = threading.Barrier(2), []

    def add() -> None:
        begun.wait()
        with store.writing() as session:
            session.add_salts(["N2", "N1"])
            salts.append(session.encrypt(TICKET.c.claimant, {"name": "甲"}, {"number": "N1"}))

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as session:
        for sealed in salts:
            row = {"number": "N1", "claimant": sealed}
            assert session.decrypt(TICKET.c.claimant, row) == {"name": "甲"}
    assert len(salts) == 2


def test_without_its_salt_a_tickets_texts_are_erased(store: Store) -> None:
    """Nobody decrypts them; what is of another ticket stays."""
    with store.writing() as session:
        session.execute(delete(SALT).where(SALT.c.ticket == "B1"))
    with store.reading() as session:
        for column, row in _values(session):
            number = row.get(_binding(column).ticket or "")
            if number == "B1":
                with pytest.raises(TextsErased, match="B1"):
                    session.decrypt(column, row)
            else:
                assert session.decrypt(column, row) is not None
    assert row_of(store, "B1").status == row_of(store, "B2").status


def test_a_ticket_without_texts_is_shown_and_says_so(store: Store) -> None:
    """By its page, its log and a reveal; its log still verifies, and the salt is missed."""
    with store.writing() as session:
        session.execute(delete(SALT).where(SALT.c.ticket == "B1"))
    with store.reading() as session:
        detail = ticket_detail(session, "B1")
        lines = list(ticket_log(session, "B1"))
    assert "erased" in detail.content
    assert detail.claimant.name == ""
    assert "ticket.supplemented" in {line["event"] for line in lines}
    assert "还是不亮" not in str(lines)
    with store.writing() as session:
        output = reveal(session, WHO, "B1", ["name", "content", "log"], NOW, "checking")
    assert output["name"] == ""
    assert "erased" in output["content"]
    assert "还是不亮" not in str(output)
    whys = [finding.why.text for finding in verify(store).findings]
    assert whys == ["its texts cannot be read any more: their salt is gone"]
