"""Somebody else writes to the broker: bells are rung all the same, and nothing fills the memory."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

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
