"""Sixty callers about one burst pipe: what their unit gets about it is one message."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.database import Store
from models.operations.inbox import add_messages
from models.queries.similar import group_similar
from models.rules.messages import Refusal, for_each_ticket
from tests.rules.district import policy_with
from tests.store.factories import RESULT, advance_tickets, at, feed, letter, message, row_of
from tests.workers.dispatching import ManualClock, is_idle, notice_dispatcher, notices, ring
from tests.workers.processes import wait_until
from tests.workers.receivers import WebServer, web_server
from workers.notices.dispatcher import NoticeDispatcher

BEGUN = "2026-03-02T09:00"
GATHER, AGAIN = timedelta(minutes=2), timedelta(minutes=15)
CHANNEL = """
[channel.hook]
url = "json://127.0.0.1:{port}/x"

[[rule]]
channels = ["hook"]
"""
PIPE = (
    "河浦路与磊广公路交界处的自来水管爆裂，水漫上了路面，附近三个小区已经停水半天，"
    "请水务部门尽快派人抢修，并告知何时恢复供水。"
)
LAMP = "青洲盐场旁的垃圾堆了两周没有人清运，苍蝇很多，味道很大，请城管部门派人来看一看。"
ENDINGS = ("谢谢！", "很急。", "多谢。", "老人要做饭。", "请回电。")


def calls(
    store: Store, numbers: list[str], now: datetime, content: str = PIPE, **more: Any
) -> None:
    """Let so many callers say the same in their own words."""
    letters = [
        letter(
            number,
            now.isoformat(),
            content=content.replace("半天", f"{place % 7 + 2}个小时") + ENDINGS[place % 5],
            unit="城市管理和综合执法局",
            claimant={"name": f"某{number}", "phone": f"138{place:08}"},
            **more,
        )
        for place, number in enumerate(numbers)
    ]
    feed(store, letters, now)
    advance_tickets(store, numbers, now)


def turn(store: Store, clock: ManualClock, dispatcher: NoticeDispatcher) -> None:
    """Ring, and wait until all that was rung for is sent or waits again."""
    ring(store, clock, dispatcher)
    wait_until(lambda: is_idle(store, clock), 40, "sent or postponed")


def listed(server: WebServer, place: int) -> list[str]:
    """The list of tickets in a message, as a reply takes it."""
    rows = re.search(r"\[\"[^\]]*\]", server.posts[place]["text"])
    assert rows is not None, server.posts[place]["text"]
    tickets: list[str] = json.loads(rows.group())
    return tickets


def test_sixty_callers_are_a_message_and_what_comes_later_another(
    store: Store, tmp_path: Path
) -> None:
    """Another matter is a message of its own, and each notice is recorded by itself."""
    clock = ManualClock(at(BEGUN))
    first, later = [f"P{n:02}" for n in range(20)], [f"P{n:02}" for n in range(20, 60)]
    calls(store, first, clock())
    calls(store, ["LAMP"], clock(), LAMP)
    with (
        web_server() as (server, port),
        notice_dispatcher(store, clock, tmp_path, CHANNEL.format(port=port)) as dispatcher,
    ):
        turn(store, clock, dispatcher)
        assert server.posts == []
        clock.pass_by(GATHER)
        turn(store, clock, dispatcher)
        assert len(server.posts) == 2
        told_at = clock()
        for place in range(10):
            clock.pass_by(timedelta(minutes=1))
            calls(store, later[place * 4 : place * 4 + 4], clock())
            turn(store, clock, dispatcher)
        assert len(server.posts) == 2
        clock.present = told_at + AGAIN - timedelta(seconds=1)
        turn(store, clock, dispatcher)
        assert len(server.posts) == 2
        clock.pass_by(timedelta(seconds=1))
        turn(store, clock, dispatcher)
    assert [listed(server, 0), listed(server, 2)] == [first, later]
    assert "20 件（内容相似）" in server.posts[0]["title"]
    assert server.posts[0]["text"].count("【派单】") == 20
    assert "LAMP" in server.posts[1]["text"]
    assert "result.submitted" not in server.posts[1]["text"]
    assert {n.state for n in notices(store)} == {"sent"}
    # and one answer serves all
    moment = clock().isoformat()
    answer = message("-", "result.submitted", moment, **RESULT) | {"ticket": listed(server, 0)}
    with store.writing() as session:
        answers = for_each_ticket(answer)
        assert not isinstance(answers, Refusal)
        add_messages(session, "messages", answers, clock())
    advance_tickets(store, first, clock())
    assert {row_of(store, number).status for number in first} == {"submitted"}


def test_an_emergency_does_not_wait(store: Store, tmp_path: Path) -> None:
    """Those that are there at once are one message; a later one is not held up by it."""
    clock = ManualClock(at(BEGUN))
    calls(store, ["E1", "E2", "E3"], clock(), emergency="utilities")
    with (
        web_server() as (server, port),
        notice_dispatcher(store, clock, tmp_path, CHANNEL.format(port=port)) as dispatcher,
    ):
        turn(store, clock, dispatcher)
        assert [listed(server, 0)] == [["E1", "E2", "E3"]]
        calls(store, ["E4"], clock(), emergency="utilities")
        turn(store, clock, dispatcher)
    assert len(server.posts) == 2
    assert "E4" in server.posts[1]["text"]


@pytest.mark.store(
    policy=policy_with(
        ('similar = ["dispatched", "unrouted", "deemed_accepted", "joined", "urged"]',
         'similar = ["declined"]'),
        ('digest = ["prewarning", "yellow", "red", "expired", "contact_reminder"]',
         'digest = ["withdrawal_guidance"]'),
    )
)  # fmt: skip
def test_claimants_are_many_persons(store: Store, tmp_path: Path) -> None:
    """What goes to claimants is never gathered, whatever the policy says."""
    clock = ManualClock(at(BEGUN))
    calls(store, ["C1", "C2"], clock())
    answers = [
        message(n, "screening.decided", BEGUN, code="2.2.5", decline=True, by="值班员")
        for n in ("C1", "C2")
    ]
    calls(store, ["C3", "C4"], clock())
    answers += [message(n, "claimant.withdrew", BEGUN, to="unit") for n in ("C3", "C4")]
    feed(store, answers, clock())
    advance_tickets(store, ["C1", "C2", "C3", "C4"], clock())
    with (
        web_server() as (_server, port),
        notice_dispatcher(store, clock, tmp_path, CHANNEL.format(port=port)) as dispatcher,
    ):
        turn(store, clock, dispatcher)
        clock.pass_by(GATHER)
        turn(store, clock, dispatcher)
    to_claimants = [n for n in notices(store) if n.recipient == "claimant"]
    assert len(to_claimants) == 4
    assert all(n.parcel is not None for n in to_claimants)
    assert len({n.parcel for n in to_claimants}) == len(to_claimants)


def test_groups_keep_their_order_and_need_enough_words(store: Store) -> None:
    now = at(BEGUN)
    calls(store, ["G1", "G3"], now)
    calls(store, ["G2"], now, LAMP)
    feed(
        store,
        [
            letter("G4", BEGUN, title="坏", content="坏了"),
            letter("G5", BEGUN, title="坏", content="坏了"),
        ],
        now,
    )
    advance_tickets(store, ["G4", "G5"], now)
    with store.reading() as session:
        groups = group_similar(session, ["G3", "G2", "G1", "G4", "G5", "GONE"])
    assert groups == [["G3", "G1"], ["G2"], ["G4"], ["G5"], ["GONE"]]
