"""The defence of a ticket against a card (申辩说明): what the log and the rules say of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

import msgspec

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.queries.detail import NoticeView, TicketDetail, ticket_detail
from models.queries.duties import DutyRow
from models.queries.log_lines import LogLine
from models.queries.ticket_lives import life_of
from models.rulebook import Rulebook
from models.rules.events import (
    AlertRaised,
    AlertWithdrawn,
    ClockMoved,
    ClockStarted,
    DecisionWithdrawn,
    NoticeQueued,
)
from models.rules.explain import Explanation, explain
from models.rules.lifecycle.averting import AvertingAct, CardCase, averting_acts
from models.rules.lifecycle.held_duties import HeldTime, held_times
from models.rules.lifecycle.outcome import RaisedLevel
from models.rules.lifecycle.steps import steps
from models.rules.state import Clock, RuleContext
from models.rules.vocabulary import ClockName, Level, label
from scripts.laboratory.late_time import TimedStep, timed_steps


class CardNotFound(HotlineError):
    """A ticket has no standing card of the level that was asked for."""

    def __init__(self, number: str, level: Level | None) -> None:
        name = label(Level, level) if level else _("card")
        text = _("ticket {ticket} has no {card} that stands; see `hotline log {ticket}`")
        super().__init__(text.format(ticket=number, card=name))


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A notice up to the card: its line of the log, and what became of it."""

    at: datetime
    notice: NoticeQueued
    outcome: NoticeView | None


@dataclass(frozen=True, slots=True)
class Defence:
    """All that speaks for or against a card; `duty` is the handling term that was missed.

    `due` is its deadline as it stood when the card was `raised_at`. `steps` say where time went,
    `held` who owed what at each minute, `actions` what people did.
    """

    ticket: TicketDetail
    card: RaisedLevel
    raised_at: datetime
    duty: DutyRow
    due: datetime
    why: Explanation
    steps: Sequence[TimedStep]
    held: Sequence[HeldTime]
    notices: Sequence[NoticeLine]
    actions: Sequence[LogLine]
    averting: Sequence[AvertingAct]


def defence(
    session: Session, rulebook: Rulebook, number: str, level: Level | None = None
) -> Defence:
    """Put together the defence against a ticket's last card, or its last one of a level.

    Raises TicketNotFound, CardNotFound.
    """
    ticket = ticket_detail(session, number)
    gone = {
        line.event.of
        for line in ticket.log
        if isinstance(line.event, AlertWithdrawn | DecisionWithdrawn)
    }
    log = [line for line in ticket.log if line.seq not in gone]
    raised = _card_line(log, level)
    if raised is None or ticket.policy_id is None:
        raise CardNotFound(number, level)
    line, card = raised
    # what was known when the card was raised, which may be later than it took effect
    before = log[: log.index(line) + 1]
    raised_at = max(each.moment for each in before)
    duty, due = _missed(ticket, raised_at), _deadline(before)
    if duty is None or due is None:
        raise CardNotFound(number, level)
    context = _context(rulebook, ticket)
    life = life_of(session, number, rulebook.directory)
    case = CardCase(number, life.messages, life.days_kept, card, due)
    told_of = [(line.event, line.moment) for line in before]
    return Defence(
        ticket,
        card,
        raised_at,
        duty,
        due,
        explain(_clock(ticket, duty, due), ticket.state, context),
        timed_steps(steps(told_of, raised_at), context),
        list(held_times(told_of, raised_at)),
        list(_notices(ticket, log, raised_at)),
        [line for line in before if line.cause is not None],
        list(averting_acts(case, context)),
    )


def _card_line(log: Sequence[LogLine], level: Level | None) -> tuple[LogLine, RaisedLevel] | None:
    """Return the last card that stands, or the last of a level, with its line of the log."""
    for line in reversed(log):
        match line.event:
            case AlertRaised(level=raised) as alert if raised == level or (
                level is None and raised != Level.PREWARNING
            ):
                return line, RaisedLevel(raised, alert.unit, alert.run, alert.effective_at)
    return None


def _missed(ticket: TicketDetail, raised_at: datetime) -> DutyRow | None:
    """Return the handling term that ran when the card was raised."""
    rows = [view.row for view in ticket.duties if view.row.name == ClockName.HANDLING]
    begun = [row for row in rows if row.base <= raised_at]
    return max(begun, key=lambda row: row.ordinal, default=None)


def _context(rulebook: Rulebook, ticket: TicketDetail) -> RuleContext:
    assert ticket.policy_id is not None
    context = rulebook.context_for(ticket.policy_id)
    if not ticket.state.days_kept:
        return context
    kept = context.calendar.keeping(ticket.state.days_kept)
    return RuleContext(context.policy, kept, context.parents)


def _deadline(log: Sequence[LogLine]) -> datetime | None:
    """Return the handling term's last deadline that a log tells of."""
    for line in reversed(log):
        event = line.event
        if isinstance(event, ClockStarted | ClockMoved) and event.clock == ClockName.HANDLING:
            return event.due
    return None


def _clock(ticket: TicketDetail, duty: DutyRow, due: datetime) -> Clock:
    """Return the clock of a duty with a deadline; its reasons are known of the present one."""
    present = ticket.state.clocks.get(ClockName.HANDLING)
    if present is not None and present.ordinal == duty.ordinal:
        return msgspec.structs.replace(present, due=due)
    return Clock(
        duty.name, duty.base, due, duty.provisional, holder=duty.holder, ordinal=duty.ordinal
    )


def _notices(ticket: TicketDetail, log: Sequence[LogLine], until: datetime) -> Iterator[NoticeLine]:
    outcomes = {notice.seq: notice for notice in ticket.notices}
    # what takes effect in the past is told when the line before it is known
    known_at = accumulate((line.moment for line in log), max)
    for line, told_at in zip(log, known_at, strict=True):
        if isinstance(line.event, NoticeQueued) and line.moment <= until:
            yield NoticeLine(told_at, line.event, outcomes.get(line.seq))
