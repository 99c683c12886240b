"""`hotline db move`: a store goes to another database and back, and loses nothing on the way."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from models.database import Session, Store
from models.operations.store_closing import Closing, close, hold_writers, reopen
from models.operations.store_copy import dump_store
from models.schema import NEWEST
from models.store_errors import StoreError, is_store_fault, is_transient
from models.tables.core import INBOX
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import advance_tickets, at, feed, letter

NOW = at("2026-11-20T09:00")


def _fill(store: Store) -> None:
    feed(store, [letter(number, "2026-11-02T09:00") for number in ("M1", "M2")], NOW)
    advance_tickets(store, ["M1"], NOW)


pytestmark = pytest.mark.store(fill=_fill)


def _lines(session: Session) -> list[bytes]:
    return list(dump_store(session, NEWEST, NOW))


def test_a_store_is_moved_and_closed(
    hotline: InProcessHotline, store: Store, other_url: str, database: str
) -> None:
    """The other one has its rows, and goes on; this one takes no change and says where it went."""
    assert "moved: 1 tickets" in hotline("db", "move", "--to", other_url).stdout
    with store.reading(snapshot=True) as session:
        left = _lines(session)
    assert "was moved" in hotline("queue", code=1).stderr
    assert "was moved" in hotline("doctor", code=1).stdout
    for write in (
        lambda: feed(store, [letter("M3", "2026-11-02T09:00")], NOW),
        lambda: advance_tickets(store, ["M2"], NOW),
    ):
        with pytest.raises(StoreError) as refused:
            write()
        # so that no worker takes it for a fault of the row, or tries again
        assert is_store_fault(refused.value) and not is_transient(refused.value)
    there = {"DATABASE_URL": other_url}
    moved = Store(other_url, store.cipher)
    with moved.reading(snapshot=True) as session:
        assert _lines(session) == left
    assert hotline.json("log", "--verify", **there)["findings"] == []
    advance_tickets(moved, ["M2"], NOW)
    # the same again finds it done
    assert "moved: 2 tickets" in hotline("db", "move", "--to", other_url).stdout
    moved.close()
    store.close()
    # and back, but not among rows
    assert "has rows" in hotline("db", "move", "--to", store.url, code=1, **there).stderr
    assert [row["ticket"] for row in hotline.json("queue", **there)] == ["M1", "M2"]


@pytest.mark.parametrize("broken_off", ["filled", "closed"])
def test_a_move_that_broke_off_is_begun_again(
    hotline: InProcessHotline, store: Store, other_url: str, broken_off: str
) -> None:
    """After the other one was filled, where the service went on; and after this one was closed."""
    hotline("db", "move", "--to", other_url)
    moved = Store(other_url, store.cipher)
    with moved.writing() as session:
        close(session, Closing.FILLING)
    there = {"DATABASE_URL": other_url}
    assert "broke off" in hotline("queue", code=1, **there).stderr
    if broken_off == "filled":
        with store.writing() as session:
            reopen(session, Closing.MOVED)
        advance_tickets(store, ["M2"], NOW)
    moved.close()
    hotline("db", "move", "--to", other_url)
    assert hotline.json("log", "--verify", **there)["findings"] == []
    tickets = ["M1", "M2"] if broken_off == "filled" else ["M1"]
    assert [row["ticket"] for row in hotline.json("queue", **there)] == tickets
    assert "was moved" in hotline("queue", code=1).stderr


def test_nothing_is_lost_that_comes_meanwhile(
    hotline: InProcessHotline, store: Store, other_url: str
) -> None:
    """Somebody feeds all the time: what was taken is in the new store, what was not is refused."""
    taken: list[str] = []
    refused: list[StoreError] = []
    begun = threading.Event()

    def keep_feeder() -> None:
        source = Store(store.url, store.cipher)
        while not refused:
            number = f"N{len(taken)}"
            try:
                feed(source, [letter(number, "2026-11-02T09:00")], NOW)
            except StoreError as error:
                if not is_transient(error):
                    refused.append(error)
                continue
            taken.append(number)
            begun.set()
        source.close()

    feeder = threading.Thread(target=keep_feeder)
    feeder.start()
    assert begun.wait(20)
    hotline("db", "move", "--to", other_url)
    feeder.join(60)
    assert is_store_fault(refused[0])
    moved = Store(other_url, store.cipher)
    with moved.reading() as session:
        assert set(session.scalars(select(INBOX.c.ticket))) == {"M1", "M2", *taken}
    moved.close()


def test_a_closed_store_is_moved_nowhere_else(
    hotline: InProcessHotline, store: Store, tmp_path: Path
) -> None:
    """Its rows stand still there; and nobody but who may maintain the store moves it."""
    with store.writing() as session:
        hold_writers(session)
        close(session, Closing.MOVED)
    url = f"sqlite:///{tmp_path / 'third.db'}"
    assert "moved before" in hotline("db", "move", "--to", url, code=1).stderr
    with store.writing() as session:
        reopen(session, Closing.MOVED)
        assert session.scalars(select(INBOX.c.id)).all()
    for target in ("mysql://x", "postgresql+psycopg://h:secret@127.0.0.1:1/h"):
        error = hotline("db", "move", "--to", target, code=1).stderr
        assert "--to" in error and "HOTLINE_DATABASE_URL" not in error and "secret" not in error
