"""Begin tickets by their receipts, which only one worker may do."""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime

from sqlalchemy import select

from models.database import Session
from models.i18n import lazy
from models.membership import is_in
from models.operations.ticket_change import TicketRow
from models.operations.ticket_work import MessageOutcome, TicketWork
from models.queries.inbox_rows import InboxRow
from models.rulebook import Rulebook
from models.rules.messages import Message, Refusal
from models.rules.policy import in_force
from models.rules.state import EDITION, State
from models.rules.vocabulary import MessageType
from models.tables.core import INBOX


def begin_tickets(
    waiting: Mapping[str, Sequence[InboxRow]],
    known: Set[str],
    messages_of: Mapping[str, Mapping[int, Message]],
    rulebook: Rulebook,
    now: datetime,
) -> tuple[dict[str, TicketWork], list[MessageOutcome]]:
    """Return the tickets that a readable receipt begins; what came before its receipt waits on.

    `waiting` are the rows that wait and `messages_of` the messages in them, by the ticket's number,
    `known` the tickets that there are. A new ticket has a number below zero for an id until its row
    is written.
    """
    begun: dict[str, TicketWork] = {}
    outcomes: list[MessageOutcome] = []
    # in one order everywhere, so that two workers never wait for each other
    for number in sorted(waiting.keys() - known):
        rows = waiting[number]
        messages = messages_of[number]
        receipts = [r for r in rows if r.type == MessageType.TICKET_RECEIVED]
        unreadable = [
            MessageOutcome(r, content)
            for r in receipts
            if isinstance(content := messages[r.id].content, Refusal)
        ]
        outcomes += unreadable
        refused = {outcome.row.id for outcome in unreadable}
        rest = [r for r in rows if r.id not in refused]
        if len(unreadable) == len(receipts):
            outcomes += _wait_for_receipt(rest, rulebook, now)
            continue
        row = TicketRow(-1 - len(begun), number)
        work = TicketWork(row, State(number, EDITION), waiting=rest)
        work.messages = {r.id: messages[r.id] for r in rest}
        begun[number] = work
    return begun, outcomes


def drop_locked(session: Session, begun: dict[str, TicketWork]) -> list[str]:
    """Remove from `begun` the tickets that another worker is just beginning, and return them.

    They have no rows yet that could be locked, but their receipts have: inserting what another
    transaction is inserting would wait for its end, however long that takes.
    """
    receipts = [work.first.arrival for work in begun.values()]
    free = set(
        session.scalars(
            select(INBOX.c.id).where(is_in(INBOX.c.id, receipts)).with_for_update(skip_locked=True)
        ).all()
    )
    held = [number for number, work in begun.items() if work.first.arrival not in free]
    for number in held:
        del begun[number]
    return held


def _wait_for_receipt(
    rows: Sequence[InboxRow], rulebook: Rulebook, now: datetime
) -> list[MessageOutcome]:
    """Let messages wait for a ticket that was never received, but not for ever."""
    outcomes = []
    for row in rows:
        policy = in_force(list(rulebook.policies.values()), row.at)
        until = row.arrived_at + policy.intake.wait_for_receipt.span
        if until <= now:
            why = lazy("ticket {ticket} was never received; send it first", ticket=row.ticket)
            outcomes.append(MessageOutcome(row, Refusal(why)))
        else:
            outcomes.append(MessageOutcome(row, ring_at=until))
    return outcomes
