"""Workers go by no row of a ticket and by no rule that somebody without the key has written."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DataError

from models.database import Store
from models.engines import sqlite_file, sqlite_module
from models.errors import HotlineError, UnreadableValue
from models.operations.accept import accept_tables
from models.operations.duplicates import DuplicateCheck
from models.operations.notices.record import record_outcomes
from models.operations.rebuild import NotRebuilt, rebuild_ticket
from models.queries.checked_rows import read_checked
from models.queries.health import health, quarantined_tickets
from models.queries.own_tables import ForgedTable
from models.queries.verification import verify
from models.rulebook import load_rulebook
from models.rules.queues import CONTACT, INTAKE
from models.rules.vocabulary import UserRole
from models.security.findings import Harm
from models.security.heads import HeadKind
from models.security.roles import Actor, NotAllowed
from models.store_errors import is_unreadable
from models.tables.core import BELL, CLOCK, EVENT, INBOX, NOTICE, POLICY, TABLE_HEAD, TICKET, UNIT
from models.tables.inbox import WAITING
from scripts.service.forgery_checks import check_forgeries
from tests.store.factories import RESULT, advance_tickets, at, feed, letter, message, row_of
from workers.actors import WorkerContext, advance_batch
from workers.notices.dispatcher import NoticeDispatcher

NOW = at("2026-11-06T10:00")
HEAD = Actor("zhao", UserRole.SUPERVISOR)
NUMBERS = ("R1", "R2", "R3")


def _begin(store: Store) -> None:
    """Three tickets; of one a message came late, it is completed, and notices of it are sent."""
    more = [
        message("R1", "unit.accepted", "2026-11-02T10:00"),
        message("R2", "unit.accepted", "2026-11-02T10:00", id="accepted"),
        message("R2", "result.submitted", "2026-11-03T10:00", **RESULT),
        message("R2", "result.reviewed", "2026-11-03T11:00", accepted=True, unit=None),
    ]
    feed(store, [*(letter(n, "2026-11-02T09:00") for n in NUMBERS), *more], NOW)
    advance_tickets(store, NUMBERS, NOW)
    feed(store, [message("R2", "unit.joined", "2026-11-02T10:30", unit="住建局")], NOW)
    advance_tickets(store, ["R2"], NOW)
    with store.writing() as session:
        rows = session.scalars(select(NOTICE.c.id).order_by(NOTICE.c.id).limit(2)).all()
        record_outcomes(session, dict.fromkeys(rows), "file", NOW)


pytestmark = pytest.mark.store(fill=_begin)


def _change(store: Store, *statements: Any) -> None:
    with store.writing() as session:
        for statement in statements:
            session.execute(statement)


def _set(**values: Any) -> Any:
    return update(TICKET).where(TICKET.c.number == "R1").values(**values)


def _of_another(*columns: str) -> Any:
    other = TICKET.alias()
    of_another = {c: select(other.c[c]).where(other.c.number == "R3") for c in columns}
    return _set(**{c: query.scalar_subquery() for c, query in of_another.items()})


FORGED: dict[str, Callable[[], Any]] = {
    "the state": lambda: _set(state=func.replace(TICKET.c.state, '"run":1', '"run":2')),
    "no state": lambda: _set(state=""),
    "another's state": lambda: _of_another("state"),
    "another's row": lambda: _of_another("state", "title", "facts", "updated_at", "row_hash"),
    "the title": lambda: _set(title="别的"),
    "the facts": lambda: _set(facts=b"7" * 32),
    "the moment": lambda: _set(updated_at=NOW + timedelta(hours=1)),
    "the end of the log": lambda: _set(seq=TICKET.c.seq - 1),
    "the hash of its last line": lambda: _set(hash=b"7" * 32),
    "no hash": lambda: _set(row_hash=None),
    "an empty hash": lambda: _set(row_hash=b""),
}


UNREADABLE = (
    *("updated_at = X'FFFFFFFFFF'", "updated_at = X'FF'", "updated_at = 7", "updated_at = 'x'"),
    *("title = CAST(X'FF' AS TEXT)", "title = X'FF'", "state = CAST(X'FF' AS TEXT)"),
    *("state = X'FF'", "seq = 'x'", "hash = 'x'", "row_hash = 'x'", "facts = 'x'"),
)
"""Values that SQLite keeps, as it does any value in any column."""


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_row_is_quarantined_and_rebuilt(store: Store, what: str, tmp_path: Path) -> None:
    """Its message waits, everybody is told, and the ticket becomes what it would have been."""
    _quarantined_and_rebuilt(store, FORGED[what](), tmp_path)


@pytest.mark.store(fill=_begin, databases=["postgresql"])
@pytest.mark.parametrize("instant", ["infinity", "-infinity", "20000-01-01"])
def test_so_is_a_row_with_an_instant_that_nobody_can_read(
    store: Store, instant: str, tmp_path: Path
) -> None:
    """PostgreSQL keeps infinite ones; a batch with one of them failed for ever."""
    forged = text(f"UPDATE ticket SET updated_at = '{instant}' WHERE number = 'R1'")
    _quarantined_and_rebuilt(store, forged, tmp_path)


@pytest.mark.store(fill=_begin, databases=["postgresql"])
def test_only_who_checks_rows_reads_past_it(store: Store) -> None:
    """Whoever goes by a row is told that it cannot be read, also after others have checked it."""
    _change(store, text("UPDATE ticket SET updated_at = 'infinity' WHERE number = 'R1'"))
    moments = select(TICKET.c.updated_at).order_by(TICKET.c.number)
    with store.reading() as session:
        rows = list(read_checked(session, [TICKET.c.updated_at], lambda query: query))
        assert sorted(row.unreadable for row in rows) == [(), (), ("updated_at",)]
        with pytest.raises(DataError) as raised:
            session.scalars(moments).all()
    assert is_unreadable(raised.value)


@pytest.mark.store(fill=_begin, databases=["sqlite"])
@pytest.mark.parametrize("values", UNREADABLE)
def test_so_is_a_row_that_nobody_can_read(store: Store, values: str, tmp_path: Path) -> None:
    """No message is refused because of it."""
    forged = text(f"UPDATE ticket SET {values} WHERE number = 'R1'")
    _quarantined_and_rebuilt(store, forged, tmp_path)


def _quarantined_and_rebuilt(store: Store, forged: Any, tmp_path: Path) -> None:
    before = row_of(store, "R1")
    _change(store, forged)
    arrivals = [message(n, "site.arrived", "2026-11-06T09:59") for n in ("R1", "R3")]
    feed(store, arrivals, NOW)
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    context = WorkerContext(store, lambda: NOW, dispatcher)
    assert advance_batch(context, CONTACT, ["R1", "R3"]) == 1
    with store.reading() as session:
        waiting = session.execute(select(INBOX).where(INBOX.c.state == WAITING)).all()
        assert [(row.ticket, row.reason) for row in waiting] == [("R1", None)]
        bells = session.scalars(select(BELL.c.ring_at).where(BELL.c.queue == CONTACT)).all()
        assert bells == [NOW + timedelta(minutes=10)]
        assert quarantined_tickets(session, 9) == ["R1"]
        assert health(session, NOW).quarantined == 1
        assert "hotline db rebuild R1" in next(check_forgeries(session)).advice
    assert {finding.ticket for finding in verify(store).findings} == {"R1"}
    with store.writing() as session:
        assert rebuild_ticket(session, HEAD, "R1", NOW) == 0
    rebuilt = row_of(store, "R1")
    same = ("number", "status", "unit", "due", "title", "facts", "policy_id", "seq", "hash")
    assert [getattr(rebuilt, n) for n in same] == [getattr(before, n) for n in same]
    assert rebuilt.quarantined_at is None
    with store.reading() as session:
        # it is rung for at once, by its own bell or by that of the message
        assert session.scalar(select(func.min(BELL.c.ring_at))) <= NOW
    assert advance_tickets(store, ["R1"], NOW).applied == 1
    assert verify(store).findings == []


def test_a_rebuilt_ticket_is_the_same(store: Store) -> None:
    """Also one that a late message had folded again, and of whose clocks others are the past."""

    def rows() -> list[str]:
        left = {"row_hash", "updated_at", "state", "claimant", "calendar"}
        with store.reading() as session:
            stored = [
                row for table in (TICKET, CLOCK, EVENT) for row in session.execute(select(table))
            ]
        return sorted(repr({k: v for k, v in r._mapping.items() if k not in left}) for r in stored)

    before = rows()
    for number in NUMBERS:
        with store.writing() as session:
            assert rebuild_ticket(session, HEAD, number, NOW) == 0
    assert rows() == before
    assert verify(store).findings == []
    operator = Actor("qian", UserRole.OPERATOR)
    with store.writing() as session, pytest.raises(NotAllowed):
        rebuild_ticket(session, operator, "R1", NOW)


def test_a_ticket_whose_log_is_not_whole_is_not_rebuilt(store: Store) -> None:
    """Nothing vouches for it."""
    line = EVENT.c.ticket_id == row_of(store, "R1").id, EVENT.c.seq == 2
    for change in (update(EVENT).where(*line).values(moment=NOW), delete(EVENT).where(*line)):
        _change(store, change)
        with store.writing() as session, pytest.raises(NotRebuilt):
            rebuild_ticket(session, HEAD, "R1", NOW)


def test_a_row_that_is_put_back_with_its_log_is_told(store: Store) -> None:
    """A ticket as it was before, hash and all: it is carried on, and the verification tells."""
    old = row_of(store, "R1")
    feed(store, [message("R1", "site.arrived", "2026-11-06T09:59")], NOW)
    advance_tickets(store, ["R1"], NOW)
    _change(
        store,
        delete(EVENT).where(EVENT.c.ticket_id == old.id, EVENT.c.seq > old.seq),
        _set(**{name: value for name, value in old._mapping.items() if name != "id"}),
    )
    feed(store, [message("R1", "site.arrived", "2026-11-06T09:59", id="again")], NOW)
    advance_tickets(store, ["R1"], NOW)
    assert (Harm.DELETED, "R1") in {(f.harm, f.ticket) for f in verify(store).findings}


RULES: dict[str, tuple[Callable[[], Any], HeadKind]] = {
    "a policy": (
        lambda: update(POLICY).values(body=func.replace(POLICY.c.body, "7 work", "9 work")),
        HeadKind.POLICY,
    ),
    "a policy that is withdrawn": (
        lambda: update(POLICY).values(withdrawn_at=NOW),
        HeadKind.POLICY,
    ),
    "a day": (
        lambda: text(
            "INSERT INTO calendar_day (day, working, document, version, declared_at) "
            "VALUES ('2026-11-07', TRUE, 'x', 1, '2026-11-06 00:00:00.000000')"
        ),
        HeadKind.DAY,
    ),
    "a unit that is gone": (
        lambda: text("DELETE FROM unit WHERE id = (SELECT min(id) FROM unit)"),
        HeadKind.UNIT,
    ),
    "a unit's parent": (lambda: update(UNIT).values(parent="住建局"), HeadKind.UNIT),
    "a word of the territory": (
        lambda: text("INSERT INTO territory (word) VALUES ('上海')"),
        HeadKind.TERRITORY,
    ),
    "no head": (lambda: delete(TABLE_HEAD), HeadKind.POLICY),
}


@pytest.mark.parametrize("what", RULES)
def test_no_ticket_is_carried_on_by_a_forged_rule(store: Store, what: str, tmp_path: Path) -> None:
    """Its messages wait, doctor says why, and an administrator can take it as it is."""
    statement, kind = RULES[what]
    _change(store, statement())
    feed(store, [message("R1", "site.arrived", "2026-11-06T09:59")], NOW)
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    context = WorkerContext(store, lambda: NOW, dispatcher)
    with pytest.raises(ForgedTable):
        advance_batch(context, CONTACT, ["R1"])
    with store.reading() as session:
        assert session.scalar(select(func.count()).where(INBOX.c.state == WAITING)) == 1
        assert "hotline db accept" in next(check_forgeries(session)).advice
    with store.writing() as session:
        assert kind in accept_tables(session, HEAD, NOW)
    with store.writing() as session:
        assert accept_tables(session, HEAD, NOW) == []
    if what != "a policy that is withdrawn":
        with store.reading() as session:
            load_rulebook(session)
        assert advance_batch(context, CONTACT, ["R1"]) == 1


@pytest.mark.store(databases=["sqlite"], fill=_begin)
@pytest.mark.parametrize(
    "statement",
    ["UPDATE unit SET words = 'x'", "UPDATE policy_version SET valid_from = 7"],
)
def test_a_rule_that_nothing_can_read_is_refused(store: Store, statement: str) -> None:
    """SQLite takes values of any type."""
    _change(store, text(statement))
    with store.reading() as session, pytest.raises(HotlineError, match="hotline db accept"):
        load_rulebook(session)


ON_SQLITE = ("body = CAST(X'FF' AS TEXT)", "added_at = 'x'")
ON_POSTGRESQL = ("added_at = 'infinity'", "withdrawn_at = 'infinity'")


@pytest.mark.store(fill=_begin, databases=["sqlite"])
@pytest.mark.parametrize("values", ON_SQLITE)
def test_by_a_rulebook_that_nobody_can_read_nobody_is_judged(
    store: Store, values: str, tmp_path: Path
) -> None:
    """Nobody's letter is refused: all of them wait."""
    _not_judged(store, values, tmp_path)


@pytest.mark.store(fill=_begin, databases=["postgresql"])
@pytest.mark.parametrize("values", ON_POSTGRESQL)
def test_nor_by_one_of_infinite_moments(store: Store, values: str, tmp_path: Path) -> None:
    _not_judged(store, values, tmp_path)


def _not_judged(store: Store, values: str, tmp_path: Path) -> None:
    feed(store, [message(n, "site.arrived", "2026-11-06T09:59") for n in ("R1", "R3")], NOW)
    _change(store, text(f"UPDATE policy_version SET {values}"))
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    context = WorkerContext(store, lambda: NOW, dispatcher)
    with pytest.raises(ForgedTable):
        advance_batch(context, CONTACT, ["R1", "R3"])
    with store.reading() as session:
        states = select(INBOX.c.state).where(INBOX.c.type == "site.arrived")
        assert session.scalars(states).all() == [WAITING, WAITING]


OF_THE_PAST = {
    "the log": "UPDATE event SET data = {garbage} {line}",
    "a line's moment": "UPDATE event SET moment = (SELECT max(moment) FROM event) {line}",
    "a line's cause": "UPDATE event SET cause = NULL {line}",
    "an applied message": "UPDATE inbox SET type = '!' WHERE {applied}",
    "a message left out": "UPDATE inbox SET conflicting = {true} WHERE {applied}",
    "another message": "UPDATE inbox SET outline_hash = {garbage} WHERE {applied}",
}


@pytest.mark.parametrize("what", OF_THE_PAST)
def test_what_a_ticket_had_before_is_no_message_s_fault(
    store: Store, what: str, tmp_path: Path
) -> None:
    """A late message has all of it read again: the ticket is quarantined, and what waits waits."""
    lite = store.has_one_writer
    garbage, true = ("X'FF'", "1") if lite else ("'\\xFF'", "true")
    applied = "message_id = 'accepted' AND ticket = 'R2'"
    line = "WHERE ticket_id = 2 AND seq = 3"
    statement = OF_THE_PAST[what].format(garbage=garbage, true=true, applied=applied, line=line)
    urged = {"text": "快", "unit": "城管局", "by": "王"}
    messages = [
        message("R2", "unit.urged", "2026-11-02T09:30", id="late", **urged),
        message("R2", "unit.urged", "2026-11-06T09:59", id="in order", **urged),
    ]
    with store.reading() as session:
        before = session.scalar(select(func.max(INBOX.c.id)))
    feed(store, messages, NOW)
    _change(store, text(statement))
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    context = WorkerContext(store, lambda: NOW, dispatcher)
    advance_batch(context, CONTACT, ["R2"])
    with store.reading() as session:
        assert quarantined_tickets(session, 9) == ["R2"]
        states = select(INBOX.c.state).where(INBOX.c.id > before)
        assert session.scalars(states).all() == [WAITING, WAITING]
        # its row is as it was left, so that rebuilding it would not help
        (quarantined,) = check_forgeries(session)
        assert "restore a backup" in quarantined.advice
        assert "levels" in quarantined.text


def test_no_message_is_refused_for_a_line_after_the_log_s_end(store: Store, tmp_path: Path) -> None:
    """The next line cannot be written: the ticket is quarantined, and what waits waits."""
    columns = ", ".join(f'"{c.name}"' for c in EVENT.c if c.name not in ("seq", "once"))
    last = "ticket_id = 2 AND seq = (SELECT seq FROM ticket WHERE id = 2)"
    copied = f"SELECT seq + 1, {columns} FROM event WHERE {last}"
    _change(store, text(f"INSERT INTO event (seq, {columns}) {copied}"))
    urged = {"text": "快", "unit": "城管局", "by": "王"}
    feed(store, [message("R2", "unit.urged", "2026-11-06T09:59", id="urged", **urged)], NOW)
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    advance_batch(WorkerContext(store, lambda: NOW, dispatcher), CONTACT, ["R2"])
    with store.reading() as session:
        assert quarantined_tickets(session, 9) == ["R2"]
        state = select(INBOX.c.state).where(INBOX.c.message_id == "urged")
        assert session.scalars(state).one() == WAITING


@pytest.mark.store(fill=_begin, databases=["sqlite"])
@pytest.mark.parametrize("ticket_id", [-1, 99])
def test_lines_of_no_ticket_are_told(store: Store, ticket_id: int) -> None:
    """Another database than SQLite refuses them."""
    assert verify(store).findings == []
    file = sqlite_module().connect(sqlite_file(store.url))
    columns = ", ".join(f'"{c.name}"' for c in EVENT.c if c.name != "ticket_id")
    of_another = f"SELECT {ticket_id}, {columns} FROM event WHERE ticket_id = 2"
    file.execute(f"INSERT INTO event (ticket_id, {columns}) {of_another}")
    file.commit()
    file.close()
    (finding,) = verify(store).findings
    assert (finding.harm, finding.place) == (Harm.ADDED, f"#{ticket_id}")


@pytest.mark.parametrize("also_number", [False, True])
def test_a_letter_is_taken_beside_an_earlier_one_that_nobody_can_read(
    store: Store, tmp_path: Path, *, also_number: bool
) -> None:
    """The same claimant wrote the same before: of that ticket's row the moment was written over."""
    unreadable = "'-infinity'"
    if store.has_one_writer:
        unreadable = "7, facts = facts, number = CAST(X'FF' AS TEXT)" if also_number else "7"
    _change(store, text(f"UPDATE ticket SET received_at = {unreadable} WHERE number = 'R1'"))
    feed(store, [letter("R4", "2026-11-06T09:00"), letter("R5", "2026-11-06T09:00")], NOW)
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    context = WorkerContext(store, lambda: NOW, dispatcher)
    assert advance_batch(context, INTAKE, ["R4", "R5"]) == 2
    with store.reading() as session:
        repeated = select(INBOX.c.state).where(INBOX.c.ticket.in_(["R4", "R5"]))
        assert session.scalars(repeated).all() == ["applied", "applied"]


def test_a_letter_is_not_refused_for_what_nobody_can_read_elsewhere(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits, and counts as waiting."""

    def unreadable(*_given: object) -> None:
        raise UnreadableValue

    monkeypatch.setattr(DuplicateCheck, "_read_stored", unreadable)
    feed(store, [letter("R4", "2026-11-06T09:00")], NOW)
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    context = WorkerContext(store, lambda: NOW, dispatcher)
    assert advance_batch(context, INTAKE, ["R4"]) == 0
    with store.reading() as session:
        assert session.scalar(select(INBOX.c.state).where(INBOX.c.ticket == "R4")) == WAITING
        assert health(session, NOW).inbox_waiting == 1


UNREADABLE_MESSAGES = (
    *("at = 7", "arrived_at = 'x'", "quiet_before = X'FF'", "type = '!'", "outline = '{'"),
    *("source = CAST(X'FF' AS TEXT)", "message_id = X'FF'", "body = X'00'"),
)


@pytest.mark.store(fill=_begin, databases=["sqlite"])
@pytest.mark.parametrize("values", UNREADABLE_MESSAGES)
def test_a_message_that_nobody_can_read_is_refused_alone(
    store: Store, values: str, tmp_path: Path
) -> None:
    """Messages beside it, and those of other tickets, are applied."""
    states = _states_with_a_bad_message(store, values, tmp_path)
    assert sorted(states) == [("R1", "applied"), ("R1", "refused"), ("R3", "applied")]


def test_so_is_a_message_whose_moment_sorts_after_all_others(store: Store, tmp_path: Path) -> None:
    """It would wait for ever, as one that is yet to come."""
    values = "at = X'FFFFFFFFFF'" if store.has_one_writer else "at = 'infinity'"
    states = _states_with_a_bad_message(store, values, tmp_path)
    assert sorted(states) == [("R1", "applied"), ("R1", "refused"), ("R3", "applied")]


def test_a_message_under_a_key_that_is_not_there_holds_up_no_other_ticket(
    store: Store, tmp_path: Path
) -> None:
    """Its key file may have yet to come: it waits with what waits beside it."""
    values = "body = X'0102'" if store.has_one_writer else r"body = '\x0102'"
    states = _states_with_a_bad_message(store, values, tmp_path)
    assert sorted(states) == [("R1", "waiting"), ("R1", "waiting"), ("R3", "applied")]


def test_a_missing_key_is_told_once_a_batch(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Thousands may wait for a key file that has yet to come."""
    numbers = [f"K{n}" for n in range(8)]
    feed(store, [letter(number, "2026-11-06T09:00") for number in numbers], NOW)
    body = "X'0102'" if store.has_one_writer else r"'\x0102'"
    _change(store, text(f"UPDATE inbox SET body = {body} WHERE ticket LIKE 'K%'"))
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    context = WorkerContext(store, lambda: NOW, dispatcher)
    assert advance_batch(context, INTAKE, numbers) == 0
    assert [r.getMessage()[:7] for r in caplog.records] == ["the bat", "tickets"]
    assert context.failed == len(numbers)
    # by halves down to each, which is tried once
    assert caplog.records[-1].__dict__["of"] == len(numbers)


def test_a_message_that_is_in_the_log_already_is_refused(store: Store, tmp_path: Path) -> None:
    """It was made to wait again: it is to blame, and not the ticket."""
    _change(store, text("UPDATE inbox SET state = 'waiting' WHERE message_id = 'accepted'"
                        " AND ticket = 'R2'"))  # fmt: skip
    dispatcher = NoticeDispatcher(store, lambda: NOW, tmp_path, None, "zh")
    context = WorkerContext(store, lambda: NOW, dispatcher)
    assert advance_batch(context, CONTACT, ["R2"]) == 0
    with store.reading() as session:
        assert quarantined_tickets(session, 9) == []
        states = select(INBOX.c.state).where(
            INBOX.c.ticket == "R2", INBOX.c.type == "unit.accepted"
        )
        assert session.scalars(states).all() == ["refused"]


def _states_with_a_bad_message(
    store: Store, values: str, folder: Path
) -> Sequence[tuple[str, str]]:
    urged = {"text": "快", "unit": "城管局", "by": "王"}
    messages = [
        message("R1", "site.arrived", "2026-11-06T09:59", id="bad"),
        message("R1", "unit.urged", "2026-11-06T09:58", id="good", **urged),
        message("R3", "unit.urged", "2026-11-06T09:58", id="another", **urged),
    ]
    with store.reading() as session:
        before = session.scalar(select(func.max(INBOX.c.id)))
    feed(store, messages, NOW)
    _change(store, text(f"UPDATE inbox SET {values} WHERE message_id = 'bad'"))
    dispatcher = NoticeDispatcher(store, lambda: NOW, folder, None, "zh")
    context = WorkerContext(store, lambda: NOW, dispatcher)
    for _time in range(2):
        # the second time its bell rings again
        advance_batch(context, CONTACT, ["R1", "R3"])
    with store.reading() as session:
        rows = session.execute(select(INBOX.c.ticket, INBOX.c.state).where(INBOX.c.id > before))
        return [(row.ticket, row.state) for row in rows]
