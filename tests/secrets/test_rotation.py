"""A store of an earlier release is carried over by rotating its key, and nothing is left behind."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from models.database import Store
from models.i18n import lazy
from models.operations.keys import (
    count_by_key,
    count_left,
    encrypted_columns,
    encrypted_rows,
    reencrypt,
)
from models.queries.detail import ticket_detail
from models.queries.verification import verify
from models.security.encryption import Cipher, ForgedValue, KeyUnusable
from models.security.keys import Key, KeyFile, KeyRing, new_key
from models.tables.core import INBOX, SALT
from scripts.ingest.records import FeedRecord
from scripts.ingest.refused_rows import append_refused
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import KEY, advance_tickets, at, feed, letter, message, prepared_store

NOW = at("2026-11-20T09:00")
EARLIER = KeyRing((Key(KEY, binds=False),), 0)


@pytest.fixture
def old(store_url: str) -> Iterator[Store]:
    """A store as an earlier release has encrypted it: two tickets, one refused message."""
    with prepared_store(store_url, ring=EARLIER) as store:
        for number in ("R1", "R2"):
            more = message(number, "claimant.supplemented", "2026-11-04T09:00", text="还是不亮")
            feed(store, [letter(number, "2026-11-02T09:00"), more], NOW)
        feed(store, [message("R1", "unit.accepted", "2026-11-02T08:00", unit="无此单位")], NOW)
        advance_tickets(store, ["R1", "R2"], NOW)
        feed(store, [message("R3", "unit.urged", "2026-11-02T08:00", text="快")], NOW)
        yield store


def _rotated(store: Store) -> KeyRing:
    ring = store.cipher.keyring.with_next(new_key()).rotated()
    store.cipher = Cipher(ring)
    secret = _hash_key(store)
    store.cipher.use_hash_key(secret)
    return ring


def _hash_key(store: Store) -> bytes:
    with store.reading() as session:
        table, column = next((t, c) for t, c in encrypted_columns() if t.name == "secret")
        secrets = {
            r.name: session.decrypt(column, r) for r in encrypted_rows(session, table, column)
        }
    return base64.b64decode(secrets["hashes"]["key"])


def test_every_value_is_bound_by_a_rotation(old: Store) -> None:
    """Then those of before are refused, wherever they are put back."""
    with old.reading() as session:
        before = count_by_key(session)
        kept = {row.id: row.body for row in session.execute(select(INBOX))}
        assert session.execute(select(SALT)).all() == []
    assert set(before) == {0}
    ring = _rotated(old)
    assert sum(reencrypt(old)) == before[0]
    with old.reading() as session:
        assert count_by_key(session) == {1: before[0]}
        assert count_left(session) == {}
        numbers = set(session.scalars(select(SALT.c.ticket)))
    assert numbers == {"R1", "R2", "R3"}
    assert verify(old).broken is None
    key = _hash_key(old)
    old.cipher = Cipher(ring.without_old())
    old.cipher.use_hash_key(key)
    assert verify(old).broken is None
    with old.writing() as session:
        for row_id, body in kept.items():
            session.execute(update(INBOX).where(INBOX.c.id == row_id).values(body=body))
    with old.reading() as session, pytest.raises(KeyUnusable):
        ticket_detail(session, "R1")


def test_erased_and_forged_values_stop_no_rotation(old: Store) -> None:
    """What is erased needs no key; what does not belong where it is remains, and is named."""
    _rotated(old)
    sum(reencrypt(old))
    with old.writing() as session:
        session.execute(delete(SALT).where(SALT.c.ticket == "R1"))
        first, second = session.execute(
            select(INBOX).where(INBOX.c.ticket == "R2").order_by(INBOX.c.id)
        ).all()
        session.execute(update(INBOX).where(INBOX.c.id == second.id).values(body=first.body))
    _rotated(old)
    assert sum(reencrypt(old)) > 0
    with old.reading() as session:
        assert count_left(session) == {"inbox.body": 1}
        assert session.execute(select(SALT).where(SALT.c.ticket == "R1")).all() == []
        moved = session.execute(select(INBOX).where(INBOX.c.id == second.id)).one()
        with pytest.raises(ForgedValue):
            session.decrypt(INBOX.c.body, moved)


def test_the_commands_carry_a_home_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They say what to do, refused rows are carried over too, and none is lost with its key."""
    home = tmp_path / "home"
    home.mkdir(0o700)
    key = home / "hotline.key"
    KeyFile(key).create(EARLIER)
    hotline = InProcessHotline(home, monkeypatch, capsys)
    assert "hotline keys rotate" in hotline("db", "upgrade").stderr
    assert "hotline keys rotate" in hotline("doctor", code=1).stdout
    files = [home / "refused.jsonl", home / "watched" / "in-1" / "failed" / "a.csv.refused.jsonl"]
    record = FeedRecord(1, "city", None, lazy("no: {value}", value="我的话"), {"内容": "路灯"})
    for file in files:
        append_refused(file, "a.csv", [record], Cipher(EARLIER))
    rows: list[dict[str, Any]] = hotline.json("keys", "show")
    assert [row["state"] for row in rows] == ["seals"]
    hotline("keys", "rotate")
    rows = hotline.json("keys", "show")
    assert [(row["state"], row["values"] > 0) for row in rows] == [
        ("opens", False),
        ("seals", True),
    ]
    assert "hotline keys retire" in hotline("db", "upgrade").stderr
    broken = json.loads(files[0].read_text())
    append_refused(files[1], "b.csv", [record], Cipher(EARLIER))
    os.utime(key, (0, 0))
    assert f"{files[1]}: 2" in hotline("keys", "retire", code=1).stderr
    hotline("keys", "reseal")
    os.utime(key, (0, 0))
    hotline("keys", "retire")
    assert key.read_text().splitlines()[0] == "-"
    assert hotline("db", "upgrade").stderr == ""
    for file, count in zip(files, (1, 2), strict=True):
        lines = hotline(
            "refused", file, "--reveal", "--reason", "checking", "--json"
        ).stdout.splitlines()
        assert [json.loads(line)["raw"] for line in lines] == [{"内容": "路灯"}] * count
    broken["line"] = 2
    files[0].write_text(json.dumps(broken) + "\n")
    assert "refused.jsonl" in hotline("refused", "--reveal", "--reason", "checking", code=1).stderr
