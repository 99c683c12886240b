"""A whole life folded anew, since a message came late or the calendar changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from models.database import Session
from models.labels import Said, say
from models.operations.cases import Case, Dealt, message_of, refusals
from models.operations.log import Appending
from models.queries.rulebook import Rulebook
from models.rules.lifecycle.decide import fold, next_moment
from models.rules.lifecycle.difference import Logged, difference
from models.rules.messages import Message, Refusal
from models.rules.state import Event, State
from models.tables.core import EVENT, INBOX
from models.tables.inbox import APPLIED, REFUSED, WAITING

_LATE = say("a message that came late tells otherwise")


class _Life:
    """All that one ticket's life was made of, ready to be told again."""

    def __init__(self, session: Session, case: Case, rulebook: Rulebook, now: datetime) -> None:
        self.case = case
        self.now = now
        self.stage = rulebook.stage_for(case.row.policy_id)
        self.rows = session.execute(
            select(INBOX)
            .where(INBOX.c.ticket == case.row.number, INBOX.c.current, INBOX.c.state != WAITING)
            .where(INBOX.c.conflicting.is_(False))
            .order_by(INBOX.c.at, INBOX.c.id)
        ).all()
        self.messages = {r.id: message_of(session, r, rulebook) for r in self.rows}
        self.applied = {r.id for r in self.rows if r.state == APPLIED}
        self._session = session

    def told(
        self, messages: Mapping[int, Message], *, inclusive: bool = True, played: bool = False
    ) -> tuple[State, list[Event]]:
        """The life of these messages in the order of `at`."""
        state = State(self.case.row.number)
        ordered = sorted(messages.values(), key=lambda m: (m.at, m.arrival))
        events = fold(state, ordered, self.stage, self.now, inclusive=inclusive, played=played)
        return state, events

    def appending(
        self, state: State, events: Sequence[Event], why: Said, more: Sequence[Event] = ()
    ) -> Appending:
        """What is to be appended so that the log tells this life."""
        row = self.case.row
        log = [
            Logged(e.seq, e.name, e.moment, e.cause, e.data)
            for e in self._session.execute(
                select(EVENT).where(EVENT.c.ticket_id == row.id).order_by(EVENT.c.seq)
            )
        ]
        state.folds = self.case.state.folds
        appended = [*difference(log, events, self.case.state, state, self.now, why), *more]
        if appended:
            state.folds += 1
        return Appending(row, self.case.before, state, appended, row.policy_id, next_moment(state))


def fold_anew(
    session: Session,
    case: Case,
    waiting: Mapping[int, Message],
    rulebook: Rulebook,
    now: datetime,
    inclusive: bool,
    played: bool,
) -> tuple[Appending, list[Dealt]]:
    """Fold the whole life with the late messages in it, and append the difference.

    What people did stands: a late message that would make an applied one impossible is refused.
    Messages refused before are told again too, since the late one may be what they lacked.
    """
    life = _Life(session, case, rulebook, now)
    kept = dict(life.messages)
    best = life.told(kept, inclusive=inclusive, played=played)
    dealt: list[Dealt] = []
    for row in sorted(case.waiting, key=lambda r: int(r.id)):
        candidate = life.told({**kept, row.id: waiting[row.id]}, inclusive=inclusive, played=played)
        if undone := sorted(life.applied & refusals(candidate[1]).keys()):
            types = ", ".join(kept[i].type for i in undone)
            why = say("it came late, and would undo what was done since: {types}", types=types)
            dealt.append(Dealt(row, Refusal(why), waiting[row.id], conflicting=True))
            continue
        kept[row.id], best = waiting[row.id], candidate
    state, events = best
    refused = refusals(events)
    conflicts = [_conflict(d, now) for d in dealt]
    dealt += [Dealt(r, refused.get(r.id), kept[r.id]) for r in case.waiting if r.id in kept]
    dealt += [
        Dealt(r, refused.get(r.id), kept[r.id])
        for r in life.rows
        if (r.state == REFUSED) != (r.id in refused)
    ]
    return life.appending(state, events, _LATE, conflicts), dealt


def fold_again(
    session: Session, case: Case, rulebook: Rulebook, now: datetime, why: Said
) -> Appending | None:
    """Fold the same life under a rulebook that has changed, and append the difference.

    None where something that people did would no longer be possible: that life stays as it is.
    """
    life = _Life(session, case, rulebook, now)
    state, events = life.told(life.messages)
    if life.applied & refusals(events).keys():
        return None
    return life.appending(state, events, why)


def _conflict(dealt: Dealt, now: datetime) -> Event:
    assert dealt.why is not None
    data = {"type": dealt.row.type, "why": dealt.why.why, "late": True}
    return Event("message.refused", now, now, dealt.row.id, data)
