"""The logs are tamper-evident: the verification names the first line that was changed."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, select, text, update

from models.database import Store
from models.migrations import upgrade
from models.operations.access_log import record_access
from models.operations.store_secret import SecretMissing, unlock
from models.queries.verification import verify
from models.rules.packing import READ_BY_QUERIES, Packed, pack_json
from models.rules.vocabulary import EventName, UserRole
from models.security.anchored_heads import AnchoredHeads, ClockKey
from models.security.chain import LogEnd, event_line
from models.security.encryption import Cipher
from models.security.heads import ChangedHead, HeadKind, pack_heads, void_head
from models.security.keys import Key, KeyRing
from models.security.roles import Actor
from models.tables.core import ACCESS, EVENT, SECRET, TICKET
from models.tables.ticket import named
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import (
    KEY,
    advance_tickets,
    at,
    feed,
    letter,
    log_of,
    message,
    row_of,
)

NOW = at("2026-11-20T09:00")
WHO = Actor("wang", UserRole.SUPERVISOR)


def _three_tickets(store: Store) -> None:
    numbers = ["C1", "C2", "C3"]
    letters = [letter(n, "2026-11-02T09:00") for n in numbers]
    more = message("C2", "claimant.supplemented", "2026-11-04T09:00", text="还是不亮")
    feed(store, [*letters, more], NOW)
    advance_tickets(store, numbers, NOW)
    with store.writing() as session:
        for number in numbers:
            record_access(session, WHO, "reveal", number, ["phone"], NOW)


pytestmark = pytest.mark.store(fill=_three_tickets)


def _change(store: Store, statement: Any) -> None:
    with store.writing() as session:
        session.execute(statement)


def _id(store: Store, number: str) -> int:
    ticket_id: int = row_of(store, number).id
    return ticket_id


def test_a_log_that_nobody_touched_is_whole(store: Store) -> None:
    """Every ticket and every line is checked."""
    result = verify(store)
    assert result.broken is None
    assert (result.tickets, result.accesses) == (3, 3)
    assert result.lines == sum(len(log_of(store, n)) for n in ("C1", "C2", "C3"))


CHANGES = {
    "name": "UPDATE event SET name = 'b' WHERE ticket_id = :id AND seq = 3",
    "data": "UPDATE event SET data = '{}' WHERE ticket_id = :id AND seq = 3",
    "cause": "UPDATE event SET cause = 77 WHERE ticket_id = :id AND seq = 3",
    "hash": "UPDATE event SET hash = (SELECT hash FROM event WHERE ticket_id = :id AND seq = 2)"
    " WHERE ticket_id = :id AND seq = 3",
    "moment": "UPDATE event SET moment = (SELECT moment FROM event"
    f" WHERE {named(EventName.CLOCK_EXPIRED)} LIMIT 1) WHERE ticket_id = :id AND seq = 3",
    "line": "DELETE FROM event WHERE ticket_id = :id AND seq = 3",
}


def test_the_first_broken_link_is_named(store: Store) -> None:
    """One line changed or deleted: that ticket and line are named, alone and among all."""
    parameters = {"id": _id(store, "C2")}
    line = log_of(store, "C2")[2]
    for name, change in CHANGES.items():
        with store.writing() as session:
            session.execute(text(change), parameters)
        for result in (verify(store), verify(store, "C2")):
            assert result.broken is not None, name
            assert (result.broken.ticket, result.broken.seq) == ("C2", 3), name
        assert verify(store, "C1").broken is None
        with store.writing() as session:
            session.execute(text("DELETE FROM event WHERE ticket_id = :id AND seq = 3"), parameters)
            session.execute(session.insert(EVENT).values(line._mapping))
        assert verify(store).broken is None


def test_a_line_that_queries_look_into_is_not_hidden_from_them(store: Store) -> None:
    """Packed it says the same, and its hash fits, but the bulletin would not count it."""
    line = next(e for e in log_of(store, "C2") if e.name in READ_BY_QUERIES)
    packed = pack_json(msgspec.json.encode(line.data, order="sorted"))
    assert isinstance(packed, Packed)
    condition = (EVENT.c.ticket_id == line.ticket_id) & (EVENT.c.seq == line.seq)
    _change(store, update(EVENT).where(condition).values(data=packed))
    broken = verify(store).broken
    assert broken is not None
    assert (broken.ticket, broken.seq) == ("C2", line.seq)


def test_a_sealed_text_that_was_changed_is_named(store: Store) -> None:
    """The chain covers what people wrote, too: another ciphertext in its place, or a broken one."""
    line = next(e for e in log_of(store, "C2") if e.name == "ticket.supplemented")
    condition = (EVENT.c.ticket_id == line.ticket_id) & (EVENT.c.seq == line.seq)
    with store.writing() as session:
        other = session.encrypt(EVENT.c.private, {"text": "另一句话"}, line, "C2")
    broken = type(other)(other.raw[:-1] + bytes([other.raw[-1] ^ 1]))
    for sealed in (other, broken):
        _change(store, update(EVENT).where(condition).values(private=sealed))
        broken_link = verify(store).broken
        assert broken_link is not None
        assert (broken_link.ticket, broken_link.seq) == ("C2", line.seq)


def test_a_missing_end_is_found(store: Store) -> None:
    """With the ticket's row unchanged, and against a note also with a changed one."""
    events = log_of(store, "C3")
    noted: dict[str, LogEnd] = {}
    assert verify(store, note=noted.__setitem__).broken is None
    last = (EVENT.c.ticket_id == events[-1].ticket_id) & (EVENT.c.seq == events[-1].seq)
    _change(store, delete(EVENT).where(last))
    broken_link = verify(store).broken
    assert broken_link is not None
    assert (broken_link.ticket, broken_link.seq) == ("C3", events[-1].seq)
    # the ticket is made to agree: the chain alone cannot know, the feed of changes does
    head = {"seq": events[-2].seq, "hash": events[-2].hash}
    _change(store, update(TICKET).where(TICKET.c.number == "C3").values(**head))
    for known in ({}, noted):
        broken_link = verify(store, known=known).broken
        assert broken_link is not None
        assert (broken_link.ticket, broken_link.seq) == ("C3", events[-1].seq)
    assert verify(store, "C1", known={"C1": LogEnd(99, b"")}).broken is not None
    assert "Z9" in {
        finding.ticket for finding in verify(store, known={"Z9": LogEnd(1, b"")}).findings
    }


def test_who_has_the_store_alone_cannot_chain_a_line(store: Store) -> None:
    """A line with an unkeyed hash, as the first release wrote it, is not accepted."""
    events = log_of(store, "C1")
    rows, chain = [], b""
    for e in events:
        data = b"{}" if e.seq == 3 else msgspec.json.encode(e.data, order="sorted")
        plain = chain + event_line(e.seq, e.name, e.at, e.moment, e.cause, data)
        chain = hashlib.sha256(plain).digest()
        rows.append((e, data, chain))
    for e, data, digest in rows:
        condition = (EVENT.c.ticket_id == e.ticket_id) & (EVENT.c.seq == e.seq)
        _change(store, update(EVENT).where(condition).values(data=msgspec.Raw(data), hash=digest))
    _change(store, update(TICKET).where(TICKET.c.number == "C1").values(hash=chain))
    broken_link = verify(store).broken
    assert broken_link is not None
    assert (broken_link.ticket, broken_link.seq) == ("C1", 1)


def test_the_access_log_is_chained_too(store: Store) -> None:
    """A line changed or deleted is named."""
    _change(store, update(ACCESS).where(ACCESS.c.id == 2).values(who="li"))
    broken_link = verify(store).broken
    assert broken_link is not None
    assert (broken_link.ticket, broken_link.seq) == (None, 2)
    _change(store, delete(ACCESS).where(ACCESS.c.id == 2))
    broken_link = verify(store).broken
    assert broken_link is not None
    assert broken_link.seq == 2


@pytest.mark.parametrize("binds", [True, False])
def test_a_store_without_its_secret_is_refused(store: Store, binds: bool) -> None:
    """Nobody makes it be taken for one of the first release, whose lines had no key."""
    store.cipher = Cipher(KeyRing((Key(KEY, binds),), 0))
    _change(store, delete(SECRET))
    for _time in range(2):
        with pytest.raises(SecretMissing, match="backup"):
            upgrade(store)
    with store.reading() as session:
        assert session.execute(select(SECRET)).all() == []


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what was looked at, ends with 1 where a link is broken, and notes heads down."""
    hotline = InProcessHotline(tmp_path / "home", monkeypatch, capsys)
    hotline("db", "upgrade")
    key, url = hotline.home / "hotline.key", f"sqlite:///{hotline.home / 'hotline.db'}"
    from models.security.encryption import load_cipher

    opened = Store(url, load_cipher(key))
    unlock(opened)
    feed(opened, [letter("V1", "2026-11-02T09:00")], NOW)
    advance_tickets(opened, ["V1"], NOW)
    note = tmp_path / "heads"
    assert hotline.json("log", "--verify", "--note", note)["broken"] is None
    with opened.writing() as session:
        session.execute(text("UPDATE event SET name = 'x' WHERE seq = 2"))
    opened.close()
    output = hotline("log", "V1", "--verify", code=1).stdout
    assert output.splitlines()[0] + "\n" == "altered: V1: line 2 is not as it was written\n"
    assert hotline.json("log", "--verify", "--against", note, code=1)["broken"]["seq"] == 2
    hotline("log", code=2)


def test_what_a_fold_voided_is_not_listed_again() -> None:
    """A row of the feed is read again until it has its place, and then once more."""
    cipher = Cipher([KEY])
    former = ChangedHead(HeadKind.PAST_CLOCK, 1, 1, b"former", number="accept/first")
    folded = ChangedHead(HeadKind.PAST_CLOCK, 1, 1, b"folded", number="accept/other")
    first = pack_heads([ChangedHead(HeadKind.TICKET, 1, 5, b"5", 5, number="V1"), former])
    second = pack_heads(
        [ChangedHead(HeadKind.TICKET, 1, 8, b"8", 3), void_head(cipher, 1, 8), folded]
    )
    heads = AnchoredHeads(cipher)
    for positions in ((None, None), (None, None), (1, 2)):
        for position, packed in zip(positions, (first, second), strict=True):
            heads.add(position, packed)
        assert heads.clocks == {1: {ClockKey(1, "accept/other", 1): b"folded"}}
        assert heads.tickets[1].forked == 0
