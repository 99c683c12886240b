"""The late tickets of a unit's month, with the events that say where their time went."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from models.database import Session
from models.membership import is_in
from models.queries.figure_cases import figure_cases
from models.queries.figures import Month
from models.queries.unit_names import UnitNames
from models.rules import events
from models.rules.events import EventData
from models.rules.lifecycle.steps import STEP_EVENTS
from models.rules.vocabulary import EventName
from models.tables.columns import undecoded
from models.tables.core import EVENT, TICKET

_WITHDRAWALS = (EventName.ALERT_WITHDRAWN, EventName.DECISION_WITHDRAWN)


@dataclass(frozen=True, slots=True)
class LateTicket:
    """A ticket that was late, or got a card, in a month: until when it is looked at, and its log.

    `until` is when its late handling ended; of one that had not ended, the last card.
    """

    number: str
    category: str
    policy_id: str
    until: datetime
    log: Sequence[tuple[EventData, datetime]]


def late_tickets(
    session: Session, month: Month, unit: str | None, names: UnitNames
) -> list[LateTicket]:
    """Return the tickets behind the figures `late` and `cards` of a unit's month, or of all."""
    until: dict[str, datetime] = {}
    for figure in ("cards", "late"):
        for case in figure_cases(session, month, figure, unit, names):
            ended_at = case.note.get("ended_at")
            at = ended_at if isinstance(ended_at, datetime) else case.at
            until[case.ticket] = max(until.get(case.ticket, at), at)
    tickets = session.execute(
        select(TICKET.c.id, TICKET.c.number, TICKET.c.category, TICKET.c.policy_id)
        .where(is_in(TICKET.c.number, list(until)))
        .order_by(TICKET.c.number)
    ).all()
    logs = _logs(session, [ticket.id for ticket in tickets])
    return [
        LateTicket(t.number, t.category, t.policy_id, until[t.number], logs.get(t.id, ()))
        for t in tickets
    ]


def _logs(session: Session, ids: Sequence[int]) -> dict[int, list[tuple[EventData, datetime]]]:
    """Return the events of steps of these tickets that were not taken back, in order."""
    names = [kind.event for kind in STEP_EVENTS] + list(_WITHDRAWALS)
    rows = session.execute(
        select(
            *(EVENT.c.ticket_id, EVENT.c.seq, EVENT.c.name, EVENT.c.moment),
            undecoded(EVENT.c.data),
        )
        .where(is_in(EVENT.c.ticket_id, ids), EVENT.c.name.in_(names))
        .order_by(EVENT.c.ticket_id, EVENT.c.seq)
    ).all()
    decoded = [(row, events.decode(row.name, row.data)) for row in rows]
    gone = {
        (row.ticket_id, data.of)
        for row, data in decoded
        if isinstance(data, events.AlertWithdrawn | events.DecisionWithdrawn)
    }
    logs: dict[int, list[tuple[EventData, datetime]]] = defaultdict(list)
    for row, data in decoded:
        if row.name not in _WITHDRAWALS and (row.ticket_id, row.seq) not in gone:
            logs[row.ticket_id].append((data, row.moment))
    return logs
