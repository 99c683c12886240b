"""A notice that cannot be read, as something else has written into its row, holds up no other."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select, text

from models.database import Store
from models.rules.queues import DELIVERY
from models.rules.vocabulary import NoticeState
from models.tables.core import NOTICE
from tests.store.factories import at
from tests.workers.dispatching import YELLOW, notices, yellow_cards
from workers.actors import WorkerContext, dispatch_batch
from workers.notices.dispatcher import NoticeDispatcher

NOW = at(YELLOW)
CARDS = 7

_OF_THE_LINE = "FROM notice WHERE notice.ticket_id = event.ticket_id AND notice.seq = event.seq"
NO_EVENT = f"UPDATE event SET data = :garbage WHERE EXISTS (SELECT 1 {_OF_THE_LINE} AND id = :id)"
ON_SQLITE = (
    "UPDATE notice SET queued_at = X'FFFFFFFFFF' WHERE id = :id",
    "UPDATE notice SET queued_at = 7 WHERE id = :id",
    "UPDATE notice SET unit = CAST(X'FF' AS TEXT) WHERE id = :id",
)


def _sent_but(store: Store, forged: str, folder: Path) -> None:
    yellow_cards(store, CARDS)
    cards = {notice.id: f"Y{n:03}" for n, notice in enumerate(notices(store, "yellow"))}
    unreadable = list(cards)[3]
    with store.writing() as session:
        values = {"id": unreadable} | ({"garbage": b"{"} if ":garbage" in forged else {})
        session.execute(text(forged), values)
    dispatcher = NoticeDispatcher(store, lambda: NOW, folder, None, "zh")
    context = WorkerContext(store, lambda: NOW, dispatcher)
    for _time in range(2):
        assert dispatch_batch(context, DELIVERY, list(cards)) == CARDS
    lines = (folder / "notices.jsonl").read_text("utf-8").splitlines()
    tickets = sorted(json.loads(line)["id"].partition("-")[0] for line in lines)
    assert tickets == sorted(number for row, number in cards.items() if row != unreadable)
    with store.reading() as session:
        waiting = select(NOTICE.c.id).where(
            NOTICE.c.state == NoticeState.QUEUED, NOTICE.c.ring_at > NOW
        )
        assert session.scalars(waiting).all() == [unreadable]
    assert context.failed == 2


@pytest.mark.store(databases=["sqlite"])
@pytest.mark.parametrize("forged", ON_SQLITE)
def test_the_others_are_sent_once(store: Store, forged: str, tmp_path: Path) -> None:
    _sent_but(store, forged, tmp_path)


def test_so_they_are_where_its_line_of_the_log_says_nothing(store: Store, tmp_path: Path) -> None:
    _sent_but(store, NO_EVENT, tmp_path)
