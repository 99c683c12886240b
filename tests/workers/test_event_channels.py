"""Channels of events: to a real receiver, in order, at least once, and from where they stopped."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from models.clock import system_clock
from models.database import Store
from models.operations.changes import settle_waiting
from models.operations.event_channels import rewind_channel
from models.operations.roles import remove_role, set_role
from models.operations.units import rename_unit
from models.queries.event_feed import Cursor
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from models.tables.core import ACCESS, EVENT, SALT
from tests.store.factories import (
    EXTRA_UNITS,
    KEY_LINE,
    log_of,
    row_of,
    simple_units,
)
from tests.workers.event_receiver import SECRET, EventReceiver, event_receiver
from tests.workers.processes import wait_until
from tests.workers.sent_channel import ACCEPTED, NOW, SUPPLEMENTED, TEXT, SentChannel, lines, live
from workers.events.signature import signed_headers

pytestmark = pytest.mark.store(units=simple_units(), shared=True)

CHEN = Actor("chen", UserRole.SUPERVISOR)


@pytest.fixture
def receiver() -> Iterator[EventReceiver]:
    with event_receiver() as running:
        yield running


def test_a_signature_is_that_of_the_standard() -> None:
    """The example of Standard Webhooks; while a secret is changed both sign."""
    at_the_time = datetime.fromtimestamp(1614265330, NOW.tzinfo)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed_headers(
        [secret, SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", at_the_time, b'{"test": 2432232314}'
    )
    first, second = headers["webhook-signature"].split(" ")
    assert first == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert second.startswith("v1,") and second != first
    assert headers["webhook-timestamp"] == "1614265330"


def test_each_line_once_and_in_the_order_of_its_log(store: Store, receiver: EventReceiver) -> None:
    """In signed pages of a limited size; nothing is sent twice while all goes well."""
    channel = SentChannel(store, receiver, page=4)
    tickets = [live(store, ACCEPTED, SUPPLEMENTED) for _ in range(2)]
    channel.sender().send_due()
    for ticket in tickets:
        assert receiver.of(ticket) == lines(store, ticket)
    total = sum(len(lines(store, ticket)) for ticket in tickets)
    assert len(receiver.pages) == -(-total // 4) == len(set(receiver.pages))
    assert receiver.unsigned == 0 and receiver.repeated == []
    assert set(receiver.moments) == {int(NOW.timestamp())}
    assert "13912345678" not in str(receiver.events)
    channel.sender().send_due()
    assert sum(len(lines(store, ticket)) for ticket in tickets) == len(receiver.events)
    status = channel.status()
    assert not status.waits and status.sent_at == NOW and status.error is None
    # a receiver that has lost what it got is sent it again
    with store.writing() as session:
        rewind_channel(session, channel.name, Cursor.parse(receiver.events[1]["cursor"]))
    channel.sender().send_due()
    assert receiver.repeated == [event["id"] for event in receiver.events[2:]]


def test_another_secret_is_seen(store: Store, receiver: EventReceiver) -> None:
    """A receiver that refuses a page is tried seldom; the page waits, and those behind it."""
    channel = SentChannel(store, receiver, secret=SECRET[:-4] + "AAA=")
    ticket = live(store)
    channel.sender().send_due()
    status = channel.status()
    assert receiver.unsigned == 1 and receiver.events == []
    assert "401" in str(status.error) and status.waits
    channel.clock.pass_by(timedelta(minutes=9))
    channel.sender(secret=SECRET).send_due()
    assert receiver.unsigned == 1 and receiver.events == []
    channel.clock.pass_by(timedelta(minutes=1))
    channel.sender(secret=SECRET).send_due()
    assert receiver.of(ticket) == lines(store, ticket)


@pytest.mark.store(databases=["sqlite"], units=simple_units(), shared=True)
@pytest.mark.parametrize("how", ["error", "silent", "asks for patience", "sends on"])
def test_away_and_back(store: Store, receiver: EventReceiver, how: str) -> None:
    """It is tried again after growing rests, with the same page, and gets all in order."""
    channel = SentChannel(store, receiver, page=3, timeout=0.3)
    first = live(store)
    receiver.answer, receiver.hangs = 503, how == "silent"
    rest, tries = timedelta(seconds=30), 3
    if how == "asks for patience":
        receiver.headers["Retry-After"] = "120"
        rest, tries = timedelta(seconds=120), 1
    elif how == "sends on":
        receiver.answer, receiver.headers["Location"] = 307, receiver.url
        rest, tries = timedelta(minutes=10), 1
    for _ in range(5):
        channel.sender().send_due()
    assert len(receiver.pages) == tries and len(set(receiver.pages)) == 1
    status = channel.status()
    assert status.failures == tries and status.rest_until == NOW + rest
    assert status.waits
    second = live(store, ACCEPTED)
    receiver.answer, receiver.hangs = 200, False
    channel.clock.pass_by(rest)
    channel.sender().send_due()
    for ticket in (first, second):
        assert receiver.of(ticket) == lines(store, ticket)
    assert receiver.pages[tries] == receiver.pages[0] and receiver.repeated == []
    assert channel.status().error is None


def test_killed_before_it_is_recorded(
    store: Store, receiver: EventReceiver, tmp_path: Path
) -> None:
    """The page comes again under its id, once the dead worker's hold has ended; none is lost."""
    channel = SentChannel(store, receiver, page=3)
    ticket = live(store, ACCEPTED)
    channel.clock.present = system_clock()
    keys = tmp_path / "keys"
    keys.write_text(KEY_LINE)
    keys.chmod(0o600)
    command = [sys.executable, "-P", "-m", "tests.workers.send_events"]
    process = subprocess.Popen([*command, store.url, str(keys), channel.name, receiver.url])
    receiver.on_page = process.kill
    process.wait(30)
    receiver.on_page = lambda: None
    assert len(receiver.pages) == 1
    channel.sender().send_due()
    assert len(receiver.pages) == 1, "the dead one's hold stands"
    channel.clock.pass_by(timedelta(minutes=1))
    channel.sender().send_due()
    assert receiver.pages[1] == receiver.pages[0]
    assert receiver.of(ticket) == lines(store, ticket)


def test_two_workers_never_send_at_once(store: Store, receiver: EventReceiver) -> None:
    """Each page is sent by one of them, the next by either."""
    channel = SentChannel(store, receiver, page=2)
    tickets = [live(store, ACCEPTED) for _ in range(2)]
    settle_waiting(store)
    senders = [channel.sender() for _ in range(2)]
    for sender in senders:
        sender.start()
    wait_until(lambda: not channel.status().waits, 30, "all is sent")
    for sender in senders:
        sender.close()
    assert receiver.most_at_once == 1 and receiver.repeated == []
    for ticket in tickets:
        assert receiver.of(ticket) == lines(store, ticket)


def test_a_worker_that_lost_its_hold_records_nothing(store: Store, receiver: EventReceiver) -> None:
    """One that was frozen while it sent: another has gone on, and the cursor stays there."""
    channel = SentChannel(store, receiver, page=500)
    ticket = live(store)
    frozen = channel.sender()

    def another() -> None:
        receiver.on_page = lambda: None
        channel.clock.pass_by(timedelta(minutes=5))
        live(store)
        channel.sender().send_due()

    receiver.on_page = another
    frozen.send_due()
    cursor = channel.status().cursor
    assert len(receiver.pages) == 3 and receiver.of(ticket) == lines(store, ticket)
    channel.sender().send_due()
    assert len(receiver.pages) == 3 and channel.status().cursor == cursor


def test_only_what_is_wanted(store: Store, receiver: EventReceiver) -> None:
    """By type, and by unit: under all its names, and of the time when it had the ticket."""
    types = SentChannel(store, receiver, types=["ticket.accepted"])
    first = live(store, ACCEPTED)
    types.sender().send_due()
    assert [event["event"] for event in receiver.events] == ["ticket.accepted"]
    assert len(receiver.pages) == 1
    ours, other = EXTRA_UNITS[:2]
    units = SentChannel(store, receiver, units=[ours])
    to_another = ("ticket.reassigned", {"unit": other, "by": "值班员", "why": "派错"})
    by_another = ("progress.reported", {"unit": other, "text": "在路上"})
    left = live(store, ACCEPTED, to_another, by_another, unit=ours, emergency="utilities")
    never = live(store, unit=other)
    with store.writing() as session:
        rename_unit(session, ours, "新" + ours, NOW)
    units.sender().send_due()
    assert receiver.of(first)[1:] == [] and receiver.of(never) == []
    names = [event["event"] for event in receiver.events if event["ticket"] == left]
    assert names[0] == "ticket.received" and "ticket.reassigned" in names
    our_lines = [row for row in log_of(store, left) if row.name == "ticket.accepted"]
    assert {row.seq for row in our_lines} <= set(receiver.of(left))
    anothers = next(row for row in log_of(store, left) if row.name == "progress.reported")
    assert anothers.seq not in receiver.of(left)
    with store.writing() as session:
        rename_unit(session, "新" + ours, ours, NOW)


def test_in_clear_by_setting_and_role(store: Store, receiver: EventReceiver) -> None:
    """Without either texts are redacted; each ticket shown is in the access log, once a page."""
    channel = SentChannel(store, receiver, reveal=True)
    who = f"channel:{channel.name}"
    live(store, SUPPLEMENTED)
    channel.sender().send_due()
    with store.writing() as session:
        set_role(session, CHEN, CHEN.name, UserRole.SUPERVISOR, NOW)
        set_role(session, CHEN, who, UserRole.OPERATOR, NOW)
    try:
        channel.sender(reveal=False).send_due()
        live(store, SUPPLEMENTED)
        channel.sender(reveal=False).send_due()
        assert TEXT not in str(receiver.events) and revealed(store, who) == []
        third = live(store, SUPPLEMENTED)
        receiver.answer = 503
        channel.sender().send_due()
        receiver.answer = 200
        channel.sender().send_due()
        texts = [e["text"] for e in receiver.events if e.get("text") and e["ticket"] == third]
        assert texts == [TEXT] and revealed(store, who) == [third]
    finally:
        with store.writing() as session:
            remove_role(session, CHEN, who, NOW)


def revealed(store: Store, who: str) -> list[str]:
    with store.reading() as session:
        rows = session.execute(select(ACCESS).where(ACCESS.c.who == who)).all()
    assert {(row.act, tuple(row.fields)) for row in rows} <= {("reveal", ("log",))}
    return [row.ticket for row in rows]


def test_erased_texts_hold_nothing_up(store: Store, receiver: EventReceiver) -> None:
    """A ticket without its texts is sent without them, line by line."""
    channel = SentChannel(store, receiver)
    ticket = live(store, SUPPLEMENTED)
    with store.writing() as session:
        session.execute(delete(SALT).where(SALT.c.ticket == ticket))
    channel.sender().send_due()
    assert receiver.of(ticket) == lines(store, ticket)
    assert "再说" not in str(receiver.events)


def test_texts_from_elsewhere_hold_nothing_up(store: Store, receiver: EventReceiver) -> None:
    """A line whose text was put there from another ticket is sent without it."""
    channel = SentChannel(store, receiver)
    first, second = (live(store, SUPPLEMENTED) for _ in range(2))
    ids = [row_of(store, ticket).id for ticket in (first, second)]
    with store.writing() as session:
        moved = select(EVENT.c.private).where(EVENT.c.ticket_id == ids[0], EVENT.c.seq == 1)
        forged = update(EVENT).where(EVENT.c.ticket_id == ids[1], EVENT.c.private.is_not(None))
        session.execute(forged.values(private=moved.scalar_subquery()))
    channel.sender().send_due()
    assert receiver.of(second) == lines(store, second)
    texts = [event.get("text") for event in receiver.events if event["ticket"] == second]
    assert not any(texts)
