"""Folding all messages of a ticket again, after a late message or a change of the calendar."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Text, select, type_coerce

from models.database import Session
from models.i18n import LazyText, lazy
from models.operations.log import LogAppend
from models.operations.ticket_work import (
    INBOX_COLUMNS,
    InboxRow,
    MessageOutcome,
    TicketWork,
    read_inbox_row,
    refusals,
)
from models.rulebook import Rulebook
from models.rules import events as log_events
from models.rules.events import Event, MessageRefused
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.difference import LoggedEvent, difference
from models.rules.lifecycle.moments import next_moment
from models.rules.messages import Message, Refusal
from models.rules.state import State
from models.rules.vocabulary import MessageType
from models.tables.core import EVENT, INBOX
from models.tables.inbox import APPLIED, REFUSED, WAITING

_LATE = lazy("a message that came late tells otherwise")


class _Refold:
    """All messages that one ticket was made of, to be folded again."""

    def __init__(
        self, session: Session, work: TicketWork, rulebook: Rulebook, now: datetime
    ) -> None:
        self.work = work
        self.now = now
        self.context = rulebook.context_for(work.row.policy_id)
        rows = session.execute(
            select(*INBOX_COLUMNS)
            .where(INBOX.c.ticket == work.row.number, INBOX.c.current, INBOX.c.state != WAITING)
            .where(INBOX.c.conflicting.is_(False))
            .order_by(INBOX.c.at, INBOX.c.id)
        )
        self.rows = [InboxRow(*row) for row in rows]
        self.messages = {row.id: read_inbox_row(session, row, rulebook) for row in self.rows}
        self.applied = {row.id for row in self.rows if row.state == APPLIED}
        self._session = session

    def fold(
        self, messages: Mapping[int, Message], *, inclusive: bool = True, played: bool = False
    ) -> tuple[State, list[Event]]:
        """Fold these messages in the order of `at`, from the beginning."""
        state = State(self.work.row.number)
        ordered = sorted(messages.values(), key=lambda m: (m.at, m.arrival))
        events = fold(state, ordered, self.context, self.now, inclusive=inclusive, played=played)
        return state, events

    def log_append(
        self, state: State, events: Sequence[Event], why: LazyText, more: Sequence[Event] = ()
    ) -> LogAppend:
        """Return what is to be appended so that the log agrees with this state and its events."""
        row = self.work.row
        state.folds = self.work.state.folds
        new = [*difference(self._log(), events, self.work.state, state, self.now, why), *more]
        if new:
            state.folds += 1
        return LogAppend(row, self.work.before, state, new, row.policy_id, next_moment(state))

    def _log(self) -> list[LoggedEvent]:
        data = type_coerce(EVENT.c.data, Text).label("data")
        rows = self._session.execute(
            select(EVENT.c.seq, EVENT.c.name, data, EVENT.c.moment, EVENT.c.cause)
            .where(EVENT.c.ticket_id == self.work.row.id)
            .order_by(EVENT.c.seq)
        )
        return [
            LoggedEvent(row.seq, log_events.decode(row.name, row.data), row.moment, row.cause)
            for row in rows
        ]


def refold_late(
    session: Session,
    work: TicketWork,
    waiting: Mapping[int, Message],
    rulebook: Rulebook,
    now: datetime,
    inclusive: bool,
    played: bool,
) -> tuple[LogAppend, list[MessageOutcome]]:
    """Fold all messages of a ticket with the late ones among them, and append the difference.

    What people did stands: a late message that would make an applied one impossible is refused.
    Messages refused before are folded again too, since the late one may be what they lacked.
    """
    refold = _Refold(session, work, rulebook, now)
    accepted = dict(refold.messages)
    state, events = refold.fold(accepted, inclusive=inclusive, played=played)
    outcomes: list[MessageOutcome] = []
    for row in sorted(work.waiting, key=lambda row: row.id):
        message = waiting[row.id]
        candidate = {**accepted, row.id: message}
        new_state, new_events = refold.fold(candidate, inclusive=inclusive, played=played)
        if undone := sorted(refold.applied & refusals(new_events).keys()):
            types = ", ".join(accepted[i].type for i in undone)
            why = lazy("it came late, and would undo what was done since: {types}", types=types)
            outcomes.append(MessageOutcome(row, Refusal(why), message, conflicting=True))
            continue
        accepted, state, events = candidate, new_state, new_events
    refused = refusals(events)
    conflicts = [_conflict(outcome, now) for outcome in outcomes]
    outcomes += [
        MessageOutcome(row, refused.get(row.id), accepted[row.id])
        for row in work.waiting
        if row.id in accepted
    ]
    # those that were refused before and no longer are, or the other way round
    outcomes += [
        MessageOutcome(row, refused.get(row.id), accepted[row.id])
        for row in refold.rows
        if (row.state == REFUSED) != (row.id in refused)
    ]
    return refold.log_append(state, events, _LATE, conflicts), outcomes


def refold_changed(
    session: Session, work: TicketWork, rulebook: Rulebook, now: datetime, why: LazyText
) -> LogAppend | None:
    """Fold the same messages under a rulebook that has changed, and append the difference.

    None where something that people did would no longer be possible: that ticket stays as it is.
    """
    refold = _Refold(session, work, rulebook, now)
    state, events = refold.fold(refold.messages)
    if refold.applied & refusals(events).keys():
        return None
    return refold.log_append(state, events, why)


def _conflict(outcome: MessageOutcome, now: datetime) -> Event:
    assert outcome.why is not None
    refused = MessageRefused(type=MessageType(outcome.row.type), why=outcome.why.why, late=True)
    return Event(refused, now, now, outcome.row.id)
