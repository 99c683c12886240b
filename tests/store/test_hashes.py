"""Hashes of telephone numbers: two spellings are one number, also in an upgraded store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from models.database import Store
from models.migrations import upgrade
from models.operations.access import find
from models.operations.blind_index import rebuild_hashes
from models.operations.titles import redact_titles
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from models.tables.core import BLIND_INDEX, SECRET, TICKET
from models.tables.secrets import HASH_KEY
from tests.store.factories import (
    advance_tickets,
    at,
    feed,
    letter,
    log_of,
    message,
    restored,
)

KEPT = Path(__file__).parent / "kept" / "0.1.0"
SPELLINGS = ("0754-88123456", "+86 754 88123456")
WHO = Actor("wang", UserRole.SUPERVISOR)
NOW = at("2026-11-20T12:00")


@pytest.fixture
def kept(store_url: str) -> Iterator[Store]:
    """The store of release 0.1.0, not upgraded yet, once on each database."""
    opened = restored(KEPT, store_url)
    yield opened
    opened.close()


def _found(store: Store, phone: str) -> list[str]:
    with store.writing() as session:
        return find(session, WHO, "phone", phone, NOW)


def _hashes(store: Store) -> tuple[set[tuple[int, str, bytes]], dict[str, bytes | None]]:
    """The blind index, and each ticket's hash of claimant and facts."""
    with store.reading() as session:
        rows = session.execute(select(BLIND_INDEX)).all()
        facts = session.execute(select(TICKET.c.number, TICKET.c.facts)).all()
    return {(r.ticket_id, r.kind, bytes(r.hash)) for r in rows}, {r.number: r.facts for r in facts}


def _repeated(
    store: Store, number: str, name: str, phone: str, title: str, content: str
) -> list[str]:
    """The earlier tickets that a new letter is said to repeat."""
    claimant = {"name": name, "phone": phone}
    texts = {"title": title, "content": content}
    feed(store, [letter(number, "2026-11-20T11:00", claimant=claimant, **texts)], NOW)
    advance_tickets(store, [number], NOW)
    findings = [e.data for e in log_of(store, number) if e.name == "screening.proposed"]
    return [data["earlier"] for data in findings if data["code"] == "2.2.6"]


def test_two_spellings_are_one_claimant(store: Store) -> None:
    """For the search, and for the screening of what was written twice (Regulation 2.2.6)."""
    same = {"title": "路灯不亮", "content": "濠江区达濠街道的路灯坏了三天，晚上看不清路。"}
    for number, phone in zip(("A1", "A2"), SPELLINGS, strict=True):
        claimant = {"name": "测试者甲", "phone": phone}
        feed(store, [letter(number, "2026-11-20T09:00", claimant=claimant, **same)], NOW)
        advance_tickets(store, [number], NOW)
    for phone in (*SPELLINGS, "(0754)8812 3456"):
        assert _found(store, phone) == ["A1", "A2"]
    findings = [e.data for e in log_of(store, "A2") if e.name == "screening.proposed"]
    assert [(data["code"], data["earlier"]) for data in findings] == [("2.2.6", "A1")]
    assert not [e for e in log_of(store, "A1") if e.name == "screening.proposed"]


def test_a_landline_in_a_supplement_is_found(store: Store) -> None:
    """Numbers in texts count, not only the claimant's own."""
    feed(store, [letter("B1", "2026-11-20T09:00"),
                 message("B1", "claimant.supplemented", "2026-11-20T09:30",
                         text="请改打0754-88123456转801")], NOW)  # fmt: skip
    advance_tickets(store, ["B1"], NOW)
    assert _found(store, SPELLINGS[1]) == ["B1"]


def test_a_store_of_before_is_rebuilt_once(kept: Store) -> None:
    """A number that 0.1.0 hashed in its two forms is found in either spelling after the upgrade."""
    _, facts = _hashes(kept)
    upgrade(kept)
    assert set(_found(kept, "0754 8831 9907")) == set(_found(kept, "+86 754 88319907")) >= {"KP-07"}
    assert _found(kept, "0754-88759737") == _found(kept, "+86 754 88759737") == ["KP-06", "KP-24"]
    assert _found(kept, "0754-88123456") == ["KP-28"], "in the text of a letter"
    assert _found(kept, "137 0000 5555") == ["KP-22", "KP-21"]
    after = _hashes(kept)
    assert after[1].keys() == facts.keys()
    roof = "隔壁楼顶加盖铁皮房，下雨时水都流到我家阳台。"
    assert _repeated(kept, "C1", "吴测六", "0754-88759737", "违章搭建", roof) == ["KP-06"]
    # what 0.1.0 hashed without its numbers is hashed again with them
    pipe = "路边水管漏水两天，半条街没有水用。（3.{}-）"
    who = "张测八", "0754-88172388", "水管爆裂"
    assert _repeated(kept, "C2", *who, pipe.format("7")) == ["HJ20260045"]
    assert _repeated(kept, "C3", *who, pipe.format("8")) == []
    assert rebuild_hashes(kept) == 0, "there is nothing left to change"
    with kept.writing() as session:
        session.execute(update(TICKET).where(TICKET.c.number == "KP-07").values(facts=b"older"))
    upgrade(kept)
    assert _hashes(kept)[1]["KP-07"] == b"older", "an upgraded store is not looked through again"


def test_a_rebuild_that_was_stopped_begins_again(
    kept: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store says that it is rebuilt only when it is."""
    monkeypatch.setattr("models.operations.batches._SIZE", 10)
    replace = rebuild_hashes.__globals__["_replace"]
    batches = []

    def stopped(*args: object) -> int:
        batches.append(args)
        if len(batches) == 3:
            raise KeyboardInterrupt
        changed: int = replace(*args)
        return changed

    with monkeypatch.context() as patched:
        patched.setattr("models.operations.blind_index._replace", stopped)
        with pytest.raises(KeyboardInterrupt):
            upgrade(kept)
    upgrade(kept)
    assert rebuild_hashes(kept) == 0


def test_the_key_of_the_hashes_stays(kept: Store) -> None:
    """Only the form of what is hashed changes; names and mobile numbers keep their rows."""
    before, _ = _hashes(kept)
    upgrade(kept)
    after, _ = _hashes(kept)
    assert {row for row in before if row[1] != "phone"} <= after
    with kept.reading() as session:
        stored = select(SECRET).where(SECRET.c.name == HASH_KEY)
        secret = session.decrypt(SECRET.c.value, session.execute(stored).one())
    assert secret["form"] == 5


def test_old_titles_are_made_anew(kept: Store) -> None:
    """From the letters, whatever an older release had left of them in clear; once is enough."""
    with kept.reading() as session:
        title = session.scalar(select(TICKET.c.title).where(TICKET.c.number == "KP-07"))
    with kept.engine.begin() as connection:
        # the service writes into no store of an earlier release
        connection.execute(
            update(TICKET).where(TICKET.c.number == "KP-07").values(title="电话88123456")
        )
    upgrade(kept)
    with kept.reading() as session:
        assert title == session.scalar(select(TICKET.c.title).where(TICKET.c.number == "KP-07"))
    assert redact_titles(kept) == 0
