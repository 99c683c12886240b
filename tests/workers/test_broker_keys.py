"""Stores that share a key-value server: each has its own keys, and those of others are named."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from models.clock import system_clock
from scripts.service.broker_checks import check_broker
from tests.servers.key_value import KeyValueServer
from tests.store.factories import feed, letter, prepared_store
from workers.broker import BellBroker, Bells, connect
from workers.broker_keys import namespace_of, old_keys, other_stores, remove_old_keys
from workers.timekeeper import Timekeeper

OURS, THEIRS = "0123456789abcdef", "fedcba9876543210"
_HOUR_MS = 3_600_000


@pytest.fixture
def client(broker_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(broker_url) as opened:
        yield opened


def _ids(bells: list[bytes]) -> list[bytes]:
    return [bell.partition(b'"args":')[2].partition(b"]]")[0] for bell in bells]


def _fetched(broker: BellBroker) -> list[bytes]:
    return _ids(broker.do_fetch("intake", 8))


def _of_earlier_release(url: str) -> BellBroker:
    broker = connect(url, OURS)
    broker.namespace = "hotline"
    return broker


def test_a_store_gets_its_own_bells_alone(broker_url: str, client: "redis.Redis") -> None:
    """Two districts on one server took each other's bells, which name other rows there."""
    ours, theirs = connect(broker_url, OURS), connect(broker_url, THEIRS)
    Bells(ours).ring({"intake": [1, 2]})
    assert _fetched(theirs) == []
    assert Bells(theirs).waiting()["intake"] == 0
    Bells(theirs).ring({"intake": [7]})
    assert _fetched(theirs) == [b"[[7"]
    assert _fetched(ours) == [b"[[1,2"]
    keys: Any = client.keys()
    assert keys, "heartbeats, and what is not acknowledged yet"
    begin = (f"{namespace_of(OURS)}:".encode(), f"{namespace_of(THEIRS)}:".encode())
    assert [key for key in keys if not key.startswith(begin)] == []


def test_each_store_has_an_id_that_stays(tmp_path: Path) -> None:
    """Another process that opens the store finds the same; it is not the key, nor made of it."""
    url = f"sqlite:///{tmp_path / 'one.db'}"
    with prepared_store(url) as store:
        first = store.cipher.store_id
        assert first != connect("redis://localhost:1", first).namespace
        assert len(first) == 16
    with prepared_store(url) as again:
        assert again.cipher.store_id == first


def test_bells_of_an_earlier_release_are_rung_for_again_and_removed(
    tmp_path: Path, broker_url: str, client: "redis.Redis"
) -> None:
    """The upgrade loses none: what was rung under the old keys is due again after the patience."""
    patience = timedelta(seconds=30)
    began = system_clock()
    with prepared_store(f"sqlite:///{tmp_path / 'old.db'}") as store:
        feed(store, [letter("T1", "2026-11-02T09:00"), letter("T2", "2026-11-02T09:00")], began)
        former = _of_earlier_release(broker_url)
        assert Timekeeper(store, Bells(former), lambda: began, patience).ring_due() == 2
        assert len(_fetched(former)) == 1, "as by a worker of that release, which then ended"

        upgraded = connect(broker_url, store.cipher.store_id)
        later = began + patience
        assert Timekeeper(store, Bells(upgraded), lambda: later, patience).ring_due() == 2
        assert len(_fetched(upgraded)) == 1

    assert remove_old_keys(client) == 0, "a process of that release may still use them"
    heartbeats = "hotline:__heartbeats__"
    heard: Any = client.zrange(heartbeats, 0, -1, withscores=True)
    ((worker, seen),) = heard
    client.zadd(heartbeats, {worker: seen - _HOUR_MS - 60_000})
    kept = {"hotline:note", "hotlines:intake", f"{upgraded.namespace}:__heartbeats__"}
    client.mset({"hotline:note": "x", "hotlines:intake": "x"})
    assert remove_old_keys(client) == 3, "heartbeats, the bell, and that it was fetched"
    assert old_keys(client) == []
    left: Any = client.keys()
    assert {key.encode() for key in kept} <= set(left)


def test_the_doctor_names_the_keys_of_others(broker_url: str) -> None:
    ours, theirs = connect(broker_url, OURS), connect(broker_url, THEIRS)
    Bells(ours).ring({"intake": [1], "delivery": [1]})
    assert _texts(broker_url, OURS)[0] == (
        "good",
        f"2 bells wait; this store's keys begin with {namespace_of(OURS)}",
    )
    assert not any(namespace_of(THEIRS) in text for _state, text in _texts(broker_url, OURS))
    Bells(theirs).ring({"intake": [1]})
    _fetched(theirs)
    Bells(_of_earlier_release(broker_url)).ring({"intake": [1]})
    texts = _texts(broker_url, OURS)
    (other,) = (text for state, text in texts if state == "note" and "another store" in text)
    assert namespace_of(THEIRS) in other
    assert ("note", "2 keys of an earlier release") in texts
    assert [state for state, _text in texts if state == "wrong"] == []
    assert _texts(broker_url, None)[0] == ("good", "it answers")


def _texts(url: str, store_id: str | None) -> list[tuple[str, str]]:
    return [(result.state, result.text) for result in check_broker(url, store_id)]


def test_a_server_can_keep_stores_apart(key_value_server: KeyValueServer) -> None:
    """The manual's user, who may touch the keys of one store, has all that this store needs."""
    with key_value_server as server, redis.Redis.from_url(server.url) as owner:
        manual = Path(__file__).parents[2] / "docs" / "administrators" / "topology.md"
        (rights,) = re.findall(r"^user haojiang (.*)$", manual.read_text("utf-8"), re.MULTILINE)
        rights = rights.replace("PASSWORD", "secret").replace("0123456789abcdef", OURS)
        owner.execute_command("ACL", "SETUSER", "ours", *rights.split())
        url = server.url.replace("unix://", "unix://ours:secret@")
        ours = connect(url, OURS)
        Bells(ours).ring({"intake": [1, 2]})
        bell = ours.do_fetch("intake", 1)
        assert len(bell) == 1
        ours.maintenance_chance = 1_000_000
        ours.do_fetch("intake", 1)
        owner.set(f"{namespace_of(OURS)}:contact", "x")
        assert Bells(ours).waiting()["contact"] == 0, "a key of a wrong type is removed"
        assert Bells(connect(server.url, THEIRS)).ring({"intake": [7]}) == 1
        with pytest.raises(redis.exceptions.NoPermissionError):
            Bells(connect(url, THEIRS)).waiting()
        assert not any(state == "wrong" for state, _text in _texts(url, OURS))
        assert [other.store_id for other in other_stores(ours.client, OURS)] == [THEIRS]
