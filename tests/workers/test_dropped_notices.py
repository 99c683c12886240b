"""Decision 34: a notice says what was so at its event, and is dropped when its occasion is over."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from models.database import Store
from models.operations.notices.outgoing import ready_notices
from models.operations.notices.record import drop_over, resend
from models.rules.routing.units_file import Unit, UnitsFile
from models.tables.core import NOTICE, TICKET
from tests.store.factories import RESULT, advance_tickets, at, feed, letter, log_of, message, row_of
from tests.workers.dispatching import UNIT, ManualClock, events_named, notices, ring
from tests.workers.processes import wait_until
from tests.workers.receivers import web_server
from workers.notices.channels import load_channels
from workers.notices.dispatcher import NoticeDispatcher

R = letter("D1", "2026-11-02T09:00")


def lines(folder: Path) -> list[dict[str, Any]]:
    """What went into the file, in order."""
    file = folder / "notices.jsonl"
    return (
        [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    )


def play(store: Store, moment: str, *messages: dict[str, Any]) -> None:
    """Feed messages at a moment, and advance the ticket to it."""
    feed(store, messages, at(moment))
    advance_tickets(store, ["D1"], at(moment))


def notice_text(store: Store, moment: str, kind: str, tmp_path: Path) -> str:
    """Send what waits at a moment, and return the last text of this kind."""
    clock = ManualClock(at(moment))
    dispatcher = NoticeDispatcher(store, clock, tmp_path, None, "zh")
    ring(store, clock, dispatcher)
    dispatcher.close()
    return str([line["text"] for line in lines(tmp_path) if line["kind"] == kind][-1])


def test_a_yellow_card_is_not_sent_after_the_answer(store: Store, tmp_path: Path) -> None:
    """The log says why, once; nothing waits, nothing has failed, and pruning may take it."""
    play(store, "2026-11-02T09:00", R, message("D1", "unit.accepted", "2026-11-02T09:00"))
    play(store, "2026-11-12T08:30")
    play(store, "2026-11-12T08:31", message("D1", "result.submitted", "2026-11-12T08:31", **RESULT))
    clock = ManualClock(at("2026-11-12T08:32"))
    first = NoticeDispatcher(store, clock, tmp_path, None, "zh")
    second = NoticeDispatcher(store, clock, tmp_path, None, "zh")
    rows = [n.id for n in notices(store)]
    first.send(first.route(rows))
    second.send(second.route(rows))
    assert first.dropped and not second.dropped
    (yellow,) = notices(store, "yellow")
    assert (yellow.state, yellow.error, yellow.sent_at) == ("dropped", None, None)
    dropped = [data for _number, data in events_named(store, "notice.dropped")]
    (of_yellow,) = [data for data in dropped if data["kind"] == "yellow"]
    assert of_yellow["of"] == yellow.seq
    assert of_yellow["why"]["text"] == "the unit has answered"
    assert "yellow" not in {line["kind"] for line in lines(tmp_path)}
    assert "result_submitted" in {line["kind"] for line in lines(tmp_path)}
    log = log_of(store, "D1")
    assert [event.seq for event in log] == list(range(1, len(log) + 1))
    with store.writing() as session:
        assert resend(session, rows, clock()) == 0


def test_the_deadline_is_that_of_the_event(store: Store, tmp_path: Path) -> None:
    """The dispatch names its own term though the ticket has another deadline by then."""
    play(store, "2026-11-02T09:00", R)
    with store.writing() as session:
        # as where the row has moved on: what it holds is never what the notice says
        session.execute(update_ticket_due("2026-12-08T17:30", "另一个局"))
    text = notice_text(store, "2026-11-02T09:01", "dispatched", tmp_path)
    assert "11-03 17:30" in text
    assert UNIT in text
    assert "12-08" not in text
    assert "另一个局" not in text


def test_an_emergencys_dispatch_says_so_with_its_hours(store: Store, tmp_path: Path) -> None:
    """The unit is told of the two hours to be on site before they have passed."""
    play(store, "2026-11-02T09:00", R | {"emergency": "utilities"})
    text = notice_text(store, "2026-11-02T09:01", "dispatched", tmp_path)
    assert "【紧急】" in text
    assert "到场 11-02 11:00" in text


def update_ticket_due(due: str, unit: str) -> Any:
    """Return the statement that gives the ticket's row another deadline and unit."""

    return update(TICKET).values(due=at(due), unit=unit)


def test_a_notice_of_the_release_before_goes_out_with_its_deadline(
    store: Store, tmp_path: Path
) -> None:
    """Its event holds no deadline: it is that of the term which it asks to be kept."""
    play(store, "2026-11-02T09:00", R)
    old = next(e for e in log_of(store, "D1") if e.data.get("kind") == "dispatched")
    bare = {k: v for k, v in old.data.items() if k not in ("due", "duties")}
    with store.writing() as session:
        from models.tables.core import EVENT

        session.execute(update(EVENT).where(EVENT.c.seq == old.seq).values(data=bare))
    assert "11-03 17:30" in notice_text(store, "2026-11-02T09:01", "dispatched", tmp_path)


def test_a_correction_of_what_nobody_got_is_dropped_with_it(store: Store, tmp_path: Path) -> None:
    """A card that waits when it is taken back: neither it nor its correction is sent."""
    play(store, "2026-11-02T09:00", R, message("D1", "unit.accepted", "2026-11-02T09:00"))
    play(store, "2026-11-12T08:30")
    play(store, "2026-11-12T09:00", message("D1", "result.submitted", "2026-11-11T16:00", **RESULT))
    clock = ManualClock(at("2026-11-12T09:01"))
    dispatcher = NoticeDispatcher(store, clock, tmp_path, None, "zh")
    ring(store, clock, dispatcher)
    assert {n.state for n in notices(store, "yellow", "correction")} == {"dropped"}
    reasons = {d["why"]["text"] for _n, d in events_named(store, "notice.dropped")}
    assert "the notice that it corrects was never sent" in reasons


def test_a_correction_of_what_was_sent_goes_out(store: Store, tmp_path: Path) -> None:
    """While the card is being sent its correction waits; once it is sent it follows."""
    play(store, "2026-11-02T09:00", R, message("D1", "unit.accepted", "2026-11-02T09:00"))
    play(store, "2026-11-12T08:30")
    (yellow,) = notices(store, "yellow")
    clock = ManualClock(at("2026-11-12T09:01"))
    with store.writing() as session:
        held = update(NOTICE).where(NOTICE.c.id == yellow.id)
        session.execute(held.values(held_until=clock() + timedelta(minutes=2)))
    play(store, "2026-11-12T09:00", message("D1", "result.submitted", "2026-11-11T16:00", **RESULT))
    dispatcher = NoticeDispatcher(store, clock, tmp_path, None, "zh")
    ring(store, clock, dispatcher)
    (correction,) = [n for n in notices(store, "correction") if n.role == yellow.role]
    assert correction.state == "queued"
    with store.writing() as session:
        session.execute(held.values(held_until=None, state="sent", sent_at=clock()))
    clock.pass_by(timedelta(minutes=1))
    ring(store, clock, dispatcher)
    (correction,) = [n for n in notices(store, "correction") if n.role == yellow.role]
    assert correction.state == "sent"
    assert row_of(store, "D1").level == "prewarning"


def test_an_edit_of_facts_is_told_once(store: Store, tmp_path: Path) -> None:
    """New facts and a correction of one moment are one edit; a later correction is another."""
    play(store, "2026-11-02T09:00", R, message("D1", "unit.accepted", "2026-11-02T09:00"))
    edited, later = "2026-11-03T09:00", "2026-11-03T09:05"
    amended = {"title": "路灯全灭", "by": "city", "why": "corrected"}
    supplement = message("D1", "claimant.supplemented", edited, text="路灯全灭")
    play(store, edited, supplement, message("D1", "ticket.amended", edited, **amended))
    play(store, later, message("D1", "ticket.amended", later, **amended))
    clock = ManualClock(at("2026-11-03T09:06"))
    dispatcher = NoticeDispatcher(store, clock, tmp_path, None, "zh")
    ring(store, clock, dispatcher)
    dispatcher.close()
    states = [(n.kind, n.state) for n in notices(store, "supplemented", "amended")]
    assert states == [("supplemented", "sent"), ("amended", "dropped"), ("amended", "sent")]
    dropped = [d["why"]["text"] for _n, d in events_named(store, "notice.dropped")]
    assert "it is told with the new facts of the same edit" in dropped


def test_it_is_asked_again_when_the_ticket_is_locked(store: Store) -> None:
    """What was over when it was looked at, but is not by then, is left to be sent."""
    play(store, "2026-11-02T09:00", R)
    with store.writing() as session:
        (notice,) = ready_notices(session, [n.id for n in notices(store)], at("2026-11-02T09:01"))
        from dataclasses import replace

        from models.rules.occasions import NEVER_SENT

        stale = replace(notice, over=NEVER_SENT)
        assert drop_over(session, [stale], at("2026-11-02T09:01")) == []
    assert {n.state for n in notices(store)} == {"queued"}
    assert not events_named(store, "notice.dropped")


def test_a_channel_drops_when_it_holds(store: Store, tmp_path: Path) -> None:
    """A mail that waits for the morning is dropped in the morning, if the unit has accepted."""
    play(store, "2026-11-02T21:30", letter("D1", "2026-11-02T21:30"))
    with web_server() as (server, port):
        text = f"""
[channel.hook]
url = "json://127.0.0.1:{port}/x"

[[rule]]
channels = ["hook"]
"""
        file = tmp_path / "channels.toml"
        file.write_text(text, "utf-8")
        file.chmod(0o600)
        clock = ManualClock(at("2026-11-02T21:31"))
        dispatcher = NoticeDispatcher(store, clock, tmp_path, load_channels(file), "zh")
        ring(store, clock, dispatcher)
        assert {n.state for n in notices(store)} == {"queued"}
        play(store, "2026-11-03T07:20", message("D1", "unit.accepted", "2026-11-03T07:20"))
        clock.present = at("2026-11-03T07:31")
        ring(store, clock, dispatcher)
        wait_until(lambda: {n.state for n in notices(store)} == {"dropped"}, 20, "dropped")
        dispatcher.close()
        assert not server.posts


@pytest.mark.store(units=UnitsFile((Unit("城管局"), Unit("环卫所", parent="城管局"))))
def test_copies_for_the_parent_are_sent_while_the_card_stands(store: Store, tmp_path: Path) -> None:
    """Each recipient gets one, and it names the body; the answer ends both (1.3)."""
    accepted = message("D1", "unit.accepted", "2026-11-02T09:00", unit="环卫所")
    play(store, "2026-11-02T09:00", R | {"unit": "环卫所"}, accepted)
    play(store, "2026-11-12T08:30")
    text = notice_text(store, "2026-11-12T08:31", "yellow", tmp_path)
    assert "环卫所" in text
    sent = [(n.recipient, n.state) for n in notices(store, "yellow")]
    assert sent == [("环卫所/deputy_leader", "sent"), ("城管局/deputy_leader", "sent")]
    play(store, "2026-11-13T08:30")
    result = message("D1", "result.submitted", "2026-11-13T08:31", unit="环卫所", **RESULT)
    play(store, "2026-11-13T08:31", result)
    clock = ManualClock(at("2026-11-13T08:32"))
    dispatcher = NoticeDispatcher(store, clock, tmp_path, None, "zh")
    ring(store, clock, dispatcher)
    dispatcher.close()
    assert [n.state for n in notices(store, "red")] == ["dropped", "dropped"]
