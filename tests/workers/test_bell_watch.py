"""Consumers wait for bells, and are woken by those of their own queue."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest
import redis

from tests.servers.key_value import KeyValueServer
from workers.bell_watch import BellWatch, rung_key
from workers.broker import BellBroker, Bells, connect
from workers.broker_keys import namespace_of

ID = "0123456789abcdef"
FOR_EVER = 3_600.0


@pytest.fixture
def broker(key_value_server: KeyValueServer) -> Iterator[BellBroker]:
    with key_value_server as server:
        opened = connect(server.url, ID)
        opened.client.flushdb()
        yield opened
        opened.stop_watch()
        opened.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as opened:
        yield opened


def _fetching(pool: ThreadPoolExecutor, broker: BellBroker, queue: str) -> Future[list[bytes]]:
    return pool.submit(broker.do_fetch, queue, 8)


def test_who_waits_is_woken_by_a_bell_of_its_queue(
    broker: BellBroker, pool: ThreadPoolExecutor
) -> None:
    broker.watch = BellWatch(broker.client, broker.namespace, FOR_EVER)
    routing, intake = _fetching(pool, broker, "routing"), _fetching(pool, broker, "intake")
    # as the reader of the stream may not have begun, it is rung until it is heard
    while not routing.done():
        Bells(broker).ring({"routing": [7]})
    assert b"[[7]]" in routing.result()[0]
    assert not intake.done()
    broker.stop_watch()
    assert intake.result() == []


def test_a_bell_that_waits_already_is_fetched_at_once(broker: BellBroker) -> None:
    Bells(broker).ring({"intake": [1, 2]})
    broker.watch = BellWatch(broker.client, broker.namespace, FOR_EVER)
    assert b"[[1,2]]" in broker.do_fetch("intake", 8)[0]


def test_who_holds_as_many_as_it_may_takes_the_next_when_one_is_answered(
    broker: BellBroker, pool: ThreadPoolExecutor
) -> None:
    """Not before, so that another worker has it; and not a while after."""
    for row in range(3):
        Bells(broker).ring({"intake": [row]})
    broker.start_watch()
    consumer = broker.consume("intake", 1, timeout=int(FOR_EVER * 1000))
    first = next(consumer)
    assert first is not None
    third = pool.submit(lambda: [next(consumer), next(broker.consume("intake", 1))])
    assert not wait([third], 0.1).done
    consumer.ack(first)
    taken = [first, *third.result(60)]
    assert [bell and bell.args for bell in taken] == [([0],), ([1],), ([2],)]


def test_who_holds_as_many_as_it_may_looks_whether_it_is_to_stop(broker: BellBroker) -> None:
    Bells(broker).ring({"intake": [1, 2]})
    broker.start_watch()
    consumer = broker.consume("intake", 1, timeout=1)
    bell = next(consumer)
    assert bell is not None
    assert next(consumer) is None
    # one that could not be answered makes room, too
    consumer.nack(bell)
    broker.stop_watch()
    assert next(consumer) is None
    assert broker.client.llen(f"{namespace_of(ID)}:intake") == 0


def test_what_is_put_back_without_ringing_is_fetched_in_the_end(
    broker: BellBroker, pool: ThreadPoolExecutor
) -> None:
    Bells(broker).ring({"intake": [3]})
    queue = f"{namespace_of(ID)}:intake"
    (name,) = broker.client.lrange(queue, 0, -1)
    broker.client.lpop(queue)
    broker.watch = BellWatch(broker.client, broker.namespace, 0.05)
    fetched = _fetching(pool, broker, "intake")
    # Dramatiq puts back what a worker that died had fetched
    broker.client.rpush(queue, name)
    assert b"[[3]]" in fetched.result()[0]


def test_an_outage_is_told_to_who_waits(
    broker: BellBroker, key_value_server: KeyValueServer, pool: ThreadPoolExecutor
) -> None:
    broker.watch = BellWatch(broker.client, broker.namespace, 0.05)
    fetching = _fetching(pool, broker, "intake")
    key_value_server.stop()
    with pytest.raises(redis.ConnectionError):
        fetching.result()


def test_a_stream_that_takes_no_more_is_begun_anew(
    broker: BellBroker, pool: ThreadPoolExecutor
) -> None:
    """Somebody else has added what has the last possible id: then nothing could be added."""
    last = f"{2**64 - 1}-{2**64 - 1}"
    broker.client.xadd(rung_key(broker.namespace), {"x": "y"}, id=last)
    with pytest.raises(redis.ResponseError):
        Bells(broker).ring({"intake": [1]})
    Bells(broker).ring({"intake": [2]})
    assert broker.client.xlen(rung_key(broker.namespace)) == 1


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_stream_is_followed_in_both_protocols(
    broker: BellBroker, key_value_server: KeyValueServer, protocol: int
) -> None:
    """A client gives the entries in another shape in each."""
    url = f"{key_value_server.url}?protocol={protocol}"
    with redis.Redis.from_url(url) as client:
        watch = BellWatch(client, broker.namespace, FOR_EVER)
        while not watch.times_rung("intake"):
            Bells(broker).ring({"intake": [1]})
        watch.stop()
        assert watch.is_stopped and not watch.times_rung("routing")
