"""A defence as a page for people (申辩说明), and for machines."""

from collections.abc import Iterator
from typing import Any

from models.i18n import _, render
from models.rules.calendar import SHANGHAI
from models.rules.explain import LEVEL_CLAUSES
from models.rules.lifecycle.averting import AvertingAct
from models.rules.lifecycle.held_duties import HeldDuty
from models.rules.vocabulary import (
    Category,
    ClockName,
    ClockState,
    EventName,
    Level,
    MessageType,
    NoticeKind,
    NoticeState,
    Recipient,
    Status,
    label,
)
from scripts.laboratory.defence import Defence, NoticeLine
from scripts.laboratory.late_time import format_hours, step_as_dict
from scripts.output import format_instant
from scripts.report.columns import format_holder, redacted_line
from scripts.report.sheet import Sheet, SheetTable
from scripts.tickets.presentation import explanation_as_dict, explanation_head

_PARTIES = (Recipient.DISTRICT_DESK, Recipient.CITY_HOTLINE)


def defence_sheet(defence: Defence) -> Sheet:
    """The defence on one page, to be printed upright."""
    ticket, card = defence.ticket, defence.card
    level = label(Level, card.level)
    return Sheet(
        _("Statement on the {card} of ticket {ticket}").format(
            card=level, ticket=redacted_line(ticket.number)
        ),
        (_("Put together from the ticket's log and the rules; what citizens wrote is redacted."),),
        (
            _table(_("The card"), (_("what"), _("value")), _facts(defence)),
            _table(
                _("The deadline, day by day"),
                (_("day"), _("counts"), _("why")),
                _days(defence),
            ),
            _table(
                _("The last acts that would have averted it"),
                (_("act"), _("by whom"), _("until"), _("what comes all the same")),
                map(_averting, defence.averting),
            ),
            _table(
                _("Where the time went"),
                (_("step"), _("holder"), _("from"), _("up to"), _("office hours")),
                _steps(defence),
                texts=4,
            ),
            _table(
                _("Who held which duty"),
                (
                    *(_("from"), _("up to"), _("units")),
                    *(label(Recipient, party) for party in _PARTIES),
                ),
                _held(defence),
            ),
            _table(
                _("What was told to whom"),
                (_("moment"), _("notice"), _("addressee"), _("about"), _("state")),
                map(_notice, defence.notices),
            ),
            _table(
                _("What people did"),
                (_("moment"), _("event"), _("unit")),
                _acts(defence),
            ),
        ),
        upright=True,
    )


def _table(
    title: str, heads: tuple[str, ...], rows: Iterator[tuple[str, ...]], texts: int = 9
) -> SheetTable:
    return SheetTable(title, heads, tuple(rows), texts)


def _facts(defence: Defence) -> Iterator[tuple[str, ...]]:
    ticket, card, duty = defence.ticket, defence.card, defence.duty
    clause = LEVEL_CLAUSES[card.level]
    yield _("card"), f"{label(Level, card.level)} ({clause}), {format_instant(card.at)}"
    if defence.raised_at > card.at:
        yield _("raised only at"), format_instant(defence.raised_at)
    yield _("unit"), format_holder(card.unit or duty.holder)
    yield _("category"), label(Category, ticket.category)
    yield _("title"), redacted_line(ticket.title)
    if ticket.received_at is not None:
        yield _("received at"), format_instant(ticket.received_at)
    yield _("term"), explanation_head(defence.why)
    yield _("due"), format_instant(defence.due)
    for note in defence.why.notes:
        yield _("note"), render(note)
    ended = f" {format_instant(duty.ended_at)}" if duty.ended_at else ""
    yield _("outcome"), label(ClockState, duty.state) + ended


def _days(defence: Defence) -> Iterator[tuple[str, ...]]:
    for day in defence.why.days:
        mark = str(day.number) if day.number else "+" if day.counts else ""
        yield day.day.isoformat(), mark, render(day.why)


def _averting(act: AvertingAct) -> tuple[str, ...]:
    rest = ", ".join(f"{label(Level, x.level)} {format_instant(x.at)}" for x in act.raises)
    name = label(MessageType, act.type)
    return name, format_holder(act.unit), format_instant(act.at), rest or _("no card")


def _steps(defence: Defence) -> Iterator[tuple[str, ...]]:
    for each in defence.steps:
        step = each.step
        times = (format_instant(step.begins_at), format_instant(step.ends_at))
        names = (label(Status, step.status), format_holder(step.holder))
        yield (*names, *times, format_hours(each.office))


def _held(defence: Defence) -> Iterator[tuple[str, ...]]:
    for moment in defence.held:
        parties = [
            "; ".join(_duty(d) for d in moment.duties if d.holder == party) for party in _PARTIES
        ]
        units = "; ".join(
            f"{format_holder(d.holder)}: {_duty(d)}"
            for d in moment.duties
            if d.holder not in _PARTIES
        )
        yield format_instant(moment.begins_at), format_instant(moment.ends_at), units, *parties


def _duty(duty: HeldDuty) -> str:
    due = _("due {at}").format(at=format_instant(duty.due))
    return f"{label(ClockName, duty.clock)} ({due})"


def _notice(line: NoticeLine) -> tuple[str, ...]:
    notice, outcome = line.notice, line.outcome
    unit = f"{format_holder(notice.unit)} " if notice.unit else ""
    duties = notice.duties or ()
    about = "; ".join(
        f"{label(ClockName, d.clock)} {_('due {at}').format(at=format_instant(d.due))}"
        for d in duties
    )
    if not about and notice.due:
        about = _("due {at}").format(at=format_instant(notice.due))
    state = label(NoticeState, outcome.state) if outcome else ""
    if outcome is not None and outcome.sent_at is not None:
        state += f" {format_instant(outcome.sent_at)}"
    kind, to = label(NoticeKind, notice.kind), f"{unit}{label(Recipient, notice.role)}"
    return format_instant(line.at), kind, to, about, state


def _acts(defence: Defence) -> Iterator[tuple[str, ...]]:
    for line in defence.actions:
        if not line.name.startswith(("clock.", "notice.", "decision.", "alert.")):
            unit = getattr(line.event, "unit", None) or ""
            moment = format_instant(line.moment)
            yield moment, label(EventName, line.name), format_holder(str(unit))


def defence_as_dict(defence: Defence) -> dict[str, Any]:
    """The defence for machines, instants in +08:00."""
    card, duty = defence.card, defence.duty
    return {
        "ticket": defence.ticket.number,
        "card": card.level,
        "at": card.at.astimezone(SHANGHAI),
        "raised_at": defence.raised_at.astimezone(SHANGHAI),
        "clause": LEVEL_CLAUSES[card.level],
        "unit": card.unit or duty.holder,
        "due": defence.due.astimezone(SHANGHAI),
        "outcome": duty.state,
        "ended_at": duty.ended_at and duty.ended_at.astimezone(SHANGHAI),
        "why": explanation_as_dict(defence.why),
        "averting": [
            {
                "type": act.type,
                "unit": act.unit,
                "until": act.at.astimezone(SHANGHAI),
                "levels": [x.level for x in act.raises],
            }
            for act in defence.averting
        ],
        "steps": [step_as_dict(each) for each in defence.steps],
        "held": [
            {
                "from": moment.begins_at.astimezone(SHANGHAI),
                "to": moment.ends_at.astimezone(SHANGHAI),
                "duties": [
                    {"holder": d.holder, "clock": d.clock, "due": d.due.astimezone(SHANGHAI)}
                    for d in moment.duties
                ],
            }
            for moment in defence.held
        ],
        "told": [
            {
                "at": line.at.astimezone(SHANGHAI),
                "kind": line.notice.kind,
                "role": line.notice.role,
                "unit": line.notice.unit or None,
                "state": line.outcome and line.outcome.state,
                "sent_at": line.outcome
                and line.outcome.sent_at
                and line.outcome.sent_at.astimezone(SHANGHAI),
            }
            for line in defence.notices
        ],
        "acts": [
            {
                "at": line.moment.astimezone(SHANGHAI),
                "event": line.name,
                "unit": str(getattr(line.event, "unit", None) or "") or None,
            }
            for line in defence.actions
            if not line.name.startswith(("clock.", "notice.", "decision.", "alert."))
        ],
    }
