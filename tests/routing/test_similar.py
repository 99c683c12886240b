"""Letters of several claimants about one matter are shown together; one claimant's are not."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from models.database import Store
from models.operations.similar import add_bands, delete_old_bands, new_bands
from models.queries.similar import SimilarTickets, similar_tickets
from models.rules.similarity import bands_of
from models.security.keys import Key, KeyRing
from models.tables.core import SIMILARITY
from tests.store.factories import advance_tickets, at, feed, letter, prepared_store
from workers.similar import SimilarityScan

_NOW = at("2026-10-12T12:00")
_SINCE = _NOW - timedelta(days=30)
_SAID = (
    "河浦路与磊广公路交界处的红绿灯坏了三天，上下班时间车辆抢行，已经发生两起碰撞，"
    "请交警部门尽快派人维修，并在修好之前安排人员指挥交通。"
)
_AGAIN = _SAID.replace("三天", "好几天").replace("尽快派人", "马上来人") + "谢谢！"


def _write(store: Store, ticket: str, content: str, phone: str, day: int = 12) -> None:
    body = letter(ticket, f"2026-10-{day:02d}T09:00:00+08:00", content=content, title="红绿灯坏了")
    body["claimant"] = {"name": "某人", "phone": phone}
    feed(store, [body], _NOW)
    advance_tickets(store, [ticket], _NOW)


def _look(store: Store, most: int = 100) -> int:
    with store.reading() as session:
        bands = new_bands(session, _SINCE, most).rows
    with store.writing() as session:
        if bands:
            add_bands(session, bands)
            add_bands(session, bands)
    return len({band["ticket_id"] for band in bands})


def _hashes(store: Store) -> set[int]:
    with store.reading() as session:
        return {h for row in session.scalars(select(SIMILARITY.c.hashes)) for h in bands_of(row)}


def _matters(store: Store, **more: Any) -> list[SimilarTickets]:
    with store.reading() as session:
        return similar_tickets(session, _SINCE, **more)


def test_letters_of_several_claimants_are_one_matter(store: Store) -> None:
    """The same said in other words is found; another subject and a short letter are not."""
    _write(store, "A1", _SAID, "13800000001", day=9)
    _write(store, "A2", _AGAIN, "13800000002", day=10)
    _write(store, "A3", "青洲盐场旁的垃圾堆了两周没人清运，苍蝇很多，请来看看。", "13800000003")
    _write(store, "A4", "坏了", "13800000004")
    assert _look(store) == 4
    assert _look(store) == 0
    (result,) = _matters(store)
    assert [alike.ticket for alike in result.tickets] == ["A1", "A2"]
    assert result.claimants == 2
    assert result.tickets[0].in_common == 1
    assert 0.5 < result.tickets[1].in_common < 1


def test_one_claimant_alone_is_no_matter(store: Store) -> None:
    """However the phone is written; that is 2.2.6."""
    _write(store, "B1", _SAID, "138 0000 0001")
    _write(store, "B2", _AGAIN, "+86-13800000001")
    _look(store)
    assert _matters(store) == []


def test_letters_are_looked_at_a_few_at_a_time(store: Store) -> None:
    """Later letters and leftovers come next; no letter is compared twice."""
    for number in range(5):
        _write(store, f"C{number}", _SAID, f"1380000000{number}")
    assert [_look(store, 2) for _turn in range(4)] == [2, 2, 1, 0]
    _write(store, "C9", _AGAIN, "13800000009")
    assert _look(store) == 1
    (result,) = _matters(store)
    assert result.claimants == 6


def test_closed_matters_are_shown_on_demand(store: Store) -> None:
    """A matter whose tickets are all closed is no proposal any more."""
    for number in (1, 2):
        _write(store, f"D{number}", _SAID, f"1380000000{number}")
        left = {"id": f"w{number}", "at": "2026-10-12T10:00:00+08:00", "type": "claimant.withdrew"}
        feed(store, [left | {"ticket": f"D{number}", "to": "hotline"}], _NOW)
        advance_tickets(store, [f"D{number}"], _NOW)
    _look(store)
    assert _matters(store) == []
    assert len(_matters(store, closed=True)) == 1


def test_a_worker_looks_only_while_it_is_idle(store: Store) -> None:
    """While it has done something since the last turn, letters wait; then old ones are dropped."""
    _write(store, "G1", _SAID, "13800000001", day=9)
    _write(store, "G2", _SAID, "13800000002", day=11)
    idle = SimilarityScan(store, lambda: _NOW)
    for done in range(40):
        idle(done, "")
    for _turn in range(40):
        idle(40, "routing 500")
    assert not _hashes(store)
    for _turn in range(40):
        idle(40, "")
    assert len(_matters(store)) == 1
    much_later = SimilarityScan(store, lambda: _NOW + timedelta(days=60))
    for _turn in range(40):
        much_later(40, "")
    assert not _hashes(store)


def test_old_letters_are_forgotten(store: Store) -> None:
    """Their bands go when nobody compares with them any more."""
    _write(store, "E1", _SAID, "13800000001", day=9)
    _write(store, "E2", _SAID, "13800000002", day=11)
    _look(store)
    with store.writing() as session:
        delete_old_bands(session, at("2026-10-10T00:00"))
        assert session.scalar(select(func.count(SIMILARITY.c.ticket_id.distinct()))) == 1
    assert _matters(store) == []


def test_what_is_kept_tells_nothing_without_the_key(store: Store, tmp_path: Path) -> None:
    """Another district's key makes other hashes of the same letter."""
    _write(store, "F1", _SAID, "13800000001")
    _look(store)
    hashes = _hashes(store)
    assert len(hashes) == 16
    ring = KeyRing((Key(bytes(32)),), 0)
    with prepared_store(f"sqlite:///{tmp_path / 'other.db'}", ring=ring) as other:
        _write(other, "F1", _SAID, "13800000001")
        _look(other)
        other_hashes = _hashes(other)
    assert not hashes & other_hashes
