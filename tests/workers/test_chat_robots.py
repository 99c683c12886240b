"""Chat robots and a gateway for text messages, at their own addresses, by real HTTPS."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from models.database import Store
from tests.store.factories import advance_tickets, at, feed
from tests.workers.dispatching import (
    YELLOW,
    ManualClock,
    is_idle,
    notice_dispatcher,
    notices,
    ring,
    yellow_cards,
)
from tests.workers.processes import wait_until
from tests.workers.receivers import Internet, internet
from tests.workers.test_notice_privacy import MARKED, marked_messages
from workers.notices.dispatcher import NoticeDispatcher

WECOM, DINGTALK, FEISHU, SMS = HOSTS = (
    "qyapi.weixin.qq.com", "oapi.dingtalk.com", "open.feishu.cn", "api.bulksms.com",
)  # fmt: skip
ADDRESSES = {
    WECOM: "wecombot://KEY-1",
    DINGTALK: "dingtalk://SECRET@TOKEN1",
    FEISHU: "feishu://TOKEN-1",
    SMS: "bulksms://user:word@+8613800000000",
}
TAKEN: dict[str, tuple[int, Any]] = {
    WECOM: (200, {"errcode": 0, "errmsg": "ok"}),
    DINGTALK: (200, {"errcode": 0, "errmsg": "ok"}),
    FEISHU: (200, {"StatusCode": 0, "StatusMessage": "success", "code": 0, "msg": "success"}),
    SMS: (201, [{"id": "1", "type": "SENT"}]),
}
REFUSED: dict[str, list[tuple[int, Any]]] = {
    WECOM: [(200, {"errcode": 45009, "errmsg": "api freq out of limit\x1b[2J"}), (200, "<html>")],
    DINGTALK: [(200, {"errcode": 130101, "errmsg": "send too fast"}), (200, {"ok": True})],
    FEISHU: [(200, {"code": 11232, "msg": "frequency limited"}), (200, [])],
    SMS: [(403, {"title": "no credits"})],
}


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Internet]:
    """The internet, where every host takes what it gets."""
    with internet(tmp_path, list(HOSTS)) as hosts:
        hosts.answers = dict(TAKEN)
        yield hosts


pytestmark = pytest.mark.store(databases=["sqlite"])


def _channels(*hosts: str) -> str:
    names = [host.split(".")[1] for host in hosts]
    tables = [
        f'[channel.{name}]\nurl = "{ADDRESSES[host]}"\nquiet = false\n'
        for name, host in zip(names, hosts, strict=True)
    ]
    return "\n".join([*tables, f"[[rule]]\nchannels = {json.dumps([*names, 'log'])}\n"])


def _ring_when_idle(store: Store, clock: ManualClock, dispatcher: NoticeDispatcher) -> None:
    """Ring again as soon as nothing is being sent, later than any pause of a channel at rest."""
    if is_idle(store, clock):
        clock.pass_by(timedelta(minutes=20))
        ring(store, clock, dispatcher)


def _text_of(body: str) -> str:
    """Return the text in what a service was sent; each has another name for it."""
    content = json.loads(body)
    match content:
        case {"msgtype": "text", "text": {"content": str(text)}}:
            return text
        case {"msg_type": "text", "content": {"text": str(text)}}:
            return text
        case {"to": str(_), "body": str(text)}:
            return text
    raise AssertionError(content)


def test_each_gets_number_title_and_name_and_nothing_else(
    store: Store, outside: Internet, tmp_path: Path
) -> None:
    """The ticket is full of marked data: nothing that goes over the wire has any of it."""
    end = at("2026-03-20T10:00")
    feed(store, marked_messages(), end)
    advance_tickets(store, ["P1", "P2"], end)
    clock = ManualClock(end)
    with notice_dispatcher(store, clock, tmp_path, _channels(*HOSTS)) as dispatcher:

        def all_sent() -> bool:
            _ring_when_idle(store, clock, dispatcher)
            # one whose occasion is over by the end of the life is dropped
            return {n.state for n in notices(store)} == {"sent", "dropped"}

        wait_until(all_sent, 100, "everything sent")
    batches = {n.channel: {p.parcel for p in notices(store) if p.channel == n.channel}
               for n in notices(store)}  # fmt: skip
    for host in HOSTS:
        texts = "\n".join(_text_of(body) for body in outside.to(host))
        whole = texts.replace("\n", "") if host == SMS else texts
        assert "P1" in texts
        assert [name for name in batches[host.split(".")[1]] if f"[{name}]" not in whole] == []
    sent = "\n".join(json.dumps(json.loads(r.body), ensure_ascii=False) + r.path + str(r.query)
                     for r in outside.requests)  # fmt: skip
    assert [mark for mark in MARKED if mark in sent] == []
    (wecom, *_), (dingtalk, *_) = (
        [r for r in outside.requests if r.host == host] for host in (WECOM, DINGTALK)
    )
    assert wecom.query == {"key": ["KEY-1"]}
    assert dingtalk.query["access_token"] == ["TOKEN1"]
    assert set(dingtalk.query) == {"access_token", "timestamp", "sign"}


@pytest.mark.parametrize("host", HOSTS)
def test_what_is_refused_in_the_body_is_sent_again(
    host: str, store: Store, outside: Internet, tmp_path: Path
) -> None:
    """A robot that says by HTTP 200 that it took nothing: no notice is lost."""
    clock = ManualClock(at(YELLOW))
    yellow_cards(store, 1)
    with notice_dispatcher(store, clock, tmp_path, _channels(host)) as dispatcher:
        clock.pass_by(timedelta(minutes=2))
        name = host.split(".")[1]

        def tries() -> set[int]:
            return {n.tries for n in notices(store, "yellow") if n.channel == name}

        outside.answers[host] = REFUSED[host][0]

        def tried() -> bool:
            _ring_when_idle(store, clock, dispatcher)
            return tries() >= {1}

        wait_until(tried, 60, "a try")
        (first,) = (n for n in notices(store, "yellow") if n.channel == name)
        assert first.state == "queued"
        if host != SMS:
            assert f"refused: {next(iter(REFUSED[host][0][1].values()))}" in first.error
            assert "\x1b" not in first.error
            outside.answers[host] = REFUSED[host][1]
            before = len(outside.to(host))

            def another() -> bool:
                _ring_when_idle(store, clock, dispatcher)
                return len(outside.to(host)) > before

            wait_until(another, 60, "another")
        outside.answers[host] = TAKEN[host]

        def sent() -> bool:
            _ring_when_idle(store, clock, dispatcher)
            return {n.state for n in notices(store, "yellow") if n.channel == name} == {"sent"}

        wait_until(sent, 60, "it goes out when it is taken")
        assert f"[{first.parcel}]" in _text_of(outside.to(host)[-1])


def test_a_long_message_is_cut_by_its_bytes(
    store: Store, outside: Internet, tmp_path: Path
) -> None:
    """WeCom takes 2,048 bytes, which are 682 characters of Chinese; no line is lost."""
    clock = ManualClock(at(YELLOW))
    yellow_cards(store, 8)
    with notice_dispatcher(store, clock, tmp_path, _channels(WECOM)) as dispatcher:

        def all_sent() -> bool:
            _ring_when_idle(store, clock, dispatcher)
            return {n.state for n in notices(store, "yellow")} == {"sent"}

        wait_until(all_sent, 100, "everything sent")
    texts = [_text_of(body) for body in outside.to(WECOM)]
    assert len(texts) > 1
    assert max(len(text.encode()) for text in texts) <= 2048
    assert [n for n in range(8) if not any(f"Y{n:03}" in text for text in texts)] == []
