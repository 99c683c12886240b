"""The work of every peer: the service's own rules, in one SQLModel transaction per ticket.

A peer's broker is its inbox: it writes ticket, clocks, log and notices, and no row for the message.
"""

import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import sqlmodel
from sqlalchemy import Engine, create_engine, text

from models.clock import system_clock
from models.database import Session, Store
from models.operations.event_rows import event_row
from models.operations.store_secret import unlock
from models.operations.ticket_change import TicketRow
from models.rulebook import Rulebook, load_rulebook
from models.rules.calendar import SHANGHAI
from models.rules.events import Event as Happened
from models.rules.events import NoticeQueued
from models.rules.lifecycle.decide import fold
from models.rules.messages import TicketReceived, read_message
from models.rules.particulars import read_particulars
from models.rules.screening import duplicate_key
from models.rules.state import State
from models.rules.titles import redacted_title
from models.security.encryption import load_cipher
from models.settings import load_settings
from models.tables import ClockRow, EventRow, NoticeRow, Ticket
from models.tables.core import TICKET

Body = dict[str, Any]


@cache
def engine() -> Engine:
    """The engine of this process on the store that its environment names."""
    return create_engine(load_settings().store_url, pool_size=16)


@cache
def cipher_session() -> Session:
    """A session without a database, which holds the cipher of the store."""
    settings = load_settings()
    store = Store(settings.store_url, load_cipher(settings.key_path))
    unlock(store)
    store.close()
    session = Session()
    session.cipher = store.cipher
    return session


@cache
def rulebook() -> Rulebook:
    """The rulebook, read from the store at the first call."""
    with Session(engine()) as session:
        session.cipher = cipher_session().cipher
        return load_rulebook(session)


def dispatch(body: Body) -> None:
    """One message in one transaction: its ticket received and sent to its unit."""
    with sqlmodel.Session(engine()) as session:
        dispatch_in(session, body)
        session.commit()


def escalate(number: int, now: str) -> None:
    """One ticket in one transaction: what time has brought about up to `now`."""
    with sqlmodel.Session(engine()) as session:
        escalate_in(session, number, datetime.fromisoformat(now))
        session.commit()


def record_run(due: str) -> None:
    """Record that a job that was due at this moment has run."""
    statement = text("INSERT INTO bench.run (due_at, ran_at) VALUES (:due, clock_timestamp())")
    with engine().begin() as connection:
        connection.execute(statement, {"due": datetime.fromisoformat(due)})


def dispatch_in(session: Any, body: Body) -> None:
    """The same in a transaction of the caller's."""
    book, cipher, now = rulebook(), cipher_session().cipher, system_clock()
    statement = sqlmodel.select(Ticket).where(Ticket.number == body["ticket"])
    if session.execute(statement).first() is not None:
        return
    moment = datetime.fromisoformat(body["at"]).astimezone(SHANGHAI)
    named = read_message(body["type"], body["ticket"], moment, 1, body)
    message, policy = book.directory.resolve_names(named), book.policy_at(moment)
    state = State(body["ticket"])
    events = fold(state, [message], book.context_for(policy), now)
    assert isinstance(message.content, TicketReceived)
    matter = duplicate_key(message.content)
    ticket = Ticket(
        number=body["ticket"],
        title=redacted_title(
            read_particulars(body),
            message.content.category,
            book.policies[policy].intake.title_characters,
        ),
        claimant=_store_session(session).encrypt(
            TICKET.c.claimant,
            {**body["claimant"], "address": body.get("address")},
            {"number": body["ticket"]},
        ),
        facts=cipher.keyed_hash(matter) if matter else None,
        policy_id=policy,
    )
    session.add(ticket)
    session.flush()
    _write(session, ticket, state, events, now)


def escalate_in(session: Any, number: int, now: datetime) -> None:
    """The same in a transaction of the caller's."""
    statement = sqlmodel.select(Ticket).where(Ticket.id == number).with_for_update()
    ticket = session.execute(statement).scalar_one()
    state = msgspec.json.decode(ticket.state, type=State)
    events = fold(state, [], rulebook().context_for(ticket.policy_id), now)
    _write(session, ticket, state, events, now)


def _store_session(session: Any) -> Session:
    """The session that encrypts, in the same transaction."""
    sealing = Session(session.connection())
    sealing.cipher = cipher_session().cipher
    return sealing


def _write(
    session: Any, ticket: Ticket, state: State, events: Iterable[Happened], now: datetime
) -> None:
    assert ticket.id is not None
    sealing, numbered = _store_session(session), TicketRow(ticket.id, ticket.number)
    for event in events:
        ticket.seq += 1
        row = event_row(sealing, numbered, ticket.seq, ticket.hash, event, now)
        ticket.hash = row["hash"]
        session.add(EventRow(**row))
        if isinstance(event.data, NoticeQueued):
            notice = event.data
            role, unit = notice.role, notice.unit or None
            session.add(NoticeRow(
                ticket_id=ticket.id, seq=ticket.seq, kind=notice.kind, role=role,
                recipient=f"{unit}/{role}", unit=unit, queued_at=now, ring_at=now,
            ))  # fmt: skip
    before = msgspec.json.decode(ticket.state, type=State).clocks if ticket.state else {}
    for key, clock in state.clocks.items():
        if before.get(key) != clock:
            put = session.merge if key in before else session.add
            put(ClockRow(
                ticket_id=ticket.id, key=key, name=clock.name, base=clock.base, due=clock.due,
                provisional=clock.provisional, state=clock.state, ended_at=clock.ended_at,
            ))  # fmt: skip
    ticket.status, ticket.category, ticket.unit = state.status, state.category or "", state.unit
    ticket.level, ticket.due, ticket.received_at = state.level, state.due, state.received_at
    ticket.updated_at = now.astimezone(UTC)
    ticket.state = msgspec.json.encode(state).decode()
    session.add(ticket)


def produce(
    receive: Callable[[Iterable[Body]], None],
    clocks: Callable[[Iterable[Body]], None],
    later: Callable[[Iterable[Body]], None] | None = None,
) -> None:
    """Enqueue the lines of files, which are named on standard input: `received FILE`.

    Says `ready` first and `done` after each, so that no interpreter's start is measured.
    """
    kinds = {"received": receive, "clocks": clocks}
    if later is not None:
        kinds["later"] = later
    rulebook()
    _say("ready")
    for line in sys.stdin:
        kind, path = line.split(maxsplit=1)
        with Path(path.strip()).open("rb") as file:
            kinds[kind](msgspec.json.decode(line) for line in file)
        _say("done")


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()
