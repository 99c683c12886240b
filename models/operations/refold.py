"""A whole life folded anew, since a message came late or the calendar changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Text, select, type_coerce

from models.database import Session
from models.i18n import LazyText, lazy
from models.operations.log import LogAppend
from models.operations.ticket_work import MessageOutcome, TicketWork, read_message, refusals
from models.rulebook import Rulebook
from models.rules import events as log_events
from models.rules.events import Event, MessageRefused
from models.rules.lifecycle.decide import fold, next_moment
from models.rules.lifecycle.difference import LoggedEvent, difference
from models.rules.messages import Message, Refusal
from models.rules.state import State
from models.rules.vocabulary import MessageType
from models.tables.core import EVENT, INBOX
from models.tables.inbox import APPLIED, REFUSED, WAITING

_LATE = lazy("a message that came late tells otherwise")


class _Refold:
    """All that one ticket's life was made of, ready to be told again."""

    def __init__(
        self, session: Session, work: TicketWork, rulebook: Rulebook, now: datetime
    ) -> None:
        self.work = work
        self.now = now
        self.context = rulebook.context_for(work.row.policy_id)
        self.rows = session.execute(
            select(INBOX)
            .where(INBOX.c.ticket == work.row.number, INBOX.c.current, INBOX.c.state != WAITING)
            .where(INBOX.c.conflicting.is_(False))
            .order_by(INBOX.c.at, INBOX.c.id)
        ).all()
        self.messages = {r.id: read_message(session, r, rulebook) for r in self.rows}
        self.applied = {r.id for r in self.rows if r.state == APPLIED}
        self._session = session

    def told(
        self, messages: Mapping[int, Message], *, inclusive: bool = True, played: bool = False
    ) -> tuple[State, list[Event]]:
        """The life of these messages in the order of `at`."""
        state = State(self.work.row.number)
        ordered = sorted(messages.values(), key=lambda m: (m.at, m.arrival))
        events = fold(state, ordered, self.context, self.now, inclusive=inclusive, played=played)
        return state, events

    def log_append(
        self, state: State, events: Sequence[Event], why: LazyText, more: Sequence[Event] = ()
    ) -> LogAppend:
        """What is to be appended so that the log tells this life."""
        row = self.work.row
        state.folds = self.work.state.folds
        appended = [*difference(self._log(), events, self.work.state, state, self.now, why), *more]
        if appended:
            state.folds += 1
        return LogAppend(row, self.work.before, state, appended, row.policy_id, next_moment(state))

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
    """Fold the whole life with the late messages in it, and append the difference.

    What people did stands: a late message that would make an applied one impossible is refused.
    Messages refused before are told again too, since the late one may be what they lacked.
    """
    life = _Refold(session, work, rulebook, now)
    kept = dict(life.messages)
    best = life.told(kept, inclusive=inclusive, played=played)
    outcomes: list[MessageOutcome] = []
    for row in sorted(work.waiting, key=lambda r: int(r.id)):
        candidate = life.told({**kept, row.id: waiting[row.id]}, inclusive=inclusive, played=played)
        if undone := sorted(life.applied & refusals(candidate[1]).keys()):
            types = ", ".join(kept[i].type for i in undone)
            why = lazy("it came late, and would undo what was done since: {types}", types=types)
            outcomes.append(MessageOutcome(row, Refusal(why), waiting[row.id], conflicting=True))
            continue
        kept[row.id], best = waiting[row.id], candidate
    state, events = best
    refused = refusals(events)
    conflicts = [_conflict(d, now) for d in outcomes]
    outcomes += [
        MessageOutcome(r, refused.get(r.id), kept[r.id]) for r in work.waiting if r.id in kept
    ]
    outcomes += [
        MessageOutcome(r, refused.get(r.id), kept[r.id])
        for r in life.rows
        if (r.state == REFUSED) != (r.id in refused)
    ]
    return life.log_append(state, events, _LATE, conflicts), outcomes


def refold_changed(
    session: Session, work: TicketWork, rulebook: Rulebook, now: datetime, why: LazyText
) -> LogAppend | None:
    """Fold the same life under a rulebook that has changed, and append the difference.

    None where something that people did would no longer be possible: that life stays as it is.
    """
    life = _Refold(session, work, rulebook, now)
    state, events = life.told(life.messages)
    if life.applied & refusals(events).keys():
        return None
    return life.log_append(state, events, why)


def _conflict(outcomes: MessageOutcome, now: datetime) -> Event:
    assert outcomes.why is not None
    of_type = MessageType(outcomes.row.type)
    return Event(
        MessageRefused(type=of_type, why=outcomes.why.why, late=True), now, now, outcomes.row.id
    )
