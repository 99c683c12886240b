"""Somebody else writes to the broker: bells are rung all the same, and nothing fills the memory."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import dramatiq
import pytest
import redis
from dramatiq.worker import Worker

from models.clock import system_clock
from models.database import Store
from models.rules.limits import BELL_BYTES, BELL_NAME_BYTES
from models.rules.queues import QUEUES
from tests.servers.key_value import KeyValueServer
from tests.store.factories import feed, letter, prepared_store
from tests.workers.processes import wait_until
from workers.actors import WorkerContext, register_actors
from workers.broker import BellBroker, Bells, connect
from workers.broker_keys import mend_keys, namespace_of
from workers.notices.dispatcher import NoticeDispatcher
from workers.timekeeper import Timekeeper


@pytest.fixture
def server(key_value_server: KeyValueServer) -> Iterator[KeyValueServer]:
    with key_value_server as running:
        yield running


@pytest.fixture
def client(server: KeyValueServer) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(server.url) as opened:
        opened.flushdb()
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with prepared_store(f"sqlite:///{tmp_path / 'broker.db'}") as opened:
        yield opened


def _service(store: Store, url: str, folder: Path) -> tuple[WorkerContext, Worker]:
    broker = connect(url, store.cipher.store_id)
    dispatcher = NoticeDispatcher(store, system_clock, folder, None, "en")
    context = WorkerContext(store, system_clock, dispatcher)
    register_actors(broker, context)
    broker.start_watch()
    worker = Worker(broker, worker_timeout=50, worker_threads=1)
    worker.start()
    return context, worker


def _stop(worker: Worker) -> None:
    assert isinstance(worker.broker, BellBroker)
    worker.broker.stop_watch()
    worker.stop()
    worker.broker.close()


ID = "0123456789abcdef"
NAMESPACE = namespace_of(ID)
WRONG = [*QUEUES, "contact.msgs", "contact.XQ", "__heartbeats__", "__rung__"]


@pytest.mark.parametrize("key", WRONG)
def test_a_key_of_a_wrong_type_stops_no_ringing(
    key: str, store: Store, server: KeyValueServer, client: "redis.Redis", tmp_path: Path
) -> None:
    """`SET hotline:contact x` stopped all ringing, and a worker's consumer for good."""
    client.set(f"{namespace_of(store.cipher.store_id)}:{key}", "x")
    feed(store, [letter("T1", "2026-11-02T09:00")], system_clock())
    keeper = Timekeeper(
        store, Bells(connect(server.url, store.cipher.store_id)), system_clock, timedelta()
    )
    context, worker = _service(store, server.url, tmp_path)
    try:

        def rung_and_answered() -> bool:
            keeper.ring_due()
            return context.done > 0

        wait_until(rung_and_answered, 30, "the letter is answered")
    finally:
        _stop(worker)


def test_what_was_removed_is_said(client: "redis.Redis", caplog: pytest.LogCaptureFixture) -> None:
    client.set(f"{NAMESPACE}:contact", "x")
    client.rpush(f"{NAMESPACE}:intake", "good")
    client.set("another:contact", "x")
    with caplog.at_level(logging.ERROR):
        assert mend_keys(client, NAMESPACE)
    assert "wrong type" in caplog.text
    assert not client.exists(f"{NAMESPACE}:contact")
    assert client.llen(f"{NAMESPACE}:intake") == 1
    assert client.exists("another:contact")
    assert not mend_keys(client, NAMESPACE)


def test_what_is_too_large_to_be_a_bell_is_never_read(
    client: "redis.Redis", server: KeyValueServer, caplog: pytest.LogCaptureFixture
) -> None:
    queue, messages = f"{NAMESPACE}:intake", f"{NAMESPACE}:intake.msgs"
    for name, body in (
        ("huge", b"x" * (BELL_BYTES + 1)),
        ("n" * (BELL_NAME_BYTES + 1), b"{}"),
        ("again", b"x" * (1 << 20)),
    ):
        client.hset(messages, name, body)
        client.rpush(queue, name)
    broker = connect(server.url, ID)
    Bells(broker).ring({"intake": [1, 2]})
    with caplog.at_level(logging.WARNING):
        (bell,) = broker.do_fetch("intake", 8)
    assert b"[[1,2]]" in bell
    assert client.hlen(messages) == 1
    assert "no bell" in caplog.text
    assert len(caplog.text) < 1_000


def test_a_bell_cannot_be_made_to_wait(
    store: Store, server: KeyValueServer, client: "redis.Redis", tmp_path: Path
) -> None:
    """Bells with a time far ahead filled what a worker fetches at most: it fetched no others."""
    for number in range(100):
        bell: dict[str, Any] = {
            "queue_name": "intake",
            "actor_name": "answer_intake",
            "args": [[1]],
            "kwargs": {},
            "options": {"eta": 9_999_999_999_999, "redis_message_id": str(number)},
            "message_id": str(number),
            "message_timestamp": 0,
        }
        queue = f"{namespace_of(store.cipher.store_id)}:intake"
        client.hset(f"{queue}.msgs", str(number), json.dumps(bell))
        client.rpush(queue, str(number))
    feed(store, [letter("T1", "2026-11-02T09:00")], system_clock())
    context, worker = _service(store, server.url, tmp_path)
    try:
        wait_until(lambda: context.done > 0, 30, "the letter is answered")
    finally:
        _stop(worker)


def _bell(queue: str, row: int, **changes: Any) -> dict[str, Any]:
    name = f"forged{row}"
    usual: dict[str, Any] = {
        "queue_name": queue,
        "actor_name": f"answer_{queue}",
        "args": [[row]],
        "kwargs": {},
        "options": {"redis_message_id": name},
        "message_id": name,
        "message_timestamp": 0,
    }
    return usual | changes


class _Answers:
    """A worker with one thread that notes which emergencies it was told of."""

    def __init__(self, server: KeyValueServer, on_answer: Callable[[], object]) -> None:
        self.rows: list[int] = []
        self.broker = connect(server.url, ID)

        def answer(rows: list[int]) -> None:
            on_answer()
            self.rows += rows

        dramatiq.actor(actor_name="answer_emergency", queue_name="emergency", broker=self.broker)(
            answer
        )
        self.broker.delay_queues.clear()
        self.broker.start_watch()
        self.worker = Worker(self.broker, worker_timeout=50, worker_threads=1)
        self.worker.queue_prefetch = 1
        self.worker.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_wrong: object) -> None:
        _stop(self.worker)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"options": {}}, id="no name"),
        pytest.param({"options": {"redis_message_id": [1]}}, id="a list as its name"),
        pytest.param({"message_id": ["x"]}, id="a list as its id"),
        pytest.param({"actor_name": "nobody"}, id="for nobody"),
        pytest.param({"queue_name": "intake"}, id="of another queue"),
        pytest.param({"queue_name": "nowhere"}, id="of no queue"),
        pytest.param({"args": 5}, id="no rows"),
    ],
)
def test_a_forged_bell_keeps_no_thread_from_the_next(
    changes: dict[str, Any], server: KeyValueServer, client: "redis.Redis"
) -> None:
    """A worker that may hold one bell was deaf after one that it could not put away."""
    queue = f"{NAMESPACE}:emergency"
    for row in range(4):
        client.hset(f"{queue}.msgs", f"forged{row}", json.dumps(_bell("emergency", row, **changes)))
        client.rpush(queue, f"forged{row}")
    with _Answers(server, lambda: None) as answers:
        Bells(answers.broker).ring({"emergency": [7]})
        # sooner than Dramatiq starts a consumer anew four times, after three seconds each
        wait_until(lambda: answers.rows == [7], 8, "the real bell is answered")
        assert all(thread.is_alive() for thread in answers.worker.workers)


def test_an_answer_that_the_broker_does_not_take_keeps_no_thread_from_the_next(
    server: KeyValueServer, client: "redis.Redis"
) -> None:
    """As one whose replicas are away: the bell is rung again, and the worker hears the next."""
    refused = iter([1])

    def refuse_writes_once() -> None:
        client.config_set("min-replicas-to-write", next(refused, 0))

    with _Answers(server, refuse_writes_once) as answers:
        Bells(answers.broker).ring({"emergency": [1]})
        wait_until(lambda: answers.rows == [1], 10, "the first is answered")
        wait_until(lambda: not answers.worker.work_queue.unfinished_tasks, 10, "it was put away")
        client.config_set("min-replicas-to-write", 0)
        Bells(answers.broker).ring({"emergency": [7]})
        wait_until(lambda: answers.rows == [1, 7], 10, "the next is answered")
