"""A message came late: the whole life is folded anew with it, and the difference appended."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select

from models.database import Session
from models.labels import say
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


def fold_anew(
    session: Session,
    case: Case,
    waiting: Mapping[int, Message],
    rulebook: Rulebook,
    now: datetime,
    inclusive: bool,
) -> tuple[Appending, list[Dealt]]:
    """Fold the whole life with the late messages in it, and append the difference.

    What people did stands: a late message that would make an applied one impossible is refused.
    Messages refused before are told again too, since the late one may be what they lacked.
    """
    number = case.row.number
    rows = session.execute(
        select(INBOX)
        .where(INBOX.c.ticket == number, INBOX.c.current, INBOX.c.state != WAITING)
        .where(INBOX.c.conflicting.is_(False))
        .order_by(INBOX.c.at, INBOX.c.id)
    ).all()
    kept = {r.id: message_of(session, r, rulebook) for r in rows}
    applied = {r.id for r in rows if r.state == APPLIED}
    stage = rulebook.stage_for(case.row.policy_id)

    def told(messages: Mapping[int, Message]) -> tuple[State, list[Event]]:
        state = State(number)
        ordered = sorted(messages.values(), key=lambda m: (m.at, m.arrival))
        return state, fold(state, ordered, stage, now, inclusive=inclusive)

    dealt: list[Dealt] = []
    best = told(kept)
    for row in sorted(case.waiting, key=lambda r: int(r.id)):
        candidate = told({**kept, row.id: waiting[row.id]})
        refused = refusals(candidate[1])
        if undone := sorted(applied & refused.keys()):
            types = ", ".join(kept[i].type for i in undone)
            why = say("it came late, and would undo what was done since: {types}", types=types)
            dealt.append(Dealt(row, Refusal(why), waiting[row.id], conflicting=True))
            continue
        kept[row.id], best = waiting[row.id], candidate
    state, events = best
    refused = refusals(events)
    dealt += [Dealt(r, refused.get(r.id), kept[r.id]) for r in case.waiting if r.id in kept]
    dealt += [
        Dealt(r, refused.get(r.id), kept[r.id])
        for r in rows
        if (r.state == REFUSED) != (r.id in refused)
    ]
    log = [
        Logged(e.seq, e.name, e.moment, e.cause, e.data)
        for e in session.execute(
            select(EVENT).where(EVENT.c.ticket_id == case.row.id).order_by(EVENT.c.seq)
        )
    ]
    appended = difference(log, events, case.state, state, now, _LATE)
    appended += [_conflict(d, now) for d in dealt if d.conflicting]
    state.folds = case.state.folds + 1
    return Appending(case.row, state, appended, case.row.policy_id, next_moment(state), None), dealt


def _conflict(dealt: Dealt, now: datetime) -> Event:
    assert dealt.why is not None
    data = {"type": dealt.row.type, "why": dealt.why.why, "late": True}
    return Event("message.refused", now, now, dealt.row.id, data)
