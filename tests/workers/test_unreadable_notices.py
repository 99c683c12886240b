"""A notice that cannot be read, as something else has written into its row, holds up no other."""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from models.database import Store
from models.errors import HotlineError
from models.operations.notices.record import MAX_TRIES
from models.queries.verification import verify
from models.rulebook import RulebookUnusable
from models.rules.queues import DELIVERY
from models.rules.vocabulary import NoticeState
from models.security.encryption import KeyUnusable
from models.tables.core import EVENT, NOTICE, TICKET
from scripts.service.check_result import PROBLEM, CheckResult
from scripts.service.failure_checks import check_stuck_notices
from tests.store.factories import RESULT, advance_tickets, at, feed, message
from tests.workers.dispatching import YELLOW, ManualClock, notice_dispatcher, notices, yellow_cards
from tests.workers.processes import wait_until
from tests.workers.receivers import WebServer, web_server
from tests.workers.test_similar_notices import calls
from workers.actors import WorkerContext, dispatch_batch
from workers.halving import by_halves
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
    f"UPDATE ticket SET seq = CAST(seq AS BLOB) {OF_ITS_TICKET}",
    f"UPDATE ticket SET seq = 9223372036854775807 {OF_ITS_TICKET}",
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


def _try_in_vain(
    context: WorkerContext, clock: ManualClock, server: WebServer, cards: Sequence[int]
) -> None:
    """Let the channel refuse the cards once, as one message, and let its pause pass."""
    server.answer = 500
    dispatch_batch(context, DELIVERY, cards)
    clock.pass_by(timedelta(minutes=2))
    dispatch_batch(context, DELIVERY, cards)
    # time stands still until then: a hold lasts for two minutes
    wait_until(
        lambda: {n.tries for n in notices(context.store, "yellow")} == {1}, 40, "a failed try"
    )
    clock.pass_by(timedelta(minutes=2))
    server.answer = 200


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
        _try_in_vain(context, clock, server, cards)
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


def test_a_notice_that_waits_longer_than_any_holidays_is_a_problem(store: Store) -> None:
    yellow_cards(store, 1)
    assert not _stuck(store, NOW + timedelta(days=9))
    assert [result.state for result in _stuck(store, NOW + timedelta(days=15))] == [PROBLEM]


def _stuck(store: Store, now: datetime) -> list[CheckResult]:
    with store.reading() as session:
        return list(check_stuck_notices(session, now))


@pytest.mark.parametrize("tries", ["0", "2147483647"])
def test_what_is_sent_and_never_recorded_is_sent_ever_more_rarely(
    store: Store, tries: str, tmp_path: Path
) -> None:
    """Whatever the cause. Once it can be recorded nothing differs from its log."""
    yellow_cards(store, 2)
    cards = [notice.id for notice in notices(store, "yellow")]
    _forge(store, f"UPDATE ticket SET seq = seq - 1 {OF_ITS_TICKET}", cards[0])
    _forge(store, f"UPDATE notice SET tries = {tries} WHERE id = :id", cards[0])
    context = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")._context
    minutes = []
    for _time in range(10):
        context.record_outcomes(dict.fromkeys(cards, None), "file")
        (first, second) = notices(store, "yellow")
        assert (first.state, second.state) == ("queued", "sent")
        minutes.append((first.ring_at - NOW).total_seconds() / 60)
    longest = 10.0 * 2**MAX_TRIES
    assert minutes == (
        [10.0 * 2 ** min(n, MAX_TRIES) for n in range(10)] if tries == "0" else [longest] * 10
    )
    (stuck,) = _stuck(store, NOW)
    assert stuck.state == PROBLEM
    with store.reading() as session:
        ticket = select(TICKET.c.number).join(NOTICE, NOTICE.c.ticket_id == TICKET.c.id)
        assert session.scalars(ticket.where(NOTICE.c.id == cards[0])).one() in stuck.text
    _forge(store, f"UPDATE ticket SET seq = seq + 1 {OF_ITS_TICKET}", cards[0])
    context.record_outcomes({cards[0]: None}, "file")
    assert _states(store, cards) == {"sent"}
    assert not _stuck(store, NOW)
    assert verify(store).findings == []


def test_the_worker_s_log_says_what_helps(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the log goes on after its end, its row need not be what was altered."""
    yellow_cards(store, 1)
    (card,) = notices(store, "yellow")
    columns = ", ".join(f'"{column.name}"' for column in EVENT.c if column.name != "seq")
    with store.writing() as session:
        session.execute(
            text(
                f"INSERT INTO event (seq, {columns}) SELECT seq + 1, {columns} FROM event"
                f" WHERE ticket_id = {card.ticket_id} AND seq ="
                f" (SELECT max(seq) FROM event WHERE ticket_id = {card.ticket_id})"
            )
        )
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    dispatch_batch(WorkerContext(store, lambda: NOW, dispatcher), DELIVERY, [card.id])
    assert "restore the log from a backup" in caplog.text


def test_two_that_are_postponed_are_two_messages(store: Store, tmp_path: Path) -> None:
    """They may be of two persons; what was recorded since is not postponed any more."""
    yellow_cards(store, 3)
    cards = [notice.id for notice in notices(store, "yellow")]
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    context = WorkerContext(store, lambda: NOW, dispatcher)
    dispatch_batch(context, DELIVERY, cards[:1])
    for row in cards:
        dispatcher.postpone(row, ValueError())
    sent, *others = notices(store, "yellow")
    assert (sent.state, sent.parcel) == ("sent", None)
    assert [other.parcel for other in others] == [
        f"Y{n:03}-{other.seq}" for n, other in enumerate(others, 1)
    ]
    assert {other.ring_at - NOW for other in others} == {timedelta(minutes=10)}


def test_what_was_sent_is_recorded_before_others_are_dropped(store: Store, tmp_path: Path) -> None:
    """It would be sent again if dropping failed."""
    yellow_cards(store, 2)
    rows = [notice.id for notice in notices(store)]
    answer = message("Y000", "result.submitted", "2026-03-13T08:30", **RESULT)
    accepted = message("Y000", "unit.accepted", "2026-03-13T08:29")
    feed(store, [accepted, answer], NOW)
    advance_tickets(store, ["Y000"], NOW)
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    routed = dispatcher.route(rows)
    over = [n for each in routed.by_channel.values() for n in each if n.over is not None]
    _forge(store, f"UPDATE ticket SET seq = seq - 1 {OF_ITS_TICKET}", over[0].row)
    with pytest.raises(HotlineError, match="Y000"):
        dispatcher.send(routed)
    assert over[0].ticket == "Y000"
    standing = [n for each in routed.by_channel.values() for n in each if n.over is None]
    assert _states(store, [n.row for n in standing if n.ticket == "Y001"]) == {"sent"}


@pytest.mark.parametrize("forged", [NO_EVENT, f"UPDATE ticket SET seq = seq - 1 {OF_ITS_TICKET}"])
def test_one_that_is_gathered_keeps_the_others_not_waiting(
    store: Store, forged: str, tmp_path: Path
) -> None:
    """Something else has written into it after it was routed, and before its own bell."""
    _gathered_but(store, lambda later: _forge(store, forged, later), tmp_path)


def test_so_it_is_where_nobody_can_read_it(store: Store, tmp_path: Path) -> None:
    unreadable = "X'FF'" if store.has_one_writer else "'infinity'"
    forged = f"UPDATE notice SET queued_at = {unreadable} WHERE id = :id"
    _gathered_but(store, lambda later: _forge(store, forged, later), tmp_path)


def _gathered_but(store: Store, forge: Callable[[int], None], folder: Path) -> None:
    clock = ManualClock(NOW)
    yellow_cards(store, 4)
    with (
        web_server() as (server, port),
        notice_dispatcher(store, clock, folder, HOOK.format(port=port)) as dispatcher,
    ):
        context = WorkerContext(store, clock, dispatcher)
        cards = [notice.id for notice in notices(store, "yellow")]
        dispatch_batch(context, DELIVERY, cards)
        clock.pass_by(timedelta(minutes=1))
        yellow_cards(store, 1, first=4)
        (later,) = [notice.id for notice in notices(store, "yellow") if notice.id not in cards]
        dispatch_batch(context, DELIVERY, [later])
        forge(later)
        clock.pass_by(timedelta(minutes=1, seconds=1))
        dispatch_batch(context, DELIVERY, cards)
        wait_until(lambda: _states(store, cards) == {"sent"}, 40, "the four cards")
        assert len(server.ids) == 1, "they are one message"
    assert _states(store, [later]) == {"queued"}


def _states(store: Store, rows: Collection[int]) -> set[str]:
    with store.reading() as session:
        return set(session.scalars(select(NOTICE.c.state).where(NOTICE.c.id.in_(rows))))


def test_a_message_that_is_repeated_goes_without_what_nobody_can_read(
    store: Store, tmp_path: Path
) -> None:
    """Of its other notices none is postponed."""
    clock = ManualClock(NOW)
    yellow_cards(store, CARDS)
    cards = [notice.id for notice in notices(store, "yellow")]
    with (
        web_server() as (server, port),
        notice_dispatcher(store, clock, tmp_path, HOOK.format(port=port)) as dispatcher,
    ):
        context = WorkerContext(store, clock, dispatcher)
        _try_in_vain(context, clock, server, cards)
        unreadable = "X'FF'" if store.has_one_writer else "'infinity'"
        _forge(store, f"UPDATE notice SET queued_at = {unreadable} WHERE id = :id", cards[3])
        others = [card for card in cards if card != cards[3]]
        dispatch_batch(context, DELIVERY, others)
        wait_until(lambda: _states(store, others) == {"sent"}, 40, "the others")
        assert len(server.ids) == 1, "they are one message"


def test_so_it_is_where_it_was_rung_for_too(store: Store, tmp_path: Path) -> None:
    """It was written over while it waited for the channel's turn."""
    clock = ManualClock(NOW)
    yellow_cards(store, CARDS)
    cards = [notice.id for notice in notices(store, "yellow")]
    with (
        web_server() as (_server, port),
        notice_dispatcher(store, clock, tmp_path, HOOK.format(port=port)) as dispatcher,
    ):
        dispatch_batch(WorkerContext(store, clock, dispatcher), DELIVERY, cards)
        clock.pass_by(timedelta(minutes=2))
        unreadable = "X'FF'" if store.has_one_writer else "'infinity'"
        _forge(store, f"UPDATE notice SET queued_at = {unreadable} WHERE id = :id", cards[3])
        held = dispatcher._workers["hook"]._hold_readable(cards, timedelta(minutes=2))
    assert [batch.rows for batch in held.batches] == [[c for c in cards if c != cards[3]]]


def test_an_altered_letter_silences_no_channel(store: Store, tmp_path: Path) -> None:
    """Its notice is sent as well: it is merely like no other."""
    clock = ManualClock(NOW)
    yellow_cards(store, 2)
    calls(store, ["P01", "P02", "P03"], NOW)
    with store.writing() as session:
        another = "(SELECT body FROM inbox WHERE ticket = 'P01' LIMIT 1)"
        session.execute(text(f"UPDATE inbox SET body = {another} WHERE ticket = 'P02'"))
    with (
        web_server() as (_server, port),
        notice_dispatcher(store, clock, tmp_path, HOOK.format(port=port)) as dispatcher,
    ):
        context = WorkerContext(store, clock, dispatcher)
        rows = [notice.id for notice in notices(store, "yellow", "dispatched")]
        dispatch_batch(context, DELIVERY, rows)
        clock.pass_by(timedelta(minutes=2, seconds=1))
        dispatch_batch(context, DELIVERY, rows)
        # that of a yellow card's ticket is over by then
        wait_until(lambda: _states(store, rows) == {"sent", "dropped"}, 40, "all of them")


def test_a_missing_key_is_tried_once() -> None:
    tried: list[Sequence[int]] = []

    def work(items: Sequence[int]) -> int:
        tried.append(items)
        if 2 in items:
            raise KeyUnusable("no key")
        return len(items)

    failed: list[int] = []
    done = by_halves([1, 2, 3, 4], work, lambda item, _error: failed.append(item))
    assert (failed, sum(done)) == ([2], 3)
    assert tried.count([2]) == 1


def test_when_an_earlier_one_was_sent_need_not_be_readable(store: Store, tmp_path: Path) -> None:
    """Those of a matter are compared with it."""
    instant = "X'FFFFFFFFFF'" if store.has_one_writer else "'infinity'"
    clock = ManualClock(NOW)
    with (
        web_server() as (server, port),
        notice_dispatcher(store, clock, tmp_path, HOOK.format(port=port)) as dispatcher,
    ):
        context = WorkerContext(store, clock, dispatcher)
        calls(store, ["P01"], NOW)
        (first,) = [notice.id for notice in notices(store, "dispatched")]
        for _time in range(2):
            dispatch_batch(context, DELIVERY, [first])
            clock.pass_by(timedelta(minutes=3))
        wait_until(lambda: _states(store, [first]) == {"sent"}, 40, "the first")
        _forge(store, f"UPDATE notice SET sent_at = {instant} WHERE id = :id", first)
        calls(store, ["P02"], clock(), "学校门口的信号灯坏了，孩子们过马路很危险。")
        with store.reading() as session:
            others = select(NOTICE.c.id).where(NOTICE.c.kind == "dispatched", NOTICE.c.id != first)
            second = session.scalars(others).all()
        for _time in range(2):
            dispatch_batch(context, DELIVERY, second)
            clock.pass_by(timedelta(minutes=3))
        wait_until(lambda: _states(store, second) == {"sent"}, 40, "the second")
    assert len(server.posts) == 2
