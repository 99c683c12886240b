"""One ticket under the hand, and what becomes of the messages that wait for it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select, update

from models.bulk import update_rows
from models.database import Session
from models.i18n import LazyText
from models.operations.bells import bell, drop_bells, set_bells
from models.operations.log import NewTicket, TicketRow
from models.rulebook import Rulebook
from models.rules import messages
from models.rules.calendar import SHANGHAI
from models.rules.events import Event, MessageRefused
from models.rules.messages import Finding, Message, Refusal, Route
from models.rules.queues import ESCALATION
from models.rules.state import Clock, State
from models.rules.vocabulary import MessageType
from models.tables.core import INBOX, TICKET
from models.tables.inbox import APPLIED, REFUSED, WAITING


@dataclass
class TicketWork:
    """One ticket under the hand, with the rows that wait for it and the messages in them.

    `before` are its clocks as they were when it was loaded; `new` is set for a ticket that is
    just beginning.
    """

    row: TicketRow
    state: State
    before: Mapping[str, Clock] = field(default_factory=dict)
    waiting: list[Any] = field(default_factory=list)
    messages: dict[int, Message] = field(default_factory=dict)
    new: NewTicket | None = None

    @property
    def first(self) -> Message:
        """The message that a ticket begins with: its earliest receipt."""
        return next(m for m in self.messages.values() if m.type == MessageType.TICKET_RECEIVED)


@dataclass(frozen=True)
class MessageOutcome:
    """What became of a waiting row: applied, refused with `why`, or waiting on until `ring_at`."""

    row: Any
    why: Refusal | None = None
    message: Message | None = None
    conflicting: bool = False
    ring_at: datetime | None = None


class _Resolution(msgspec.Struct, frozen=True):
    """What was made of a message when it was first read."""

    unknown: tuple[str, ...] = ()
    route: Route | None = None
    findings: tuple[Finding, ...] = ()


def lock_tickets(
    session: Session, numbers: Sequence[str], *, wait: bool = False
) -> list[TicketWork]:
    """These tickets, their rows locked, in order; without those that another holds, or waiting."""
    columns = (TICKET.c[name] for name in TicketRow._fields)
    found = select(*columns).where(session.is_in(TICKET.c.number, numbers))
    found = found.order_by(TICKET.c.number).with_for_update(skip_locked=not wait)
    return [_case_of(TicketRow(*row)) for row in session.execute(found).all()]


def _case_of(row: TicketRow) -> TicketWork:
    state = msgspec.json.decode(row.state, type=State) if row.state else State(row.number)
    return TicketWork(row, state, state.clocks.copy())


def read_message(session: Session, row: Any, rulebook: Rulebook) -> Message:
    """The message that a row of the inbox keeps, its units resolved as when first read."""
    raw = session.cipher.decrypt(row.body)
    at = row.at.astimezone(SHANGHAI)
    message = messages.read_message(row.type, row.ticket, at, row.id, raw)
    resolved = rulebook.directory.resolved(message)
    if row.resolved is None:
        return resolved
    # what units and letters said when the message was first read holds
    kept = msgspec.convert(row.resolved, _Resolution)
    return msgspec.structs.replace(resolved, **msgspec.structs.asdict(kept))


def refusals(events: Iterable[Event]) -> dict[int, Refusal]:
    """The messages that these events refuse, by arrival number, with the reason."""
    return {
        event.cause: Refusal(event.data.why, event.data.missing or ())
        for event in events
        if isinstance(event.data, MessageRefused) and event.cause is not None
    }


def mark_messages(session: Session, outcomes: Sequence[MessageOutcome]) -> None:
    """Write into the inbox what became of its rows."""
    done = [d for d in outcomes if d.ring_at is None]
    rows = [
        {
            "id": d.row.id,
            "state": REFUSED if d.why else APPLIED,
            "reason": {"why": d.why.why, "missing": list(d.why.missing)} if d.why else None,
            "resolved": _resolution(d.message) if d.message else d.row.resolved,
            "conflicting": d.conflicting,
        }
        for d in done
    ]
    update_rows(session.connection(), INBOX, rows)
    drop_bells(session, ((d.row.queue, d.row.id) for d in done))
    waiting = ((d.row, d.ring_at) for d in outcomes if d.ring_at is not None)
    set_bells(session, (bell(row.queue, row.id, ring_at) for row, ring_at in waiting))


def _resolution(message: Message) -> Any:
    return _Resolution(message.unknown, message.route, message.findings)


def refuse_waiting(session: Session, number: str, why: LazyText) -> None:
    """Refuse what waits for a ticket that cannot be carried on, and stop ringing for it."""
    reason = {"why": why, "missing": []}
    waiting = (INBOX.c.ticket == number) & (INBOX.c.state == WAITING)
    aside = update(INBOX).where(waiting).values(state=REFUSED, reason=reason)
    refused = session.execute(aside.returning(INBOX.c.queue, INBOX.c.id)).all()
    drop_bells(session, [(row.queue, row.id) for row in refused])
    ticket = select(TICKET.c.id).where(TICKET.c.number == number)
    if (ticket_id := session.scalar(ticket)) is not None:
        drop_bells(session, [(ESCALATION, ticket_id)])
