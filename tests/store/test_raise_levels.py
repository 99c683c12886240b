"""Raising levels by the batch writes the same rows as advancing each ticket."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from models.database import Session, Store
from models.operations.advance import advance
from models.operations.raise_levels import (
    KnownLevels,
    PreparedLevels,
    prepare_levels,
    raise_levels,
)
from models.operations.units import replace_units
from models.rulebook import Rulebook, load_rulebook
from models.rules.queues import ESCALATION
from models.rules.routing.directory import Unit, UnitsFile
from models.security.heads import unpack_heads
from models.security.keys import new_key
from models.tables.core import BELL, CHANGE, CLOCK, EVENT, NOTICE, TICKET
from tests.store.factories import (
    EXTRA_UNITS,
    advance_step_by_step,
    advance_tickets,
    at,
    feed,
    letter,
    message,
)
from workers.actors import WorkerContext, _advance_rows
from workers.notices.dispatcher import NoticeDispatcher

BEFORE = at("2026-11-09T08:00")
MOMENTS = {
    "the pre-warning": at("2026-11-10T08:30"),
    "the yellow card": at("2026-11-12T08:30"),
    "all three, late": at("2026-11-14T09:00"),
}
NUMBERS = [f"L{n}" for n in range(12)]
UNITS = UnitsFile(
    (Unit("城管局", parent="住建局"), *(Unit(name) for name in EXTRA_UNITS if name != "城管局"))
)


def fill(store: Store) -> None:
    """Tickets of two units, accepted on three days."""
    with store.writing() as session:
        replace_units(session, UNITS, at("2026-01-01T00:00"))
    messages = []
    for n, number in enumerate(NUMBERS):
        unit = EXTRA_UNITS[n % 2]
        day = f"2026-11-0{2 + n % 3}"
        messages += [
            letter(number, f"{day}T09:00", unit=unit),
            message(number, "unit.accepted", f"{day}T10:00", unit=unit),
        ]
    feed(store, messages, BEFORE)
    with store.writing() as session:
        advance_step_by_step(session, NUMBERS, BEFORE)


pytestmark = pytest.mark.store(fill=fill, shared=True)


def everything(session: Session) -> dict[str, list[Any]]:
    """All rows that a level could write, and the heads of the last transaction."""
    notices = [c for c in NOTICE.c if c.name != "id"]
    rows = {
        "tickets": session.execute(select(TICKET).order_by(TICKET.c.id)),
        "clocks": session.execute(select(CLOCK).order_by(CLOCK.c.ticket_id, CLOCK.c.key)),
        "events": session.execute(select(EVENT).order_by(EVENT.c.ticket_id, EVENT.c.seq)),
        "notices": session.execute(select(*notices).order_by(NOTICE.c.ticket_id, NOTICE.c.seq)),
        "bells": session.execute(select(BELL).order_by(BELL.c.queue, BELL.c.row_id)),
    }
    values = {name: [tuple(map(plain, row)) for row in of_table] for name, of_table in rows.items()}
    last = session.scalar(select(CHANGE.c.heads).order_by(CHANGE.c.id.desc()).limit(1))
    heads = sorted(unpack_heads(last or b""), key=lambda head: head.key)
    return {**values, "heads": heads}


def plain(value: object) -> object:
    """A value that can be compared."""
    return getattr(value, "raw", value)


class TakenBack(Exception):
    """Rolls a transaction back."""


def tried(store: Store, work: Callable[[Session], object]) -> dict[str, list[Any]]:
    """Everything after this work, which is taken back."""
    rows = {}
    with suppress(TakenBack), store.writing() as session:
        work(session)
        rows = everything(session)
        raise TakenBack
    return rows


def ids_of(session: Session, *numbers: str) -> list[int]:
    """The ids of tickets."""
    tickets = select(TICKET.c.id).where(TICKET.c.number.in_(numbers or NUMBERS))
    return list(session.scalars(tickets.order_by(TICKET.c.id)))


def raised(session: Session, now: datetime) -> list[int]:
    """Raise all levels; returns the tickets that were left."""
    return raise_levels(session, ids_of(session), load_rulebook(session), now, KnownLevels())


@pytest.mark.store(fill=fill)
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_rows_are_those_of_advancing_each_ticket(store: Store, moment: str) -> None:
    now = MOMENTS[moment]
    others: list[int] = []

    def by_the_batch(session: Session) -> None:
        others.extend(raised(session, now))
        numbers = session.scalars(select(TICKET.c.number).where(TICKET.c.id.in_(others)))
        advance(session, numbers.all(), load_rulebook(session), now)

    alone = tried(store, lambda s: advance(s, NUMBERS, load_rulebook(s), now))
    together = tried(store, by_the_batch)
    assert len(others) < len(NUMBERS), "some merely reach a level"
    heads = together.pop("heads"), alone.pop("heads")
    assert together == alone
    assert set(heads[0]) <= set(heads[1])


def test_what_anything_else_comes_to_is_left(store: Store) -> None:
    """A ticket for which a message waits, an altered one, one in quarantine, and none."""
    now = MOMENTS["the yellow card"]
    feed(store, [message(NUMBERS[0], "note.added", "2026-11-12T08:00", text="甲", by="乙")], now)
    with store.writing() as session:
        ids = ids_of(session)
        altered = update(TICKET).where(TICKET.c.id == ids[1])
        session.execute(altered.values(state=TICKET.c.state + " "))
        session.execute(update(TICKET).where(TICKET.c.id == ids[2]).values(quarantined_at=BEFORE))
    left: list[int] = []

    def work(session: Session) -> None:
        left.extend(
            raise_levels(session, [*ids, 10**9], load_rulebook(session), now, KnownLevels())
        )

    tried(store, work)
    assert {*ids[:3], 10**9} <= set(left) < {*ids, 10**9}
    with store.writing() as session:
        undone = update(TICKET).where(TICKET.c.id == ids[1])
        session.execute(undone.values(state=func.trim(TICKET.c.state)))
        session.execute(update(TICKET).values(quarantined_at=None))


@pytest.mark.store(fill=fill)
def test_a_ticket_with_a_message_is_left_though_its_bell_is_missing(store: Store) -> None:
    now = MOMENTS["the pre-warning"]
    left = list[int]()
    tried(store, lambda session: left.extend(raised(session, now)))
    with store.reading() as session:
        merely_reaches = (set(ids_of(session)) - set(left)).pop()
        [number] = session.scalars(select(TICKET.c.number).where(TICKET.c.id == merely_reaches))
    feed(store, [message(number, "note.added", "2026-11-10T08:01", text="甲", by="乙")], now)
    with store.writing() as session:
        session.execute(BELL.delete().where(BELL.c.queue != ESCALATION))
        assert raised(session, now) == sorted([*left, merely_reaches])


@pytest.mark.store(fill=fill, whole=True)
def test_a_level_is_raised_once_and_the_log_is_whole(store: Store) -> None:
    now = MOMENTS["the pre-warning"]
    with store.writing() as session:
        left = raised(session, now)
        done = set(ids_of(session)) - set(left)
    assert done
    with store.writing() as session:
        assert done <= set(raised(session, now))
        levels = select(func.count()).where(EVENT.c.name == "alert.raised", EVENT.c.at == now)
        assert session.scalar(levels) == len(done)


@pytest.mark.store(databases=["postgresql"], fill=fill)
def test_a_ticket_that_another_worker_has_locked_is_left(store: Store) -> None:
    now = MOMENTS["the pre-warning"]
    with store.writing() as other, store.writing() as session:
        ids = ids_of(session)
        other.execute(select(TICKET.c.id).where(TICKET.c.id == ids[0]).with_for_update())
        assert ids[0] in raised(session, now)


def prepared(store: Store, rulebook: Rulebook, now: datetime) -> PreparedLevels:
    """The levels of all tickets, computed while anybody else may write."""
    with store.reading() as session:
        return prepare_levels(session, ids_of(session), rulebook, now, KnownLevels())


@pytest.mark.store(databases=["sqlite"], fill=fill, whole=True)
def test_what_was_prepared_is_written_as_it_would_have_been_then(store: Store) -> None:
    """Whatever has happened to other tickets since; and only once."""
    now, later = MOMENTS["the pre-warning"], at("2026-11-10T08:31")
    with store.reading() as session:
        rulebook = load_rulebook(session)
    levels = prepared(store, rulebook, now)
    feed(store, [letter("N1", "2026-11-10T08:29")], later)
    advance_tickets(store, ["N1"], later)

    def write(session: Session) -> None:
        assert levels.still_holds(session, rulebook)
        raise_levels(session, ids_of(session), rulebook, later, KnownLevels(), levels)

    assert tried(store, write) == tried(store, lambda session: raised(session, now))
    with store.writing() as session:
        write(session)
    with store.writing() as session:
        assert not levels.still_holds(session, rulebook)
        left = raise_levels(session, ids_of(session), rulebook, later, KnownLevels(), levels)
        assert left == ids_of(session)


def _message_comes(store: Store) -> None:
    feed(store, [message(NUMBERS[3], "note.added", "2026-11-10T08:01", text="甲", by="乙")], BEFORE)


def _another_is_first(store: Store) -> None:
    with store.writing() as session:
        raised(session, MOMENTS["the pre-warning"])


def _row_is_altered(store: Store) -> None:
    with store.writing() as session:
        session.execute(update(TICKET).values(row_hash=b"nobody's"))


def _quarantine(store: Store) -> None:
    with store.writing() as session:
        session.execute(update(TICKET).values(quarantined_at=BEFORE))


def _key_changes(store: Store) -> None:
    store.cipher._take(store.cipher.keyring.with_next(new_key()).rotated())


def _rules_change(_store: Store) -> None:
    """The rulebook is read anew, and is another one."""


@pytest.mark.store(databases=["sqlite"], fill=fill)
@pytest.mark.parametrize(
    "change",
    [
        *(_message_comes, _another_is_first, _row_is_altered, _quarantine, _key_changes),
        _rules_change,
    ],
)
def test_it_is_computed_again_where_anything_has_changed(
    store: Store, change: Callable[[Store], None]
) -> None:
    now = MOMENTS["the pre-warning"]
    with store.reading() as session:
        rulebook = load_rulebook(session)
    levels = prepared(store, rulebook, now)
    change(store)
    if change is _rules_change:
        with store.reading() as session:
            rulebook = load_rulebook(session)

    def write(session: Session) -> None:
        assert not levels.still_holds(session, rulebook)
        raise_levels(session, ids_of(session), rulebook, now, KnownLevels(), levels)

    assert tried(store, write) == tried(store, lambda session: raised(session, now))


@pytest.mark.store(databases=["sqlite"], fill=fill)
@pytest.mark.parametrize(
    "damage",
    ["hash = 'x'", "updated_at = x'00'", "updated_at = 'yesterday'", "row_hash = 'abc'"],
)
def test_a_damaged_row_keeps_no_other_ticket_from_its_level(
    store: Store, damage: str, tmp_path: Path
) -> None:
    """It is set aside alone."""
    now = MOMENTS["the pre-warning"]
    left = list[int]()
    tried(store, lambda session: left.extend(raised(session, now)))
    with store.writing() as session:
        ids = ids_of(session)
        damaged = next(id_ for id_ in ids if id_ not in left)
        session.execute(text(f"UPDATE ticket SET {damage} WHERE id = {damaged}"))
    context = WorkerContext(
        store, lambda: now, NoticeDispatcher(store, lambda: now, tmp_path, None, "en")
    )
    _advance_rows(context, ESCALATION, ids)
    with store.reading() as session:
        levels = select(EVENT.c.ticket_id).where(EVENT.c.name == "alert.raised")
        assert set(session.scalars(levels)) == set(ids) - set(left) - {damaged}
