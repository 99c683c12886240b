"""Notices reach real receivers: at least once, by id, gathered, within a rate, never blocking."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import update

from models.database import Store
from models.operations.notices.batch import GIVE_UP_AFTER, hold_batches
from models.operations.notices.channel_state import ChannelLimits, lock_channel, record_attempt
from models.operations.notices.record import MAX_TRIES, give_up, resend
from models.rules.vocabulary import NoticeKind
from models.tables.core import CHANNEL, NOTICE
from tests.rules.district import policy_with
from tests.store.factories import advance_tickets, at, feed, letter, log_of, message, prepared_store
from tests.workers.dispatching import (
    UNIT,
    YELLOW,
    ManualClock,
    events_named,
    is_idle,
    notice_dispatcher,
    notices,
    ring,
    yellow_cards,
)
from tests.workers.processes import wait_until
from tests.workers.receivers import mail_server, web_server

GATHER = timedelta(minutes=2)
APART = pytest.mark.store(
    policy=policy_with(
        ('similar = ["dispatched", "unrouted", "deemed_accepted", "joined", "urged"]', "")
    )
)
"""Notices about similar tickets are messages of their own."""
GONE = {"sent", "dropped"}
"""States of all notices when the cards are sent: the dispatch before them is over by then."""


def _mail(port: int) -> str:
    return f"""
[channel.mail]
url = "mailto://127.0.0.1:{port}?from=desk@hotline.cn&to={{to}}&mode=insecure"

[[rule]]
kinds = ["yellow"]
channels = ["mail"]

[people."{UNIT}".deputy_leader]
mail = "deputy@example.cn"
"""


def _hook(port: int, more: str = "") -> str:
    return f"""
[channel.hook]
url = "json://127.0.0.1:{port}/notices"
timeout = 1
{more}

[[rule]]
kinds = ["yellow"]
channels = ["hook"]
"""


def test_forty_cards_are_one_mail_with_forty_lines(store: Store, tmp_path: Path) -> None:
    """Each of the forty is recorded by itself, in its own ticket's log."""
    clock = ManualClock(at(YELLOW))
    yellow_cards(store, 40)
    with (
        mail_server() as (server, port),
        notice_dispatcher(store, clock, tmp_path, _mail(port)) as dispatcher,
    ):
        ring(store, clock, dispatcher)
        assert {n.state for n in notices(store, "yellow")} == {"queued"}
        clock.pass_by(GATHER)
        ring(store, clock, dispatcher)
        wait_until(lambda: {n.state for n in notices(store)} == GONE, 40, "all recorded")
        assert len(server.mails) == 1
        (text,) = server.texts
        (mail,) = server.mails
    assert server.recipients == [["deputy@example.cn"]]
    rows = notices(store, "yellow")
    assert {(n.state, n.channel, n.recipient) for n in rows} == {
        ("sent", "mail", f"{UNIT}/deputy_leader")
    }
    assert len({n.parcel for n in rows}) == 1
    assert mail["X-Hotline-Notice-Id"] == rows[0].parcel
    assert "黄牌 40 件" in str(mail["Subject"])
    lines = [line for line in text.splitlines() if "【黄牌】" in line]
    assert [f"Y{n:03}" in line for n, line in enumerate(lines)] == [True] * 40
    sent = Counter(
        number for number, data in events_named(store, "notice.sent") if data["kind"] == "yellow"
    )
    assert set(sent.values()) == {1}
    assert len(sent) == 40


def test_a_repeat_has_the_same_id_and_text(store: Store, tmp_path: Path) -> None:
    """The receiver took it and the answer was lost: it can drop the repeat by its id."""
    clock = ManualClock(at(YELLOW))
    yellow_cards(store, 3)
    with (
        web_server() as (server, port),
        notice_dispatcher(store, clock, tmp_path, _hook(port)) as dispatcher,
    ):
        server.answer = "cut"
        ring(store, clock, dispatcher)
        clock.pass_by(GATHER)
        ring(store, clock, dispatcher)
        wait_until(lambda: {n.tries for n in notices(store, "yellow")} == {1}, 40, "a failed try")
        # a card that comes in between does not get into the message that is repeated
        feed(store, [letter("Z9", "2026-03-02T09:00")], clock())
        advance_tickets(store, ["Z9"], clock())
        server.answer = 200
        clock.pass_by(timedelta(seconds=31))
        ring(store, clock, dispatcher)
        wait_until(lambda: len(server.posts) == 2, 40, "the repeat")
        clock.pass_by(GATHER)
        ring(store, clock, dispatcher)
        wait_until(lambda: {n.state for n in notices(store)} == GONE, 40, "all sent")
    first, again, other = server.posts
    assert first == again
    assert first["text"].count("【黄牌】") == 3
    assert "Z9" in other["text"]
    assert other["id"] != first["id"]
    assert all(n.parcel for n in notices(store, "yellow"))


def test_what_fails_is_tried_with_growing_pauses_then_failed_then_sent_again(
    store: Store, tmp_path: Path
) -> None:
    """`notice.failed` after the last try, with the reason; resent it has the same id."""
    clock = ManualClock(at(YELLOW))
    yellow_cards(store, 1)
    with (
        web_server() as (server, port),
        notice_dispatcher(store, clock, tmp_path, _hook(port)) as dispatcher,
    ):
        server.answer = 500
        ring(store, clock, dispatcher)
        clock.pass_by(GATHER)
        tried = []
        while notices(store, "yellow")[0].state == "queued":
            before = notices(store, "yellow")[0]
            if ring(store, clock, dispatcher):
                wait_until(lambda: is_idle(store, clock), 40, "a try")
            after = notices(store, "yellow")[0]
            if after.tries > before.tries:
                tried.append(clock())
            clock.present = max(clock(), after.ring_at)
        pauses = [b - a for a, b in pairwise(tried)]
        assert len(tried) == MAX_TRIES
        assert pauses == sorted(pauses)
        assert pauses[0] >= timedelta(seconds=30)
        row = notices(store, "yellow")[0]
        assert "500" in row.error
        ((_, data),) = events_named(store, "notice.failed")
        assert (data["kind"], data["channel"]) == ("yellow", "hook")
        server.answer = 200
        clock.pass_by(timedelta(hours=1))
        with store.writing() as session:
            assert resend(session, [row.id], clock()) == 1
            assert resend(session, [row.id], clock()) == 0
        ring(store, clock, dispatcher)
        clock.pass_by(GATHER)
        ring(store, clock, dispatcher)
        wait_until(lambda: len(server.posts) == 1, 40, "the resent one")
        wait_until(lambda: notices(store, "yellow")[0].state == "sent", 40, "recorded")
    assert server.ids == [f"Y000-{row.seq}"]
    names = [e.name for e in log_of(store, "Y000")]
    assert names[-3:] == ["notice.failed", "notice.queued", "notice.sent"]
    assert [e.seq for e in log_of(store, "Y000")] == list(range(1, len(names) + 1))


@APART
def test_a_channel_that_hangs_holds_up_nobody(store: Store, tmp_path: Path) -> None:
    """While one receiver does not answer, mail and file go out, and the store can be written."""
    clock = ManualClock(at(YELLOW))
    yellow_cards(store, 2)
    with (
        web_server() as (web, web_port),
        mail_server() as (mail, mail_port),
    ):
        text = (
            _hook(web_port).replace("timeout = 1", "timeout = 30")
            + f"""
[channel.mail]
url = "mailto://127.0.0.1:{mail_port}?from=desk@hotline.cn&to=a@b.cn&mode=insecure"

[[rule]]
kinds = ["deemed_accepted"]
channels = ["mail", "file"]
"""
        )
        with notice_dispatcher(store, clock, tmp_path, text) as dispatcher:
            web.answer = "hang"
            ring(store, clock, dispatcher)
            clock.pass_by(GATHER)
            ring(store, clock, dispatcher)
            wait_until(lambda: web.asked == 1, 40, "the one that hangs is asked")
            yellow_cards(store, 2)
            feed(store, [letter("W1", "2026-03-02T09:00", content="另一盏灯")], clock())
            advance_tickets(store, ["W1"], clock())
            ring(store, clock, dispatcher)
            wait_until(lambda: len(mail.mails) == 3, 40, "mails meanwhile")
            states = {(n.kind, n.channel, n.state) for n in notices(store, "deemed_accepted")}
            assert ("deemed_accepted", "file", "sent") in states
            assert {n.state for n in notices(store, "yellow")} == {"queued"}
            web.answer = 200
            web.go_on.set()
    assert "视同受理" in (tmp_path / "notices.jsonl").read_text("utf-8")


def test_several_channels_of_one_notice_are_recorded_apart(store: Store, tmp_path: Path) -> None:
    """A card that goes to mail and web is sent by one though the other is down."""
    clock = ManualClock(at(YELLOW))
    yellow_cards(store, 1)
    with web_server() as (web, web_port), mail_server() as (mail, mail_port):
        text = _mail(mail_port).replace('channels = ["mail"]', 'channels = ["mail", "hook"]')
        text += f'[channel.hook]\nurl = "json://127.0.0.1:{web_port}/x"\n'
        with notice_dispatcher(store, clock, tmp_path, text) as dispatcher:
            web.answer = 503
            ring(store, clock, dispatcher)
            clock.pass_by(GATHER)
            ring(store, clock, dispatcher)
            wait_until(
                lambda: all(n.tries for n in notices(store, "yellow")), 40, "both have tried"
            )
            states = {n.channel: n.state for n in notices(store, "yellow")}
            assert states == {"mail": "sent", "hook": "queued"}
            with store.writing() as session:
                (row,) = [n for n in notices(store, "yellow") if n.channel == "hook"]
                give_up(session, {row.id: "enough"}, "hook", clock())
                assert resend(session, [n.id for n in notices(store)], clock()) == 1
            web.answer = 200
            clock.pass_by(timedelta(minutes=15))
            ring(store, clock, dispatcher)
            wait_until(lambda: len(web.posts) == 1, 40, "the resent one")
            wait_until(lambda: {n.state for n in notices(store)} == GONE, 40, "recorded")
        assert len(mail.mails) == 1
        # a channel that is gone: the notice goes where it is not known yet, and nowhere twice
        with store.writing() as session:
            session.execute(NOTICE.update().values(state="failed").where(NOTICE.c.id == row.id))
            assert resend(session, [row.id], clock()) == 1
        text = _mail(mail_port).replace('channels = ["mail"]', 'channels = ["mail", "file"]')
        with notice_dispatcher(store, clock, tmp_path, text) as dispatcher:
            ring(store, clock, dispatcher)
        states = {n.channel: n.state for n in notices(store, "yellow")}
        assert states == {"mail": "sent", "file": "sent"}
        assert len(mail.mails) == 1


def test_at_night_only_what_is_urgent_goes_out(tmp_path: Path) -> None:
    """The rest waits for the morning; an emergency's notice does not, nor does the file."""
    with prepared_store(f"sqlite:///{tmp_path / 'night.db'}") as store, web_server() as (web, port):
        night = at("2026-03-12T23:00")
        clock = ManualClock(night)
        text = f"""
[channel.hook]
url = "json://127.0.0.1:{port}/x"

[[rule]]
channels = ["hook", "file"]
"""
        feed(store, [letter("N1", "2026-03-12T22:59"), letter("N2", "2026-03-12T22:59",
             content="水管爆了", emergency="utilities")], night)  # fmt: skip
        advance_tickets(store, ["N1", "N2"], night)
        with notice_dispatcher(store, clock, tmp_path, text) as dispatcher:
            ring(store, clock, dispatcher)
            wait_until(lambda: len(web.posts) == 1, 40, "the emergency")
            assert ["N2" in p["text"] for p in web.posts] == [True]
            ring(store, clock, dispatcher)
            assert (tmp_path / "notices.jsonl").read_text("utf-8").count("\n") == 2
            waiting = [n for n in notices(store) if n.state == "queued"]
            assert [n.ring_at for n in waiting] == [at("2026-03-13T07:30")]
            clock.present = at("2026-03-13T07:30")
            ring(store, clock, dispatcher)
            wait_until(lambda: len(web.posts) == 2, 40, "the morning")


def test_a_pre_warning_of_a_holiday_waits_for_the_working_morning(
    store: Store, tmp_path: Path
) -> None:
    """The log keeps its moment; an emergency of the same day goes out at once."""
    noon, morning = at("2026-10-01T12:00"), at("2026-10-08T07:30")
    clock = ManualClock(noon)
    text = "[channel.hook]\nurl = 'json://127.0.0.1:{port}/x'\n[[rule]]\nchannels = ['hook']\n"
    feed(store, [
        letter("H1", "2026-10-01T12:00", category="consultation"),
        message("H1", "unit.accepted", "2026-10-01T12:00"),
        letter("H2", "2026-10-01T12:00", content="水管爆了", emergency="utilities"),
    ], noon)  # fmt: skip
    advance_tickets(store, ["H1", "H2"], noon)
    with (
        web_server() as (web, port),
        notice_dispatcher(store, clock, tmp_path, text.format(port=port)) as dispatcher,
    ):
        ring(store, clock, dispatcher)
        wait_until(lambda: len(web.posts) == 1, 40, "the emergency")
        assert "H2" in web.posts[0]["text"]
        assert {n.ring_at for n in notices(store, "prewarning")} == {morning}
        (raised,) = [e for e in log_of(store, "H1") if e.name == "alert.raised"]
        assert raised.at == noon
        clock.present = morning
        ring(store, clock, dispatcher)
        wait_until(lambda: len(web.posts) == 2, 40, "the working morning")
        assert "【预警】" in web.posts[1]["text"]
    (sent,) = [e for e in log_of(store, "H1") if e.name == "notice.sent"]
    assert sent.at == morning


def test_a_holiday_is_no_time_that_a_channel_was_down(store: Store, tmp_path: Path) -> None:
    """What was queued before it is not given up when the channel rests on the first morning."""
    clock = ManualClock(at("2026-09-30T20:50"))
    numbers = [f"G{n}" for n in range(6)]
    feed(store, [letter(n, "2026-09-30T20:50", content=n) for n in numbers], clock())
    advance_tickets(store, numbers, clock())
    text = _hook(9).replace('kinds = ["yellow"]\n', "")
    with notice_dispatcher(store, clock, tmp_path, text) as dispatcher:
        ring(store, clock, dispatcher)
        wait_until(lambda: is_idle(store, clock), 40, "the channel rests")
        for moment in ("2026-09-30T21:10", "2026-10-08T07:30", "2026-10-08T07:30:06"):
            clock.present = at(moment)
            ring(store, clock, dispatcher)
            wait_until(lambda: is_idle(store, clock), 40, "tried or postponed")
    assert {n.state for n in notices(store, "dispatched")} == {"queued"}


def test_a_rate_holds_for_all_workers_together(store: Store, tmp_path: Path) -> None:
    """Two workers with one robot of eight messages a minute never send more in any minute."""
    clock = ManualClock(at("2026-03-02T09:00"))
    numbers = [f"R{n:03}" for n in range(40)]
    feed(store, [letter(n, "2026-03-02T09:00", content=n) for n in numbers], clock())
    advance_tickets(store, numbers, clock())
    sent_at: list[datetime] = []
    with web_server() as (web, port):
        text = _hook(port, "per_minute = 8").replace('kinds = ["yellow"]\n', "")
        (tmp_path / "b").mkdir()
        with (
            notice_dispatcher(store, clock, tmp_path, text) as first,
            notice_dispatcher(store, clock, tmp_path / "b", text) as second,
        ):
            for turn in range(200):
                rung = ring(store, clock, (first, second)[turn % 2])
                if rung:
                    wait_until(lambda: is_idle(store, clock), 40, "both have done what they may")
                sent_at += [clock()] * (len(web.posts) - len(sent_at))
                if len(sent_at) == 40:
                    break
                clock.pass_by(timedelta(seconds=5))
    assert len(sent_at) == 40
    assert len(set(web.ids)) == 40
    for begin in sent_at:
        assert sum(begin <= moment < begin + timedelta(minutes=1) for moment in sent_at) <= 8


def test_a_channel_that_is_back_keeps_its_rate(store: Store) -> None:
    """Of what two workers held to show that it is back, one message was more than its rate."""
    now, soon = at(YELLOW), at(YELLOW) + timedelta(minutes=2)
    limits = ChannelLimits(per_minute=1)
    yellow_cards(store, 20)
    cards = [n.id for n in notices(store, "yellow")]
    with store.writing() as session:
        session.execute(update(NOTICE).where(NOTICE.c.kind == "yellow").values(channel="hook"))
        lock_channel(session, "hook", limits, now)
        session.execute(update(CHANNEL).values(failures=3, allowance=0.25, rest_until=now))
    held = []
    for rows in (cards[:2], cards[2:4]):
        with store.writing() as session:
            held.append(len(hold_batches(session, "hook", rows, now, soon, limits).batches))
    with store.writing() as session:
        record_attempt(session, "hook", None, now)
        held.append(len(hold_batches(session, "hook", cards[4:], now, soon, limits).batches))
    assert held == [1, 1, 0]


def test_the_hold_of_a_dead_worker_ends(store: Store, tmp_path: Path) -> None:
    """Another worker sends what it held after two minutes, not before, under the same id."""
    clock = ManualClock(at(YELLOW))
    yellow_cards(store, 2)
    with (
        web_server() as (web, port),
        notice_dispatcher(store, clock, tmp_path, _hook(port)) as dispatcher,
    ):
        ring(store, clock, dispatcher)
        clock.pass_by(GATHER)
        with store.writing() as session:
            limits = ChannelLimits(digest=(NoticeKind.YELLOW,), gather=GATHER)
            rows = [n.id for n in notices(store, "yellow")]
            (held,), _dropped, _unfit = hold_batches(
                session, "hook", rows, clock(), clock() + GATHER, limits
            )
        ring(store, clock, dispatcher)
        clock.pass_by(timedelta(seconds=119))
        ring(store, clock, dispatcher)
        assert {n.state for n in notices(store, "yellow")} == {"queued"}
        clock.pass_by(timedelta(seconds=40))
        ring(store, clock, dispatcher)
        wait_until(lambda: {n.state for n in notices(store)} == GONE, 40, "sent by another")
    assert web.ids == [held.id]


@APART
def test_what_is_being_sent_is_held(store: Store, tmp_path: Path) -> None:
    """The second message is held from when it is sent, however long the first one took."""
    clock = ManualClock(at(YELLOW))
    yellow_cards(store, 2)
    with web_server() as (web, port):
        text = _hook(port, "timeout = 30").replace("timeout = 1\n", "")
        text = text.replace("yellow", "deemed_accepted")
        with (
            notice_dispatcher(store, clock, tmp_path, text) as first,
            notice_dispatcher(store, clock, tmp_path, text) as second,
        ):
            web.answer = "slow"
            ring(store, clock, first)
            wait_until(lambda: web.asked == 1, 40, "the first goes out")
            clock.pass_by(timedelta(seconds=80))
            web.turns.release()
            wait_until(lambda: web.asked == 2, 40, "the second goes out")
            clock.pass_by(timedelta(seconds=70))
            assert ring(store, clock, second)
            (held,) = (n for n in notices(store, "deemed_accepted") if n.held_until)
            assert held.held_until > clock()
            web.turns.release(10)
            wait_until(
                lambda: len(web.posts) >= 2 and is_idle(store, clock), 40, "both have gone out"
            )
    assert len(set(web.ids)) == len(web.ids) == len(notices(store, "deemed_accepted"))


def test_a_channel_that_is_down_for_days_gives_up_in_the_end(store: Store, tmp_path: Path) -> None:
    """Notices wait for a resting channel without using up their tries, but not for ever."""
    clock = ManualClock(at("2026-03-02T09:00"))
    numbers = [f"D{n:03}" for n in range(4)]
    feed(store, [letter(n, "2026-03-02T09:00", content=n) for n in numbers], clock())
    advance_tickets(store, numbers, clock())
    text = _hook(9, "quiet = false").replace('kinds = ["yellow"]\n', "")
    begun = clock()
    with notice_dispatcher(store, clock, tmp_path, text) as dispatcher:
        while any(n.state == "queued" for n in notices(store)):
            if ring(store, clock, dispatcher):
                wait_until(lambda: is_idle(store, clock), 40, "tried or postponed")
            queued = [n.ring_at for n in notices(store) if n.state == "queued"]
            clock.present = max([clock(), *queued[:0], *sorted(queued)[:1]])
    assert timedelta() < clock() - begun <= GIVE_UP_AFTER + timedelta(minutes=20)
    assert len(events_named(store, "notice.failed")) == 4
    assert all(n.error for n in notices(store))


def test_a_notice_without_an_address_fails_at_once(store: Store, tmp_path: Path) -> None:
    """It is given up without a try, and the error says what to add."""
    clock = ManualClock(at(YELLOW))
    yellow_cards(store, 1)
    text = _mail(9).replace("deputy_leader", "unit_contact")
    with notice_dispatcher(store, clock, tmp_path, text) as dispatcher:
        ring(store, clock, dispatcher)
    (row,) = notices(store, "yellow")
    assert (row.state, row.tries) == ("failed", 0)
    assert f"{UNIT}/deputy_leader" in row.error
    assert len(events_named(store, "notice.failed")) == 1
