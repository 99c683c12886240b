"""Fill a store with very many tickets: copies of those of the scene, made by the database."""

from sqlalchemy import Table, text

from models.database import Session, Store
from models.rules.vocabulary import EventName
from models.tables.core import BELL, CLOCK, EVENT, INBOX, NOTICE, TICKET
from models.tables.ticket import named

_STRIDE = 1_000
"""The distance of the ids of two copies of a ticket."""


def multiply_tickets(store: Store, open_tickets: int, closed: int) -> None:
    """Copy the open tickets to about so many, and completed ones to so many archived ones.

    On PostgreSQL the archived copies lie in the past, 15 seconds apart.
    """
    with store.writing() as session:
        if session.dialect == "postgresql":
            # no foreign key is checked: the copies refer to each other as their originals do
            session.execute(text("SET LOCAL session_replication_role = replica"))
        counted = "SELECT count(*) FROM ticket WHERE status IN ({})"
        alive = session.execute(text(counted.format(_OPEN))).scalar_one()
        done = session.execute(text(counted.format("'completed'"))).scalar_one()
        _multiply(session, f"status IN ({_OPEN})", 1, open_tickets // alive, {})
        gone = {"status": "'archived'", "revisit": "false"}
        _multiply(session, "status = 'completed'", 10_001, closed // done, gone)
    if session.dialect == "postgresql":
        with store.engine.connect() as connection:
            # index-only scans need the visibility map
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(
                text("VACUUM ANALYZE")
            )
    store.analyze()


_OPEN = "'received', 'manual', 'dispatched', 'returned', 'disputed', 'handling', 'submitted'"
_PAST = ("completed_at", "ended_at", "at", "moment")


def _multiply(
    session: Session, which: str, first: int, times: int, instead: dict[str, str]
) -> None:
    last = first + times - 1
    if session.dialect == "sqlite":
        numbers = f"(WITH RECURSIVE n(k) AS (SELECT {first} UNION ALL SELECT k + 1 FROM n "
        numbers += f"WHERE k < {last}) SELECT k FROM n)"
    else:
        numbers = f"(SELECT k FROM generate_series({first}, {last}) k)"
    old = f"SELECT id FROM ticket WHERE id < {_STRIDE} AND {which}"
    back = bool(instead) and session.dialect == "postgresql"
    values = {"id": f"t.id + n.k * {_STRIDE}", "number": "t.number || '-' || n.k"}
    values |= {"facts": "NULL"} | instead
    _copy(session, TICKET, f"t.id < {_STRIDE} AND {which}", numbers, values, back)
    of_ticket = {"ticket_id": f"t.ticket_id + n.k * {_STRIDE}"}
    _copy(session, CLOCK, f"t.ticket_id IN ({old})", numbers, of_ticket, back)
    copied_events = "t." + named(
        EventName.TICKET_RECEIVED, EventName.TICKET_COMPLETED, EventName.ALERT_RAISED
    )
    _copy(session, EVENT, f"t.ticket_id IN ({old}) AND {copied_events}", numbers, of_ticket, back)
    sent = of_ticket | {"id": f"t.id + n.k * {_STRIDE}", "state": "'sent'"}
    _copy(session, NOTICE, f"t.ticket_id IN ({old})", numbers, sent, back)
    # some alone: so many that PostgreSQL does not read the few pages of all of them
    messages = f"t.state = 'applied' AND t.id < {_STRIDE} AND n.k < {first + 5}"
    copied = {name: f"t.{name} || '-' || n.k" for name in ("message_id", "ticket")}
    copied |= {"id": f"t.id + n.k * {_STRIDE}"}
    _copy(session, INBOX, messages, numbers, copied, back=False)
    if not instead:
        bells = f"t.queue = 'escalation' AND t.row_id IN ({old})"
        _copy(session, BELL, bells, numbers, {"row_id": f"t.row_id + n.k * {_STRIDE}"}, back)


def _copy(
    session: Session, table: Table, which: str, numbers: str, values: dict[str, str], back: bool
) -> None:
    columns = [c.name for c in table.columns]
    chosen = []
    for name in columns:
        value = values.get(name, f"t.{name}")
        if back and name in _PAST:
            value = f"t.{name} - n.k * interval '15 seconds'"
        chosen.append(value)
    session.execute(
        text(
            f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {', '.join(chosen)} "
            f"FROM {table.name} t, {numbers} n WHERE {which}"
        )
    )
