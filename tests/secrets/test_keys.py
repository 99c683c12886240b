"""Keys: read, created once, rotated under load, and a clear refusal where they do not fit."""

import base64
import os
import threading
from pathlib import Path

import pytest

from models.database import Store
from models.migrations import upgrade
from models.operations.keys import count_by_key, encrypted_columns, encrypted_rows, reencrypt
from models.queries.verification import verify
from models.security.encryption import Binding, Cipher, Encrypted, ForgedValue, load_cipher
from models.security.keys import (
    Key,
    KeyFile,
    KeyRing,
    KeyUnusable,
    format_keys,
    new_key,
    parse_keys,
)
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import advance_tickets, at, feed, letter, prepared_store, row_of

NOW = at("2026-11-20T09:00")
PLACE, ROW = Binding("test.value", ("id",)), {"id": 1}


def test_what_is_written_is_read() -> None:
    """Keys keep their numbers, also beside a next one and a removed one."""
    ring = KeyRing((None, new_key(), new_key()), 1)
    assert parse_keys(format_keys(ring), "file") == ring
    assert ring.has_next
    assert parse_keys(format_keys(ring.rotated()), "file").active == 2
    assert parse_keys(format_keys(ring.rotated().without_old()), "file").keys[:2] == (None, None)


@pytest.mark.parametrize("text", ["", "-", "next:" + "A" * 43 + "=", "nonsense", "QUJD", "é"])
def test_what_is_no_key_file_is_refused(tmp_path: Path, text: str) -> None:
    """The message names the file and never its content."""
    path = tmp_path / "hotline.key"
    path.write_text(text, "utf-8")
    with pytest.raises(KeyUnusable) as raised:
        load_cipher(path)
    assert str(path) in str(raised.value)
    assert not text or text == "-" or text not in str(raised.value).removeprefix(str(path))


def test_keys_are_shown_by_no_error_or_repr() -> None:
    """The text forms of keys, cipher and encrypted values show nothing of them."""
    key = bytes(range(32))
    cipher = Cipher([key])
    sealed = cipher.encrypt(PLACE, "13912345678", ROW)
    text_forms = f"{cipher!r}{cipher.keyring!r}{cipher.keyring.keys[0]!r}{sealed!r}"
    assert "13912345678" not in text_forms
    assert repr(key)[2:-1] not in text_forms
    assert base64.b64encode(key).decode() not in text_forms


def test_a_value_under_a_key_that_came_later_is_opened(tmp_path: Path) -> None:
    """A process that does not know a new key yet reads it from the file when it needs it."""
    path = tmp_path / "hotline.key"
    KeyFile(path).create(KeyRing((new_key(),), 0))
    old, rotating = load_cipher(path), load_cipher(path)
    KeyFile(path).replace(rotating.keyring.with_next(new_key()).rotated())
    rotating.refresh()
    sealed = rotating.encrypt(PLACE, "neu", ROW)
    assert sealed.number == 1
    assert old.decrypt(PLACE, sealed, ROW) == "neu"
    assert old.encrypt(PLACE, "x", ROW).number == 1


def test_a_file_with_other_keys_is_not_taken_up(tmp_path: Path) -> None:
    """Where the file is replaced by a foreign one meanwhile, the old keys stay in use."""
    path = tmp_path / "hotline.key"
    KeyFile(path).create(KeyRing((new_key(),), 0))
    cipher = load_cipher(path)
    before = cipher.encrypt(PLACE, "alt", ROW)
    KeyFile(path).replace(KeyRing((new_key(),), 0))
    cipher.refresh()
    assert cipher.decrypt(PLACE, before, ROW) == "alt"
    path.write_text("half a ke", "ascii")
    cipher.refresh()
    assert cipher.decrypt(PLACE, cipher.encrypt(PLACE, "neu", ROW), ROW) == "neu"


def test_a_new_store_makes_its_key_and_an_old_one_does_not(tmp_path: Path, store_url: str) -> None:
    """A new store creates the key file, mode 600; an encrypted store refuses a new key."""
    path = tmp_path / "keys" / "hotline.key"
    store = Store(store_url, load_cipher(path))
    assert not path.exists()
    upgrade(store)
    assert path.stat().st_mode & 0o777 == 0o600
    store.close()
    path.rename(tmp_path / "kept")
    for key_text in (None, "2:" + base64.b64encode(bytes(32)).decode()):
        other_store = Store(store_url, load_cipher(path, key_text))
        with pytest.raises(KeyUnusable, match="HOTLINE_KEY"):
            upgrade(other_store)
        other_store.close()
        assert not path.exists()
    right = Store(store_url, load_cipher(path, (tmp_path / "kept").read_text()))
    upgrade(right)
    right.close()


def test_every_sealed_column_is_sealed_again(store_url: str, tmp_path: Path) -> None:
    """After a rotation nothing is under the old key, and values, hashes and chain still hold."""
    path = tmp_path / "hotline.key"
    KeyFile(path).create(KeyRing((Key(bytes(range(32))),), 0))
    with prepared_store(store_url) as store:
        cipher = load_cipher(path)
        store.cipher = cipher
        upgrade(store)
        feed(store, [letter("K1", "2026-11-02T09:00")], NOW)
        advance_tickets(store, ["K1"], NOW)
        facts = row_of(store, "K1").facts
        KeyFile(path).replace(cipher.keyring.with_next(new_key()).rotated())
        with store.reading() as session:
            before = count_by_key(session)
        assert set(before) == {0}
        # stopped after its first batch, then begun again
        first = next(iter(reencrypt(store)))
        assert first > 0
        assert sum(reencrypt(store)) == before[0] - first
        with store.reading() as session:
            assert count_by_key(session) == {1: before[0]}
            for table, column in encrypted_columns():
                for row in encrypted_rows(session, table, column):
                    assert session.decrypt(column, row) is not None, table.name
        KeyFile(path).replace(cipher.keyring.without_old())
        again = Store(store_url, load_cipher(path))
        upgrade(again)
        feed(again, [letter("K2", "2026-11-02T09:30")], NOW)
        advance_tickets(again, ["K2"], NOW)
        # the same claimant with other facts; the same facts keep the hash that they had
        assert row_of(again, "K1").facts == facts
        assert verify(again).broken is None
        again.close()


def test_a_rotation_needs_no_restart(store_url: str, tmp_path: Path) -> None:
    """While one thread feeds and advances, another rotates three times: nothing fails."""
    path = tmp_path / "hotline.key"
    KeyFile(path).create(KeyRing((Key(bytes(range(32))),), 0))
    with prepared_store(store_url) as store:
        store.cipher = load_cipher(path)
        upgrade(store)
        other = Store(store_url, load_cipher(path))
        upgrade(other)
        errors: list[Exception] = []

        def work() -> None:
            try:
                for number in range(12):
                    feed(store, [letter(f"R{number}", "2026-11-02T09:00")], NOW)
                    # what the other holds just now is rung for again
                    while advance_tickets(store, [f"R{number}"], NOW).skipped:
                        pass
            except Exception as error:
                errors.append(error)

        working = threading.Thread(target=work)
        working.start()
        for _ in range(3):
            KeyFile(path).replace(other.cipher.keyring.with_next(new_key()).rotated())
            sum(reencrypt(other))
        working.join()
        assert not errors
        sum(reencrypt(other))
        with other.reading() as session:
            assert set(count_by_key(session)) == {3}
        assert verify(other).tickets == 12
        assert verify(other).broken is None
        other.close()


def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prepared, rotated, retired; a key from the environment is not for the command to change."""
    hotline = InProcessHotline(tmp_path / "home", monkeypatch, capsys)
    hotline("db", "upgrade")
    key = hotline.home / "hotline.key"
    first = hotline.json("keys", "show")
    assert [k["state"] for k in first] == ["seals"]
    assert first[0]["values"] > 0
    hotline("keys", "prepare")
    hotline("keys", "prepare")
    assert [k["state"] for k in hotline.json("keys", "show")] == ["seals", "waits"]
    hotline("keys", "rotate")
    keys = hotline.json("keys", "show")
    assert [(k["state"], k["values"]) for k in keys] == [
        ("opens", 0),
        ("seals", first[0]["values"]),
    ]
    assert keys[0]["name"] == first[0]["name"] == _keys(key)[0].name
    assert "ten minutes" in hotline("keys", "retire", code=1).stderr
    os.utime(key, (0, 0))
    hotline("keys", "retire")
    assert key.read_text().splitlines()[0] == "-"
    text = key.read_text()
    error = hotline("keys", "rotate", code=1, KEY=text).stderr
    assert "HOTLINE_KEY" in error
    assert text.split()[1].removeprefix("2:") not in error
    hotline("queue", KEY=text)
    key.unlink()
    assert "its key is missing" in hotline("queue", code=1).stderr
    assert not key.exists()


def _keys(path: Path) -> list[Key]:
    return [key for key in KeyFile(path).read().keys if key is not None]


def test_a_sealed_value_says_which_key_opens_it() -> None:
    """Nothing else of it can be read."""
    cipher = Cipher(KeyRing((new_key(), new_key()), 1))
    sealed = cipher.encrypt(PLACE, {"a": 1}, ROW)
    assert sealed.number == 1
    with pytest.raises(KeyUnusable):
        Cipher(KeyRing((new_key(),), 0)).decrypt(PLACE, sealed, ROW)
    for raw in (bytes([1]) + bytes(40), bytes([1]), bytes([1]) + bytes(5)):
        with pytest.raises(ForgedValue):
            cipher.decrypt(PLACE, Encrypted(raw), ROW)
    with pytest.raises(KeyUnusable):
        cipher.decrypt(PLACE, Encrypted(b""), ROW)
