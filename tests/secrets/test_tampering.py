"""Whoever writes to the database without the key deletes, swaps and alters nothing unseen."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, func, insert, select, text, update

from models.anchor_file import AnchorFile
from models.database import Session, Store
from models.migrations import upgrade
from models.operations.access_log import record_access
from models.operations.anchors import make_anchor
from models.operations.calendar import change_calendar
from models.operations.notices.record import record_outcomes
from models.operations.outside_anchors import copy_outside
from models.queries.anchors import anchors
from models.queries.arrival_check import INBOX_NAME
from models.queries.verification import Verification, verify
from models.rules.calendar import DeclaredDay
from models.rules.vocabulary import UserRole
from models.security.findings import Harm
from models.security.roles import Actor
from models.tables.core import (
    ACCESS,
    ANCHOR,
    BLIND_INDEX,
    CHANGE,
    CLOCK,
    EVENT,
    INBOX,
    NOTICE,
    POLICY,
    SALT,
    TICKET,
    UNIT,
)
from tests.store.factories import RESULT, advance_tickets, at, feed, letter, message, row_of

NOW = at("2026-11-20T09:00")
WHO = Actor("wang", UserRole.SUPERVISOR)
NUMBERS = ["C1", "C2", "C3"]


def _lived(store: Store) -> None:
    """Three tickets, of which one is completed and handled again, lines of the access log."""
    more = [
        message("C2", "unit.accepted", "2026-11-02T10:00"),
        message("C2", "result.submitted", "2026-11-03T10:00", **RESULT),
        message("C2", "result.reviewed", "2026-11-03T11:00", accepted=True, unit=None),
        message("C3", "claimant.supplemented", "2026-11-04T09:00", text="还是不亮"),
    ]
    feed(store, [*(letter(n, "2026-11-02T09:00") for n in NUMBERS), *more], NOW)
    advance_tickets(store, NUMBERS, NOW)
    with store.writing() as session:
        change_calendar(session, {date(2026, 11, 21): DeclaredDay(True, "加班通知")}, NOW)
        for number in NUMBERS:
            record_access(session, WHO, "reveal", number, ["phone"], NOW)
        rows = session.scalars(select(NOTICE.c.id).order_by(NOTICE.c.id).limit(2)).all()
        record_outcomes(session, {rows[0]: None}, "file", NOW)
    _anchor(store)


def _anchor(store: Store, minutes: int = 1) -> None:
    with store.writing() as session:
        assert make_anchor(session, NOW + timedelta(minutes=minutes)) is not None


pytestmark = pytest.mark.store(fill=_lived)


def _change(store: Store, *statements: Any) -> None:
    with store.writing() as session:
        for statement in statements:
            session.execute(statement)


def _harms(result: Verification) -> list[tuple[str, str | None]]:
    return [(finding.harm, finding.ticket) for finding in result.findings]


def test_what_nobody_touched_is_whole(store: Store) -> None:
    """Logs, rows and anchors; also what no anchor covers yet."""
    result = verify(store)
    assert result.findings == []
    assert (result.anchors, result.holding and result.holding.number) == (2, 2)
    feed(store, [letter("C4", "2026-11-20T08:00")], NOW)
    advance_tickets(store, ["C4"], NOW + timedelta(hours=1))
    assert verify(store).findings == []
    _anchor(store)
    result = verify(store)
    assert (result.findings, result.holding and result.holding.number) == ([], 3)


def _of(number: str, table: Any) -> Any:
    return (
        table.c.ticket_id == select(TICKET.c.id).where(TICKET.c.number == number).scalar_subquery()
    )


def _clock(key: str, statement: Any) -> Any:
    return statement.where(_of("C1", CLOCK), CLOCK.c.key == key)


def _newest_notice(statement: Any) -> Any:
    return statement.where(NOTICE.c.id == select(func.max(NOTICE.c.id)).scalar_subquery())


def _first(table: Any, column: Any) -> Any:
    return select(func.min(column)).select_from(table).scalar_subquery()


ROWS: dict[str, tuple[Callable[[], Sequence[Any]], Harm, str | None]] = {
    "a ticket's status": (
        lambda: [update(TICKET).where(TICKET.c.number == "C1").values(status="archived")],
        Harm.ALTERED,
        "C1",
    ),
    "its unit": (
        lambda: [update(TICKET).where(TICKET.c.number == "C1").values(unit="住建局")],
        Harm.ALTERED,
        "C1",
    ),
    "its due": (
        lambda: [update(TICKET).where(TICKET.c.number == "C1").values(due=NOW)],
        Harm.ALTERED,
        "C1",
    ),
    "its level": (
        lambda: [update(TICKET).where(TICKET.c.number == "C1").values(level=None)],
        Harm.ALTERED,
        "C1",
    ),
    "its rating": (
        lambda: [update(TICKET).where(TICKET.c.number == "C2").values(rating="satisfied")],
        Harm.ALTERED,
        "C2",
    ),
    "its state": (
        lambda: [
            update(TICKET)
            .where(TICKET.c.number == "C1")
            .values(state=func.replace(TICKET.c.state, '"run":1', '"run":2'))
        ],
        Harm.ALTERED,
        "C1",
    ),
    "its number": (
        lambda: [update(TICKET).where(TICKET.c.number == "C1").values(number="C9")],
        Harm.SWAPPED,
        "C9",
    ),
    "a clock": (
        lambda: [_clock("first_contact", update(CLOCK)).values(state="met")],
        Harm.ALTERED,
        "C1",
    ),
    "a clock that is gone": (
        lambda: [_clock("accept", delete(CLOCK))],
        Harm.DELETED,
        "C1",
    ),
    "a notice that was not sent": (
        lambda: [_newest_notice(update(NOTICE)).values(state="sent", channel="file")],
        Harm.ALTERED,
        None,
    ),
    "whom a notice is for": (
        lambda: [_newest_notice(update(NOTICE)).values(role="mayor")],
        Harm.ALTERED,
        None,
    ),
    "a notice that is gone": (
        lambda: [_newest_notice(delete(NOTICE))],
        Harm.DELETED,
        None,
    ),
    "a notice for somebody else": (
        lambda: [_newest_notice(update(NOTICE)).values(recipient="nobody")],
        Harm.ALTERED,
        None,
    ),
    "a notice of another unit": (
        lambda: [_newest_notice(update(NOTICE)).values(unit="nobody")],
        Harm.ALTERED,
        None,
    ),
    "a notice of another kind": (
        lambda: [_newest_notice(update(NOTICE)).values(kind="card")],
        Harm.ALTERED,
        None,
    ),
    "the unit that had it first": (
        lambda: [update(TICKET).where(TICKET.c.number == "C1").values(first_unit="住建局")],
        Harm.ALTERED,
        "C1",
    ),
    "the mark of a level": (
        lambda: [
            update(EVENT)
            .where(_of("C1", EVENT), EVENT.c.once.like("%/red"))
            .values(once=func.replace(EVENT.c.once, "/red", "/yellow-"))
        ],
        Harm.ALTERED,
        "C1",
    ),
    "a mark of what is no level": (
        lambda: [update(EVENT).where(_of("C1", EVENT), EVENT.c.seq == 1).values(once="a/0/1/red")],
        Harm.ALTERED,
        "C1",
    ),
    "a claimant of another ticket": (
        lambda: [
            update(TICKET)
            .where(TICKET.c.number == "C1")
            .values(
                claimant=select(other.c.claimant).where(other.c.number == "C3").scalar_subquery()
            )
            for other in [TICKET.alias()]
        ],
        Harm.ALTERED,
        "C1",
    ),
    "the salt of its texts": (
        lambda: [delete(SALT).where(SALT.c.ticket == "C2")],
        Harm.DELETED,
        "C2",
    ),
    "a policy": (
        lambda: [update(POLICY).values(body=func.replace(POLICY.c.body, "7 work", "9 work"))],
        Harm.ALTERED,
        None,
    ),
    "a day": (lambda: [text("UPDATE calendar_day SET working = NOT working")], Harm.ALTERED, None),
    "a day that is gone": (lambda: [text("DELETE FROM calendar_day")], Harm.DELETED, None),
    "a unit": (
        lambda: [update(UNIT).where(UNIT.c.id == _first(UNIT, UNIT.c.id)).values(parent="住建局")],
        Harm.ALTERED,
        None,
    ),
    "the end of the access log": (
        lambda: [delete(ACCESS).where(ACCESS.c.id == 3)],
        Harm.DELETED,
        None,
    ),
    "all of the access log": (lambda: [delete(ACCESS)], Harm.DELETED, None),
    "a ticket with all that is its own": (
        lambda: [
            *(delete(table).where(_of("C2", table)) for table in (EVENT, CLOCK, NOTICE)),
            text(
                "DELETE FROM trace WHERE ticket_id IN (SELECT id FROM ticket WHERE number = 'C2')"
            ),
            delete(TICKET).where(TICKET.c.number == "C2"),
            delete(INBOX).where(INBOX.c.ticket == "C2"),
        ],
        Harm.DELETED,
        "C2",
    ),
}


@pytest.mark.parametrize("what", ROWS)
def test_a_row_is_not_changed_unseen(store: Store, what: str) -> None:
    """Each is named with what was done to it, and nothing else is."""
    statements, harm, ticket = ROWS[what]
    _change(store, *statements())
    result = verify(store)
    assert {finding.harm for finding in result.findings} == {harm}, result.findings
    # messages that are gone are told of by themselves
    result.findings = [f for f in result.findings if f.place != INBOX_NAME]
    assert len(result.findings) == 1, result.findings
    if ticket is not None:
        assert result.findings[0].ticket == ticket
        assert verify(store, ticket).findings == result.findings
    assert result.holding is not None and result.holding.number == 2, "the anchors hold"


def _without_foreign_keys(store: Store, *statements: str) -> None:
    """Execute statements as whoever opens the file of the database, or owns the tables, can."""
    with store.engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        if store.engine.dialect.name == "sqlite":
            raw.execute("PRAGMA foreign_keys=OFF")
            for statement in statements:
                raw.execute(statement)
            raw.execute("PRAGMA foreign_keys=ON")
            return
        raw.autocommit = True
        raw.execute("SET session_replication_role = replica")
        for statement in statements:
            raw.execute(statement)
        raw.execute("SET session_replication_role = origin")
        raw.autocommit = False


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ticket WHERE number = 'C2'",
        "UPDATE ticket SET id = id + 1000 WHERE number = 'C2'",
        "UPDATE ticket SET id = 4611686018427387904 WHERE number = 'C2'",
    ],
)
def test_a_ticket_whose_row_alone_is_gone_is_named(store: Store, statement: str) -> None:
    """Its lines, which nobody can read any more, keep nothing else from being checked."""
    lines = row_of(store, "C2").seq
    _without_foreign_keys(store, statement)
    _change(store, update(TICKET).where(TICKET.c.number == "C3").values(status="archived"))
    result = verify(store)
    assert {("deleted", "C2"), ("altered", "C3")} <= set(_harms(result))
    gone = [f.why.text.format(**f.why.args) for f in result.findings if f.ticket == "C2"]
    assert any(why.startswith(f"the whole ticket is gone, with {lines} lines") for why in gone)


WRONG_TYPES = [
    ("ticket", "due", "'x'"),
    ("ticket", "updated_at", "'2026-02-31 00:00:00.000000'"),
    ("ticket", "hash", "1000000000000"),
    ("ticket", "seq", "'x'"),
    ("ticket", "reworked", "'x'"),
    ("ticket", "claimant", "'x'"),
    ("ticket", "state", "x'00'"),
    ("ticket", "number", "CAST(number AS BLOB)"),
    ("event", "at", "'x'"),
    ("event", "data", "x'00'"),
    ("event", "hash", "'x'"),
    ("event", "private", "'x'"),
    ("event", "once", "CAST(seq AS BLOB)"),
    ("clock", "due", "1"),
    ("clock", "provisional", "7"),
    ("notice", "held_until", "'x'"),
    ("notice", "tries", "'x'"),
    ("policy_version", "valid_from", "'x'"),
    ("policy_version", "withdrawn_at", "1"),
    ("calendar_day", "declared_at", "'x'"),
    ("calendar_day", "day", "'x'"),
    ("unit", "words", "'x'"),
    ("unit", "people", "'x'"),
    ("access", "at", "'x'"),
    ("access", "hash", "'x'"),
    ("anchor", "at", "'x'"),
    ("anchor", "root", "7"),
    ("change", "heads", "'x'"),
    ("inbox", "at", "'x'"),
    ("inbox", "body", "'x'"),
    ("inbox", "outline_hash", "'x'"),
    ("inbox", "digest", "'x'"),
    ("inbox", "ticket", "CAST(x'ff41' AS TEXT)"),
    ("ticket", "title", "CAST(x'ff41' AS TEXT)"),
    ("ticket", "row_hash", "'x'"),
    ("event", "name", "CAST(x'ff41' AS TEXT)"),
    ("secret", "value", "'x'"),
    ("ticket_salt", "salt", "'x'"),
    ("ticket_salt", "ticket", "CAST(x'ff41' AS TEXT)"),
]


@pytest.mark.store(databases=["sqlite"], fill=_lived)
@pytest.mark.parametrize(("table", "column", "value"), WRONG_TYPES)
def test_a_value_of_another_type_hides_nothing(
    store: Store, table: str, column: str, value: str
) -> None:
    """SQLite takes anything in any column; what cannot be read is named, and the rest checked."""
    first = {
        "ticket": "number = 'C1'",
        "access": "id = 2",
        "anchor": "number = 2",
        "secret": "name = 'anchors'",
        "ticket_salt": "ticket = 'C2'",
    }.get(table)
    where = first or f"rowid = (SELECT min(rowid) FROM {table})"
    if table in ("event", "clock"):
        key = "seq = 2" if table == "event" else "key = 'accept'"
        where = f"ticket_id = (SELECT id FROM ticket WHERE number = 'C1') AND {key}"
    _without_foreign_keys(store, f"UPDATE {table} SET {column} = {value} WHERE {where}")
    _change(store, update(TICKET).where(TICKET.c.number == "C3").values(status="archived"))
    result = verify(store)
    harms = _harms(result)
    assert (Harm.ALTERED, "C3") in harms
    others = [finding for finding in result.findings if finding.ticket != "C3"]
    # who reads a salt or a key by its name finds none of an unreadable one
    is_gone = table in ("secret", "ticket_salt") and column != "salt"
    harm = Harm.DELETED if is_gone else Harm.ALTERED
    assert harm in {finding.harm for finding in others}, others
    if table in ("ticket", "event", "clock"):
        assert {finding.ticket for finding in others} == {"C1"}


def test_two_tickets_do_not_change_places(store: Store) -> None:
    """Their numbers are swapped, so that each has the other's log."""
    _change(
        store,
        update(TICKET).where(TICKET.c.number == "C1").values(number="-"),
        update(TICKET).where(TICKET.c.number == "C3").values(number="C1"),
        update(TICKET).where(TICKET.c.number == "-").values(number="C3"),
    )
    assert _harms(verify(store)) == [(Harm.SWAPPED, "C3"), (Harm.SWAPPED, "C1")]
    # what says whose log it is was taken away, too: the first line still does
    _change(store, delete(CHANGE), delete(ANCHOR))
    assert {("altered", "C1"), ("altered", "C3")} <= set(_harms(verify(store)))


def test_the_feed_is_not_changed_unseen(store: Store) -> None:
    """Rows of the feed taken away or altered: the anchor over them says so."""
    with store.reading() as session:
        rows = session.execute(select(CHANGE).order_by(CHANGE.c.position)).all()
    last = rows[-1].position
    _change(store, update(CHANGE).where(CHANGE.c.position == last).values(heads=rows[0].heads))
    result = verify(store)
    assert Harm.ALTERED in {finding.harm for finding in result.findings if finding.seq == 2}
    assert result.holding is not None and result.holding.number == 1
    _change(store, delete(CHANGE).where(CHANGE.c.position == last))
    result = verify(store)
    assert Harm.DELETED in {finding.harm for finding in result.findings if finding.seq == 2}


def test_what_no_anchor_covers_yet_is_missed_in_the_feed(store: Store) -> None:
    """A row of the feed that no anchor covers is taken away: the lines that it listed are named."""
    feed(store, [letter("C4", "2026-11-20T08:00")], NOW)
    advance_tickets(store, ["C4"], NOW + timedelta(hours=1))
    _change(store, delete(CHANGE).where(CHANGE.c.position.is_(None)))
    assert (Harm.ADDED, "C4") in _harms(verify(store))


def test_an_old_head_counts_for_nothing(store: Store) -> None:
    """A ticket and a table are put back, with the heads that they had, once more at the end."""
    before = row_of(store, "C1")
    with store.reading() as session:
        listed = session.scalars(select(CHANGE.c.heads).order_by(CHANGE.c.position)).all()
        days = session.execute(text("SELECT * FROM calendar_day")).all()
    assert days
    feed(store, [message("C1", "unit.accepted", "2026-11-20T09:30")], NOW)
    advance_tickets(store, ["C1"], NOW + timedelta(hours=1))
    with store.writing() as session:
        change_calendar(session, {date(2026, 11, 21): DeclaredDay(False, "撤销")}, NOW)
    columns = dict(before._mapping)
    columns.pop("id")
    _change(
        store,
        delete(EVENT).where(EVENT.c.ticket_id == before.id, EVENT.c.seq > before.seq),
        update(TICKET).where(TICKET.c.id == before.id).values(columns),
        text("UPDATE calendar_day SET working = true, document = '加班通知', version = 1"),
        *(insert(CHANGE).values(heads=heads) for heads in listed),
    )
    _anchor(store, 2)
    harms = _harms(verify(store))
    assert (Harm.DELETED, "C1") in harms
    assert (Harm.ALTERED, None) in harms, "the day"


def test_an_anchor_is_made_by_the_key_alone(store: Store) -> None:
    """Anchors taken away, altered, or made anew with another key."""
    with store.reading() as session:
        first, second = anchors(session)
    _change(store, update(ANCHOR).where(ANCHOR.c.number == 2).values(at=NOW))
    result = verify(store)
    assert [(f.harm, f.seq) for f in result.findings] == [(Harm.ALTERED, 2)]
    assert result.holding == first
    forged = second.sign(Ed25519PrivateKey.generate())
    _change(
        store,
        update(ANCHOR).where(ANCHOR.c.number == 2).values(at=forged.at, signature=forged.signature),
    )
    assert [(f.harm, f.seq) for f in verify(store).findings] == [(Harm.ALTERED, 2)]
    _change(store, update(ANCHOR).where(ANCHOR.c.number == 2).values(signature=second.signature))
    assert verify(store).findings == []
    _change(store, delete(ANCHOR).where(ANCHOR.c.number == 1))
    assert next((f.harm, f.seq) for f in verify(store).findings) == (Harm.DELETED, 2)
    _change(store, delete(ANCHOR))
    assert verify(store).findings[0].harm == Harm.DELETED
    # the next command does not begin them anew, and no anchor is made
    upgrade(store)
    with store.writing() as session:
        assert make_anchor(session, NOW) is None
    assert verify(store).findings[0].harm == Harm.DELETED
    _change(store, text("DELETE FROM secret WHERE name = 'anchors'"))
    upgrade(store)
    assert verify(store).findings[0].harm == Harm.DELETED


def _tables(session: Session) -> dict[Any, list[dict[str, Any]]]:
    kept = (ANCHOR, CHANGE, TICKET, EVENT, NOTICE, CLOCK, INBOX, ACCESS)
    return {table: [dict(r._mapping) for r in session.execute(select(table))] for table in kept}


def test_a_store_that_was_set_back_is_found_by_the_copy_outside(
    store: Store, tmp_path: Path
) -> None:
    """All is put back, anchors and feed too: only the copy knows, also when the store goes on."""
    file = AnchorFile(tmp_path / "anchors")
    with store.reading() as session:
        assert copy_outside(session, file) == 2
        assert copy_outside(session, file) == 0
        before = _tables(session)
    feed(store, [letter("C4", "2026-11-20T08:00")], NOW)
    advance_tickets(store, ["C4"], NOW + timedelta(hours=1))
    _anchor(store, 2)
    with store.reading() as session:
        assert copy_outside(session, file) == 1
    assert verify(store, outside=file.lines()).findings == []
    with store.writing() as session:
        for table in reversed([*before, BLIND_INDEX]):
            session.execute(delete(table))
        for table, rows in before.items():
            session.execute(insert(table), rows)
    assert verify(store).findings == []
    result = verify(store, outside=file.lines())
    assert [(f.harm, f.seq) for f in result.findings] == [(Harm.SET_BACK, 3)]
    feed(store, [letter("C5", "2026-11-20T08:00")], NOW)
    advance_tickets(store, ["C5"], NOW + timedelta(hours=1))
    _anchor(store, 3)
    with store.reading() as session:
        assert copy_outside(session, file) == 1
        assert copy_outside(session, file) == 0
    result = verify(store, outside=file.lines())
    assert [(f.harm, f.seq) for f in result.findings] == [(Harm.SET_BACK, 4)]
    _change(store, delete(ANCHOR))
    assert Harm.DELETED in {f.harm for f in verify(store, outside=file.lines()).findings}


def test_nothing_is_harmed_where_the_service_works_meanwhile(store: Store) -> None:
    """The verification runs while tickets are begun and moved, and sees all of one moment."""
    stop = Event()

    def work() -> None:
        for n in count():
            if stop.is_set():
                return
            feed(store, [letter(f"W{n}", "2026-11-20T08:00")], NOW)
            advance_tickets(store, [f"W{n}"], NOW)
            if n % 3 == 0:
                with store.writing() as session:
                    record_access(session, WHO, "reveal", f"W{n}", ["phone"], NOW)
                _anchor(store, n)

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        try:
            results = [verify(store) for _ in range(6)]
        finally:
            stop.set()
        working.result()
    assert [result.findings for result in results] == [[]] * 6
    assert results[-1].lines > results[0].lines, "it has moved meanwhile"
