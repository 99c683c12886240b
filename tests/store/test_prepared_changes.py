"""Changes computed before the store is locked: written where they hold, else computed again."""

import os
import random
import signal
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from models.database import Store
from models.operations.advance import AdvanceResult, advance, prepare
from models.operations.prepared_changes import PreparedChanges
from models.operations.units import replace_units
from models.queries.verification import verify
from models.rulebook import RulebookCache
from models.security.keys import new_key
from models.tables.core import EVENT, INBOX, TICKET
from tests.store.factories import (
    advance_tickets,
    at,
    feed,
    letter,
    log_of,
    message,
    simple_units,
    unlocked_store,
)
from tests.workers.processes import wait_until
from workers.actors import WorkerContext, advance_batch
from workers.notices.dispatcher import NoticeDispatcher

NOW = at("2026-11-02T10:00")
_SAME = {"title": "路灯不亮", "content": "濠江区达濠街道的路灯坏了三天，晚上看不清路。"}
_NUMBERS = ["A1", "A2"]


def _fill(store: Store) -> None:
    """One ticket that its unit has accepted meanwhile, and a letter, both with work waiting."""
    feed(store, [letter("A1", "2026-11-02T09:00")], NOW)
    advance_tickets(store, ["A1"], NOW)
    feed(store, [message("A1", "unit.accepted", "2026-11-02T09:30")], NOW)
    feed(store, [letter("A2", "2026-11-02T09:40", **_SAME)], NOW)


# only SQLite has one writer, and only there anything is computed before
pytestmark = pytest.mark.store(databases=["sqlite"], fill=_fill, whole=True)


class _Worker:
    """A worker's two steps, each by itself."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rulebooks = RulebookCache()

    def prepare(self) -> PreparedChanges:
        """Compute what is to be written, without the lock."""
        with self.store.reading() as session:
            return prepare(session, _NUMBERS, self.rulebooks.current(session), NOW)

    def write(self, changes: PreparedChanges) -> tuple[bool, AdvanceResult]:
        """Write it, or what is to be written now; returns also whether it was still right."""
        with self.store.writing() as session:
            rulebook = self.rulebooks.current(session)
            holds = changes.still_holds(session, rulebook)
            return holds, advance(session, _NUMBERS, rulebook, NOW, changes)


def _waiting(store: Store) -> int:
    with store.reading() as session:
        waiting = select(func.count()).select_from(INBOX).where(INBOX.c.state == "waiting")
        return session.scalar(waiting) or 0


def _others_begin(store: Store) -> None:
    feed(store, [letter("B1", "2026-11-02T09:20"), letter("B2", "2026-11-02T09:21")], NOW)
    advance_tickets(store, ["B1", "B2"], NOW)


def test_it_holds_whatever_others_do_with_other_tickets(store: Store) -> None:
    """New tickets get ids that the others have not taken."""
    worker = _Worker(store)
    changes = worker.prepare()
    _others_begin(store)
    holds, result = worker.write(changes)
    assert holds and (result.tickets, result.applied, result.skipped) == (2, 2, [])
    assert _waiting(store) == 0
    with store.reading() as session:
        assert session.scalars(select(TICKET.c.number).order_by(TICKET.c.id)).all() == [
            *("A1", "B1", "B2", "A2")
        ]


def _message_comes(store: Store) -> None:
    feed(store, [message("A1", "site.arrived", "2026-11-02T09:50")], NOW)


def _another_is_first(store: Store) -> None:
    advance_tickets(store, ["A2"], NOW)


def _another_knows_first(store: Store) -> None:
    advance_tickets(store, ["A1"], NOW)


def _units_change(store: Store) -> None:
    with store.writing() as session:
        replace_units(session, simple_units(), NOW)


def _key_changes(store: Store) -> None:
    store.cipher._take(store.cipher.keyring.with_next(new_key()).rotated())


def _message_is_encrypted_anew(store: Store) -> None:
    with store.writing() as session:
        row = session.execute(select(INBOX).where(INBOX.c.ticket == "A2")).one()
        body = session.encrypt(INBOX.c.body, session.decrypt(INBOX.c.body, row), row)
        session.execute(update(INBOX).where(INBOX.c.id == row.id).values(body=body))


def _same_letter_begins(store: Store) -> None:
    feed(store, [letter("A0", "2026-11-02T09:10", **_SAME)], NOW)
    advance_tickets(store, ["A0"], NOW)


@pytest.mark.parametrize(
    "happen",
    [
        _message_comes,
        _another_is_first,
        _another_knows_first,
        _units_change,
        _key_changes,
        _message_is_encrypted_anew,
        _same_letter_begins,
    ],
)
def test_it_is_computed_again_where_something_has_changed(
    store: Store, happen: Callable[[Store], None]
) -> None:
    """Nothing is lost, nothing is written twice, and what came between is seen."""
    worker = _Worker(store)
    changes = worker.prepare()
    happen(store)
    holds, _result = worker.write(changes)
    assert not holds
    assert _waiting(store) == 0
    for number in _NUMBERS:
        causes = [line.cause for line in log_of(store, number) if line.name == "ticket.received"]
        assert len(causes) == 1
    earlier = [e.data["earlier"] for e in log_of(store, "A2") if e.name == "screening.proposed"]
    assert earlier == (["A0"] if happen is _same_letter_begins else [])


_PAIRS = 60


def _letters() -> list[dict[str, object]]:
    """Letters that each come twice from the same claimant, some urgent, and what follows them."""
    messages = []
    for n in range(_PAIRS):
        claimant = {"name": "测试者甲", "phone": f"139{n:08}"}
        more = {"emergency": "utilities"} if n % 10 == 0 else {}
        for k, number in enumerate((f"P{n}-1", f"P{n}-2")):
            minute = f"2026-11-02T09:{k * 20:02}"
            messages.append(letter(number, minute, claimant=claimant, **_SAME, **more))
            messages.append(message(number, "unit.accepted", "2026-11-02T09:45"))
    return messages


def _work(url: str, folder: Path, numbers: Sequence[str], seed: int) -> None:
    """Be a worker that answers bells for all these tickets, over and over, in its own order."""
    with unlocked_store(url) as store:
        dispatcher = NoticeDispatcher(store, lambda: NOW, folder, None, "zh")
        context = WorkerContext(store, lambda: NOW, dispatcher)
        order = random.Random(seed)
        while _waiting(store):
            chosen = order.sample(numbers, 12)
            advance_batch(context, "intake", chosen)


def _begun(store: Store) -> int:
    with store.reading() as session:
        return session.scalar(select(func.count()).select_from(TICKET)) or 0


def test_two_workers_on_the_same_tickets(store: Store, tmp_path: Path) -> None:
    """One is killed in the middle of it: every letter begins one ticket, every message counts once.

    A letter that begins after its like is found to repeat it.
    """
    feed(store, _letters(), NOW)
    numbers = [f"P{n}-{k}" for n in range(_PAIRS) for k in (1, 2)] + _NUMBERS
    store.engine.dispose()
    context = get_context("fork")
    start = partial(context.Process, target=_work)
    first, second, third = (start(args=(store.url, tmp_path, numbers, seed)) for seed in (1, 2, 3))
    first.start()
    second.start()
    wait_until(lambda: _begun(store) > _PAIRS // 2, 60, "tickets begin")
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    third.start()
    for worker in (first, second, third):
        worker.join(60)
    assert (second.exitcode, third.exitcode) == (0, 0)
    assert _waiting(store) == 0
    with store.reading() as session:
        received = EVENT.c.name == "ticket.received"
        rows = session.execute(select(EVENT.c.ticket_id).where(received)).scalars().all()
        assert len(rows) == len(set(rows)) == len(numbers)
        ids = {row.number: row.id for row in session.execute(select(TICKET.c.number, TICKET.c.id))}
    repeated = 0
    for n in range(_PAIRS):
        names = [[line.name for line in log_of(store, f"P{n}-{k}")] for k in (1, 2)]
        assert [each.count("ticket.accepted") for each in names] == [1, 1]
        if ids[f"P{n}-1"] < ids[f"P{n}-2"]:
            repeated += 1
            assert "screening.proposed" in names[1]
    assert repeated
    assert verify(store).findings == []
