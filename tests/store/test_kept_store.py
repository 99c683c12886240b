"""A store of an earlier release with all that can be in it goes on under the code as it is now."""

import json
import lzma
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select
from sqlmodel import SQLModel

from models.database import Session, Store
from models.migrations import revision, upgrade
from models.operations.access import find
from models.operations.calendar import change_calendar
from models.operations.keys import count_by_key, reencrypt
from models.operations.notices.outgoing import ready_notices
from models.operations.notices.record import record_outcomes
from models.operations.policies import import_policy, withdraw_policy
from models.queries.detail import ticket_detail
from models.queries.event_counts import hourly_counts
from models.queries.overview import workload
from models.queries.policies import policy_versions, tickets_by_policy
from models.queries.verification import Verification, verify
from models.rules.calendar import DeclaredDay
from models.rules.events import decode, encode
from models.rules.lifecycle.decide import HANDLERS
from models.rules.messages import FIELDS, ORIGINS
from models.rules.origins import PRIVATE
from models.rules.state import State
from models.rules.vocabulary import OPEN, EventName, NoticeKind, UserRole
from models.schema import NEWEST
from models.security.roles import Actor
from models.tables.columns import Instant, undecoded
from models.tables.core import CLOCK, EVENT, INBOX, NOTICE, TICKET, UNIT
from tests.rules.district import POLICY_TEXT
from tests.secrets.test_clear_columns import in_clear
from tests.store.factories import (
    RESULT,
    advance_tickets,
    at,
    feed,
    log_of,
    message,
    restored,
    row_of,
)

KEPT = Path(__file__).parent / "kept" / "0.1.0"
LEFT = at("2026-11-20T10:00")
"""When release 0.1.0 wrote the last line."""

EVENTS = """
    alert.raised alert.withdrawn
    clock.expired clock.moved clock.started clock.stopped
    conduct.proposed conduct.recorded
    contact.deemed_absent contact.proof_asked contact.recorded contact.unreachable
    decision.withdrawn
    dispute.decided dispute.evidence dispute.opened
    extension.granted extension.refused
    message.refused
    notice.failed notice.queued notice.sent
    progress.reported rating.corrected result.refused result.submitted
    return.approved return.refused revisit.opened rework.opened rework.refused
    screening.decided screening.proposed site.arrived survey.opened survey.rated
    ticket.accepted ticket.archived ticket.completed ticket.declined ticket.deemed_accepted
    ticket.dispatched ticket.received ticket.returned ticket.routed ticket.supplemented
    ticket.unrouted ticket.withdrawn
    unit.joined unit.urged
"""
"""Every event that release 0.1.0 could write."""

TYPES = """
    claimant.supplemented claimant.withdrew conduct.recorded
    contact.attempted contact.denied contact.proof
    dispute.decided dispute.evidence dispute.opened extension.requested progress.reported
    result.reviewed result.submitted return.reviewed revisit.recorded rework.requested
    screening.decided site.arrived survey.rated term.restarted ticket.assigned ticket.received
    unit.accepted unit.joined unit.returned unit.urged
"""
"""Every message that release 0.1.0 took."""

NOTICES = """
    contact_reminder correction declined deemed_accepted designated dispatched dissatisfied
    evidence_asked expired joined prewarning proof_asked red result_refused result_submitted
    return_refused returned revisited rework second_handling_offered unreachable urged withdrawn
    withdrawal_guidance yellow
"""
"""Every kind of notice that release 0.1.0 sent."""

STATES = {
    "handling": 58,
    "archived": 12,
    "submitted": 8,
    "completed": 7,
    "declined": 4,
    "dispatched": 3,
    "manual": 2,
    "returned": 1,
    "disputed": 1,
}


@pytest.fixture
def store(empty_database_url: str) -> Iterator[Store]:
    """The store as release 0.1.0 left it, brought to the newest shape, once on each database."""
    opened = restored(KEPT, empty_database_url)
    try:
        assert revision(opened) == "0010"
        upgrade(opened)
        yield opened
    finally:
        opened.close()


def _whole(store: Store) -> Verification:
    result = verify(store)
    assert result.broken is None
    return result


def _kinds_of_instants(session: Session) -> set[str]:
    """The kinds of values that SQLite has in the columns of instants."""
    columns = [
        column
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Instant)
    ]
    return {kind for column in columns for kind in session.scalars(select(func.typeof(column)))}


def _waiting(store: Store) -> list[str]:
    with store.reading() as session:
        waiting = select(INBOX.c.ticket).where(INBOX.c.state == "waiting", INBOX.c.at <= LEFT)
        return sorted(set(session.scalars(waiting)))


def test_nothing_of_it_is_lost(store: Store) -> None:
    """Its shape is the newest, its logs are whole, and all that came in can be read."""
    assert revision(store) == NEWEST
    result = _whole(store)
    assert (result.tickets, result.lines, result.accesses) == (96, 2547, 5)
    lines = lzma.decompress((KEPT / "messages.jsonl.xz").read_bytes()).splitlines()
    sent = {msgspec.json.encode(json.loads(n)["message"], order="deterministic") for n in lines}
    with store.reading() as session:
        bodies = session.decrypt_all(INBOX.c.body, session.execute(select(INBOX)).all())
        states = session.execute(select(TICKET.c.status, func.count()).group_by(TICKET.c.status))
        assert {row[0]: row[1] for row in states} == STATES
        notices = Counter(session.scalars(select(NOTICE.c.state)))
        assert notices == {"sent": 551, "queued": 14, "failed": 10}
        if session.dialect == "sqlite":
            assert _kinds_of_instants(session) == {"blob", "null"}
    assert len(bodies) == 366
    assert {msgspec.json.encode(body, order="deterministic") for body in bodies} == sent


def test_its_notices_can_be_sent_and_recorded(store: Store) -> None:
    """They are read with all that recording them needs."""
    with store.writing() as session:
        rows = session.scalars(select(NOTICE.c.id).where(NOTICE.c.state == "queued")).all()
        ready = [notice.row for notice in ready_notices(session, rows, LEFT)]
        assert ready
        assert record_outcomes(session, dict.fromkeys(ready), "file", LEFT) == (len(ready), 0)
    assert verify(store).findings == []


def test_all_that_can_be_written_is_in_it(store: Store) -> None:
    """Every event, every message type and every kind of notice; each is still known."""
    with store.reading() as session:
        events = set(session.scalars(select(EVENT.c.name)))
        inbox = session.execute(select(INBOX.c.state, INBOX.c.type, INBOX.c.conflicting)).all()
        queued = session.scalars(select(EVENT.c.data).where(EVENT.c.name == "notice.queued"))
        kinds = {data["kind"] for data in queued}
        withdrawn = session.scalars(
            select(EVENT.c.data).where(EVENT.c.name.in_(("alert.withdrawn", "decision.withdrawn")))
        )
        assert len([data for data in withdrawn if data.get("of")]) == 40
    assert events == set(EVENTS.split())
    assert {row.type for row in inbox if row.state == "applied"} == set(TYPES.split())
    assert set(TYPES.split()) <= FIELDS.keys() & HANDLERS.keys()
    assert kinds == set(NOTICES.split())
    assert kinds <= set(NoticeKind)
    assert Counter(row.state for row in inbox) == {"applied": 327, "refused": 34, "waiting": 5}
    assert any(row.conflicting for row in inbox)


def test_its_people_are_found_and_both_its_keys_open_it(store: Store) -> None:
    """By the hashes that it was written with; then all of it is sealed with the newer key."""
    who = Actor("zhao", UserRole.SUPERVISOR)
    with store.writing() as session:
        assert find(session, who, "phone", "137 0000 5555", LEFT) == ["KP-22", "KP-21"]
        assert find(session, who, "identity", "440507199001011234", LEFT) == ["KP-06"]
    with store.reading() as session:
        counts = count_by_key(session)
    assert counts.keys() == {0, 1}
    assert sum(reencrypt(store)) == counts[0]
    with store.reading() as session:
        assert count_by_key(session) == {1: sum(counts.values())}
    assert _whole(store).accesses == 7


def test_late_messages_and_the_calendar_change_it(store: Store) -> None:
    """A card and an expiry are taken back, clocks are moved, what waits is dealt with."""
    lines = _whole(store).lines
    feed(
        store,
        [
            message("KP-09", "result.submitted", "2026-11-18T10:00", **RESULT),
            message("KP-12", "site.arrived", "2026-11-19T10:00", unit="民政局"),
        ],
        LEFT,
    )
    before = {number: log_of(store, number) for number in ("KP-09", "KP-12")}
    assert advance_tickets(store, list(before), at("2026-11-20T10:05")).applied == 2
    assert row_of(store, "KP-09").status == "submitted"
    new = {number: log_of(store, number)[len(old) :] for number, old in before.items()}
    assert "alert.withdrawn" in {event.name for event in new["KP-09"]}
    assert "decision.withdrawn" in {event.name for event in new["KP-12"]}
    for number, old in before.items():
        kept = [event.hash for event in log_of(store, number)[: len(old)]]
        assert kept == [event.hash for event in old], "a log is only ever appended to"
    appended = sum(map(len, new.values()))
    assert _whole(store).lines == lines + appended

    days = {date(2026, 11, 23): DeclaredDay(False, "台风停工通知")}
    due = row_of(store, "KP-07").due
    with store.writing() as session:
        moved = change_calendar(session, days, at("2026-11-20T10:10"))
    assert "KP-07" in {clock.ticket for clock in moved.moved}
    assert row_of(store, "KP-07").due > due
    _whole(store)

    assert _waiting(store) == ["KP-07", "KP-10", "KP-49", "KP-91"]
    dealt = advance_tickets(store, _waiting(store), at("2026-11-20T10:15"))
    assert (dealt.by_queue.total(), dealt.refused) == (3, 0)
    assert row_of(store, "KP-49").status == "dispatched"
    assert _waiting(store) == ["KP-91"], "it waits a week for its ticket"
    assert _whole(store).tickets == 97
    with store.reading() as session:
        numbers = list(session.scalars(select(TICKET.c.number)))
    advance_tickets(store, [*numbers, "KP-91"], at("2026-12-01T09:00"))
    assert _waiting(store) == []
    assert row_of(store, "KP-07").level == "red"
    _whole(store)


def test_it_can_be_looked_at(store: Store) -> None:
    """Each ticket by itself, masked, and the counters of the first screen."""
    with store.reading() as session:
        for number in session.scalars(select(TICKET.c.number)).all():
            ticket = ticket_detail(session, number)
            assert "ticket.received" in {line.name for line in ticket.log}
            assert "*" in ticket.claimant.phone or not ticket.claimant.phone
        counters = workload(session, LEFT).counters
        assert counters.open == sum(count for status, count in STATES.items() if status in OPEN)
        assert (counters.manual, counters.returned) == (STATES["manual"], STATES["returned"])
        assert sum(hourly_counts(session, LEFT).received) == 1


def test_every_line_keeps_its_bytes(store: Store) -> None:
    """Read and written again, each is the same; no ticket's state loses anything."""
    with store.reading() as session:
        data = undecoded(EVENT.c.data)
        lines = session.execute(select(EVENT.c.name, data)).all()
        states = session.scalars(select(TICKET.c.state)).all()
    for line in lines:
        assert encode(decode(line.name, line.data)) == line.data.encode()
    for state in states:
        again = msgspec.json.encode(msgspec.json.decode(state, type=State))
        assert msgspec.json.decode(again, type=State) == msgspec.json.decode(state, type=State)
        assert json.loads(state).keys() <= json.loads(again).keys(), "nothing is passed over"
    assert {line.name for line in lines} == set(EventName) - _LATER


_LATER = {
    EventName.CONTACT_PROVED,
    EventName.NOTICE_DROPPED,
    EventName.TEXTS_ERASED,
    EventName.TICKET_AMENDED,
    EventName.TICKET_REASSIGNED,
    EventName.UNIT_SUCCEEDED,
    EventName.NOTE_ADDED,
    EventName.TOPIC_PROPOSED,
}
"""Events that the release of this store did not know."""


def test_a_policy_of_the_store_can_be_withdrawn(store: Store) -> None:
    """Its open tickets run under the version that replaces it; every log is only appended to."""
    upgrade(store)
    lines = _whole(store).lines
    text = POLICY_TEXT.replace('complaint = "7 workdays"', 'complaint = "5 workdays"')
    with store.writing() as session:
        versions = policy_versions(session)
        result = import_policy(session, text, "policy.toml", at("2026-11-20T10:10"))
        change = withdraw_policy(session, 1, at("2026-11-20T10:10"))
        under = tickets_by_policy(session)
        third = policy_versions(session)[2]
    assert ([version.number for version in versions], result.number) == ([1, 2], 3)
    assert change.moved and not change.kept
    assert under[versions[0].id][1] == 0
    assert under[third.id][0] == change.tickets
    assert _whole(store).lines > lines


def test_what_a_former_unit_owed_is_its_own(store: Store) -> None:
    """A second handling by another unit takes no earlier duty with it (decision 31)."""
    with store.reading() as session:
        changes = session.execute(
            select(EVENT.c.ticket_id, EVENT.c.moment, EVENT.c.data).where(
                EVENT.c.name == EventName.REWORK_OPENED
            )
        ).all()
        compared = 0
        for change in changes:
            rows = session.execute(
                select(CLOCK.c.holder, TICKET.c.unit, CLOCK.c.ended_at)
                .join(TICKET, TICKET.c.id == CLOCK.c.ticket_id)
                .where(CLOCK.c.ticket_id == change.ticket_id, CLOCK.c.name == "first_contact")
                .where(CLOCK.c.ended_at < change.moment)
            ).all()
            first = session.scalars(
                select(EVENT.c.data)
                .where(EVENT.c.ticket_id == change.ticket_id, EVENT.c.name == "ticket.dispatched")
                .order_by(EVENT.c.seq.desc())
            ).first()
            for row in rows:
                compared += row.holder != row.unit
                assert first is not None
                assert row.holder == first["unit"]
    assert compared, "a second handling by another unit is among them"


def test_what_people_wrote_is_taken_out_of_the_clear_columns(store: Store) -> None:
    """Reasons, names of operators and of unknown units stood in its log, its inbox, its states."""
    wrote = set()
    for line in lzma.decompress((KEPT / "messages.jsonl.xz").read_bytes()).splitlines():
        raw = json.loads(line)["message"]
        origins = ORIGINS.get(raw.get("type"), {})
        for name, value in raw.items():
            if origins.get(name) is PRIVATE and name != "title":
                wrote |= set(_texts(value))
    with store.reading() as session:
        known = set(session.scalars(select(UNIT.c.name)))
    ours = ("unit.", "policy_version.")
    clear = [
        place
        for place in in_clear(store)
        # whoever had a notice sent again is one of the service's own users
        if not place.startswith(ours) and '"again":' not in place
    ]
    assert [(text, p[:200]) for text in wrote - known for p in clear if text in p] == []
    assert len(wrote) > 100


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value that are long enough to be told from a number or a word of ours."""
    match value:
        case str() if len(value) > 3 and not value.isascii():
            yield value
        case dict():
            for part in value.values():
                yield from _texts(part)
        case list():
            for part in value:
                yield from _texts(part)
