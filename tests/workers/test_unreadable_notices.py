"""A notice that cannot be read, as something else has written into its row, holds up no other."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from models.database import Store
from models.rulebook import RulebookUnusable
from models.rules.queues import DELIVERY
from models.rules.vocabulary import NoticeState
from models.tables.core import NOTICE
from tests.store.factories import at
from tests.workers.dispatching import YELLOW, ManualClock, notice_dispatcher, notices, yellow_cards
from tests.workers.processes import wait_until
from tests.workers.receivers import web_server
from workers.actors import WorkerContext, dispatch_batch
from workers.notices.dispatcher import NoticeDispatcher

NOW = at(YELLOW)
CARDS = 7
HOOK = """
[channel.hook]
url = "json://127.0.0.1:{port}/n"
timeout = 1

[[rule]]
channels = ["hook"]
"""

_OF_THE_LINE = "FROM notice WHERE notice.ticket_id = event.ticket_id AND notice.seq = event.seq"
NO_EVENT = f"UPDATE event SET data = :garbage WHERE EXISTS (SELECT 1 {_OF_THE_LINE} AND id = :id)"
OF_ITS_TICKET = "WHERE id = (SELECT ticket_id FROM notice WHERE id = :id)"
ON_SQLITE = (
    "UPDATE notice SET queued_at = X'FFFFFFFFFF' WHERE id = :id",
    "UPDATE notice SET queued_at = 7 WHERE id = :id",
    "UPDATE notice SET unit = CAST(X'FF' AS TEXT) WHERE id = :id",
    # which only recording needs
    "UPDATE notice SET tries = 'x' WHERE id = :id",
    f"UPDATE ticket SET seq = 'x' {OF_ITS_TICKET}",
    f"UPDATE ticket SET hash = 'x' {OF_ITS_TICKET}",
    f"UPDATE ticket SET row_hash = 'x' {OF_ITS_TICKET}",
)
ON_BOTH = (
    NO_EVENT,
    "UPDATE notice SET kind = 'zzz' WHERE id = :id",
    "UPDATE notice SET tries = 2147483647 WHERE id = :id",
    f"UPDATE ticket SET seq = seq - 1 {OF_ITS_TICKET}",
)


def _forge(store: Store, statement: str, notice: int) -> None:
    with store.writing() as session:
        values = {"id": notice} | ({"garbage": b"{"} if ":garbage" in statement else {})
        session.execute(text(statement), values)


def _sent_but(store: Store, forged: str, folder: Path) -> None:
    yellow_cards(store, CARDS)
    cards = {notice.id: f"Y{n:03}" for n, notice in enumerate(notices(store, "yellow"))}
    unreadable = list(cards)[3]
    _forge(store, forged, unreadable)
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


@pytest.mark.parametrize("forged", ON_BOTH)
def test_so_they_are_on_both_databases(store: Store, forged: str, tmp_path: Path) -> None:
    """Also where what becomes of it could not be recorded: all would be sent at each bell."""
    _sent_but(store, forged, tmp_path)


@pytest.mark.parametrize("forged", [NO_EVENT, f"UPDATE ticket SET seq = seq - 1 {OF_ITS_TICKET}"])
def test_the_others_of_its_message_go_without_it(store: Store, forged: str, tmp_path: Path) -> None:
    """A message that failed is repeated as it was, but for what cannot be sent."""
    clock = ManualClock(NOW)
    yellow_cards(store, CARDS)
    cards = [notice.id for notice in notices(store, "yellow")]
    with (
        web_server() as (server, port),
        notice_dispatcher(store, clock, tmp_path, HOOK.format(port=port)) as dispatcher,
    ):
        context = WorkerContext(store, clock, dispatcher)
        server.answer = 500
        for _time in range(2):
            dispatch_batch(context, DELIVERY, cards)
            clock.pass_by(timedelta(minutes=2))
        wait_until(lambda: {n.tries for n in notices(store, "yellow")} == {1}, 40, "a failed try")
        server.answer = 200
        _forge(store, forged, cards[3])
        dispatch_batch(context, DELIVERY, cards)
        states = sorted(["queued"] + ["sent"] * (CARDS - 1))
        wait_until(
            lambda: sorted(n.state for n in notices(store, "yellow")) == states, 40, "the others"
        )
        yellow_cards(store, 1, first=CARDS)
        for _time in range(2):
            # no later card takes it along, however long cards are gathered
            clock.pass_by(timedelta(minutes=9))
            dispatch_batch(context, DELIVERY, [notices(store, "yellow")[-1].id])
        wait_until(lambda: len(server.ids) == 2, 40, "the later one")
    assert [n.state for n in notices(store, "yellow")].count("queued") == 1


def test_what_cannot_be_recorded_after_all_has_no_other_sent_again(
    store: Store, tmp_path: Path
) -> None:
    """Somebody writes into a ticket's row while its card is being sent."""
    yellow_cards(store, CARDS)
    cards = [notice.id for notice in notices(store, "yellow")]
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    routed = dispatcher.route(cards)
    _forge(store, f"UPDATE ticket SET seq = seq - 1 {OF_ITS_TICKET}", cards[3])
    dispatcher.send(routed)
    states = {notice.id: notice.state for notice in notices(store, "yellow")}
    assert states == dict.fromkeys(cards, "sent") | {cards[3]: "queued"}


@pytest.mark.parametrize("names", ["'7'", "'{'"])
def test_without_a_rulebook_all_notices_wait(store: Store, names: str, tmp_path: Path) -> None:
    """None of them is to blame, and none is postponed."""
    yellow_cards(store, CARDS)
    cards = [notice.id for notice in notices(store, "yellow")]
    columns = "code, label, parent, position, version, names"
    with store.writing() as session:
        session.execute(text(f"INSERT INTO topic ({columns}) VALUES ('x', 'x', '', 1, 1, {names})"))
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    context = WorkerContext(store, lambda: NOW, dispatcher)
    with pytest.raises(RulebookUnusable):
        dispatch_batch(context, DELIVERY, cards)
    assert {(n.state, n.ring_at) for n in notices(store, "yellow")} == {("queued", NOW)}
