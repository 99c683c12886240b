"""Rebuild the row of a ticket from its messages and its log, whatever the row says."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, update

from models.database import Session
from models.errors import HotlineError
from models.i18n import _, lazy
from models.operations.access_log import record_access
from models.operations.append_log import append_logs
from models.operations.bells import bell, set_bells
from models.operations.blind_index import computed_facts
from models.operations.refold import StoredLife
from models.operations.ticket_change import LogAppend, TicketRow
from models.operations.titles import stored_particulars
from models.queries.log import TicketNotFound
from models.queries.verification import WholeLog, read_whole_log
from models.rulebook import Rulebook, hold_rulebook, load_rulebook
from models.rules.events import (
    Event,
    NoticeDropped,
    NoticeFailed,
    NoticeSent,
    TextsErased,
    says_texts,
)
from models.rules.lifecycle.difference import LoggedEvent, difference
from models.rules.lifecycle.moments import next_moment
from models.rules.lifecycle.refold import FoldResult, fold_from_start
from models.rules.messages import TicketReceived
from models.rules.state import State
from models.rules.vocabulary import Permission
from models.security.chain import LogEnd
from models.security.roles import Actor
from models.tables.core import INBOX, TICKET
from models.tables.inbox import WAITING

_NOT_FOLDED = (NoticeSent, NoticeFailed, NoticeDropped, TextsErased)
"""Events that a fold does not tell."""

_WHY = lazy("its state was lost, and its messages were applied again")


class NotRebuilt(HotlineError):
    """A ticket cannot be rebuilt from what the store has of it."""

    def __init__(self, number: str) -> None:
        text = _("ticket {ticket} cannot be rebuilt: its log is not whole, or its messages and ")
        text += _("today's rules do not give it; restore its row from a backup")
        super().__init__(text.format(ticket=number))


class _Candidate(NamedTuple):
    """A life that the messages give under a policy, and what the log lacks of it."""

    policy_id: str
    life: FoldResult
    lacking: list[Event]


def rebuild_ticket(session: Session, actor: Actor, number: str, now: datetime) -> int:
    """Write the row and the clocks of a ticket anew; the access log says so.

    Its messages are folded again, under the policy that gives its log. Of a ticket that this
    release began, what the log lacks then is appended, and counted in the result; one that an
    earlier release began must agree with its log. What waits for the ticket is rung for at once.
    Raises NotAllowed, TicketNotFound, MessagesGone, ForgedMessage, NotRebuilt.
    """
    actor.require(Permission.MAINTAIN)
    hold_rulebook(session)
    ticket_id = session.scalar(
        select(TICKET.c.id).where(TICKET.c.number == number).with_for_update()
    )
    if ticket_id is None:
        raise TicketNotFound(number)
    log = read_whole_log(session, ticket_id, number)
    if log is None:
        raise NotRebuilt(number)
    rulebook = load_rulebook(session)
    stored = StoredLife(session, ticket_id, number, rulebook)
    rebuilt = min(
        _candidates(stored, stored.log(log.end), rulebook, log, now),
        key=lambda candidate: len(candidate.lacking),
        default=None,
    )
    if rebuilt is None or (rebuilt.lacking and log.is_old):
        raise NotRebuilt(number)
    _write(session, ticket_id, number, rebuilt, log, stored, rulebook, now)
    record_access(session, actor, Permission.MAINTAIN, number, ["rebuild"], now)
    return len(rebuilt.lacking)


def _candidates(
    stored: StoredLife,
    logged: list[LoggedEvent],
    rulebook: Rulebook,
    log: WholeLog,
    now: datetime,
) -> Iterator[_Candidate]:
    """Yield the lives under each policy, first that which was in force at the receipt (7.2)."""
    messages = stored.messages
    receipts = (m.at for m in messages.values() if isinstance(m.content, TicketReceived))
    if (received_at := min(receipts, default=None)) is None:
        return
    # up to when the log goes; what time has brought since comes with its bell
    moments = (
        line.at
        for line, event in zip(log.lines, logged, strict=True)
        if not isinstance(event.data, _NOT_FOLDED)
    )
    until = max([*moments, *(message.at for message in messages.values())])
    first = rulebook.policy_at(received_at)
    for policy_id in dict.fromkeys((first, *rulebook.policies, *rulebook.withdrawn)):
        context = rulebook.context_for(policy_id)
        for days_kept in log.days_kept:
            life = fold_from_start(stored.number, messages, context, until, days_kept=days_kept)
            lacking = difference(logged, life.events, life.state.clocks, now, _WHY)
            yield _Candidate(policy_id, life, lacking)


def _write(
    session: Session,
    ticket_id: int,
    number: str,
    rebuilt: _Candidate,
    log: WholeLog,
    stored: StoredLife,
    rulebook: Rulebook,
    now: datetime,
) -> None:
    state: State = rebuilt.life.state
    # a level that is raised from now on must not have the mark of an earlier one
    state.folds = log.folds + 1
    facts = computed_facts(session, ticket_id, number)
    end: LogEnd = log.end
    row = TicketRow(
        *(ticket_id, number, rebuilt.policy_id),
        facts=facts,
        seq=end.seq,
        hash=end.hash,
        quarantined_at=now,
    )
    needed = {e.cause for e in rebuilt.lacking if e.cause is not None and says_texts(e.data)}
    append = LogAppend(
        row,
        {},
        state,
        rebuilt.lacking,
        rebuilt.policy_id,
        # what waits may be due since long
        next_moment(state),
        past=rebuilt.life.past,
        refolded=True,
        particulars=stored_particulars(session, [number])[number],
        texts=stored.texts(needed),
    )
    append_logs(session, [append], rulebook, now)
    waiting = select(INBOX.c.queue, INBOX.c.id, INBOX.c.at).where(
        INBOX.c.ticket == number, INBOX.c.state == WAITING, INBOX.c.current
    )
    set_bells(session, (bell(*row) for row in session.execute(waiting).all()))
    kept = {"policy_id": rebuilt.policy_id, "facts": facts}
    session.execute(update(TICKET).where(TICKET.c.id == ticket_id).values(kept))
