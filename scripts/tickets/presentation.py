"""A ticket as `hotline show` prints it: its state, its duties, and why it is due when it is."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from models.database import Session
from models.i18n import _, render
from models.queries.detail import (
    TicketDetail,
    proposed_topic,
    proposed_unit,
    ticket_detail,
    ticket_notes,
)
from models.queries.duties import DutyView
from models.rulebook import load_rulebook
from models.rules.calendar import SHANGHAI
from models.rules.events import AlertRaised, AlertWithdrawn, NoticeQueued
from models.rules.explain import LEVEL_CLAUSES, Explanation, deciding_clock, explain
from models.rules.text import one_line
from models.rules.vocabulary import (
    Category,
    ClockName,
    ClockState,
    ContactPurpose,
    DutyChange,
    EventName,
    Level,
    NoticeKind,
    NoticeState,
    Recipient,
    Status,
    label,
)
from scripts.output import format_instant
from scripts.screen import Screen
from scripts.tables import BOLD, LEVEL_COLOURS, Coloured, Table


def ticket_as_dict(session: Session, number: str) -> dict[str, Any]:
    """The ticket as `--json` prints it, instants in +08:00. Raises TicketNotFound."""
    ticket = ticket_detail(session, number)
    explanation = _explanation(session, ticket)
    return {
        "ticket": ticket.number,
        "status": ticket.status,
        "category": ticket.category,
        "emergency": ticket.emergency,
        "topic": _topic_as_dict(ticket),
        "title": ticket.title,
        "content": ticket.content,
        "claimant": {
            "name": ticket.claimant.name,
            "phone": ticket.claimant.phone,
            "contact": ticket.claimant.contact,
        },
        "unit": ticket.unit,
        "proposed": proposed[0] if (proposed := proposed_unit(ticket)) else None,
        "level": ticket.level,
        "due": ticket.due and ticket.due.astimezone(SHANGHAI),
        "provisional": ticket.provisional,
        "duties": [_duty_as_dict(duty) for duty in ticket.duties],
        "alerts": list(_alerts(ticket, _)),
        "notes": [{"at": n.moment.astimezone(SHANGHAI), **n.private} for n in ticket_notes(ticket)],
        "why": None if explanation is None else explanation_as_dict(explanation),
    }


def print_ticket(page: Screen, session: Session, number: str, now: datetime) -> None:
    """Print the ticket for people as it stands now. Raises TicketNotFound."""
    ticket = ticket_detail(session, number)
    badge = f"  {label(Level, ticket.level)}" if ticket.level else ""
    page.line(f"{ticket.number}  {ticket.title}", BOLD)
    status, category = label(Status, ticket.status), label(Category, ticket.category)
    page.line(f"{status}  {category}  {ticket.unit or '-'}{badge}")
    for line in _topic_lines(ticket):
        page.line(line)
    page.line(f"{ticket.claimant.name}  {ticket.claimant.phone}")
    if ticket.content:
        page.line(ticket.content)
    if proposed := proposed_unit(ticket):
        page.line(_("proposed: {unit} ({why})").format(unit=proposed[0], why=proposed[1]))
    for note in ticket_notes(ticket):
        by, text = (one_line(str(note.private.get(part) or "")) for part in ("by", "text"))
        line = _("note of {at} by {name}: {text}")
        page.line(line.format(at=format_instant(note.moment), name=by, text=text))
    _print_duties(page, ticket, now)
    alerts = [
        (
            Coloured(label(Level, alert["level"]), LEVEL_COLOURS.get(alert["level"], "")),
            alert["effective_at"][:16].replace("T", " "),
            alert["clause"],
            alert["to"] or _("nobody: overtaken by the next level or the expiry"),
            _("taken back") if alert["withdrawn"] else "",
        )
        for alert in _alerts(ticket, lambda role: label(Recipient, role))
    ]
    heads = (_("level"), _("moment"), _("clause"), _("recipients"), "")
    if alerts:
        page.line()
        page.table(Table(heads, alerts))
    if (explanation := _explanation(session, ticket)) is not None:
        page.line()
        for line in explanation_lines(explanation):
            page.line(line)


def _topic_as_dict(ticket: TicketDetail) -> dict[str, Any] | None:
    """The topic: its code, null where it is not known, and its path; or the one proposed."""
    if (topic := ticket.topic) is not None:
        return {"code": topic.code if topic.is_known else None, "path": topic.path}
    if (proposal := proposed_topic(ticket)) is not None:
        return {"proposed": proposal.topic, "certainty": proposal.certainty}
    return None


def _topic_lines(ticket: TicketDetail) -> Iterator[str]:
    if (topic := ticket.topic) is not None:
        known = topic.code if topic.is_known else _("not in the classification")
        yield f"{_('topic')}  {topic.path} ({known})"
    elif (proposal := proposed_topic(ticket)) is not None:
        why = render(proposal.why)
        yield _("topic proposed: {topic} ({why})").format(topic=proposal.topic, why=why)


def _duty_as_dict(duty: DutyView) -> dict[str, Any]:
    row = duty.row
    return {
        "clock": row.name,
        "ordinal": row.ordinal,
        "holder": row.holder,
        "purpose": row.purpose,
        "base": row.base.astimezone(SHANGHAI),
        "due": row.due.astimezone(SHANGHAI),
        "state": row.state,
        "provisional": row.provisional,
        "ended_at": row.ended_at and row.ended_at.astimezone(SHANGHAI),
        "ended_by": duty.ended_by,
        "told": [
            {
                "at": notice.at.astimezone(SHANGHAI),
                "kind": notice.kind,
                "change": notice.change,
                "state": notice.state,
            }
            for notice in duty.notices
        ],
    }


def _print_duties(page: Screen, ticket: TicketDetail, now: datetime) -> None:
    rows = [
        (
            _duty_name(duty),
            label(Recipient, duty.row.holder),
            format_instant(duty.row.base),
            format_instant(duty.row.due),
            _("overdue") if duty.row.is_overdue(now) else label(ClockState, duty.row.state),
            format_instant(duty.row.ended_at) if duty.row.ended_at is not None else "",
            label(EventName, duty.ended_by) if duty.row.ended_at and duty.ended_by else "",
        )
        for duty in ticket.duties
    ]
    heads = (_("duty"), _("holder"), _("from"), _("due"), _("state"), _("ended"), _("ended by"))
    notices = (_("duty"), _("moment"), _("notice"), _("change"), _("state"))
    for table in (Table(heads, rows), Table(notices, _notices(ticket))):
        if table.rows:
            page.line()
            page.table(table)


def _duty_name(duty: DutyView) -> str:
    purpose = f" {label(ContactPurpose, duty.row.purpose)}" if duty.row.purpose else ""
    return label(ClockName, duty.row.name) + purpose


def _notices(ticket: TicketDetail) -> list[tuple[str, ...]]:
    """Return the notices of each duty: when, of what kind, what changed, and what became of it."""
    return [
        (
            _duty_name(duty),
            format_instant(notice.at),
            label(NoticeKind, notice.kind),
            label(DutyChange, notice.change),
            label(NoticeState, notice.state),
        )
        for duty in ticket.duties
        for notice in duty.notices
    ]


def explanation_head(why: Explanation) -> str:
    """The first line of a deadline's reasons: its clock, base, term and clause."""
    return _("{clock} from {base}: {term} ({clause})").format(
        clock=label(ClockName, why.clock),
        base=format_instant(why.base),
        term=render(why.term_text),
        clause=why.clause,
    )


def explanation_lines(why: Explanation) -> Iterator[str]:
    """A deadline's reasons for people: its term, every day, what else bore on it, the levels."""
    due = why.due.astimezone(SHANGHAI)
    yield _("Why: {reason}").format(reason=explanation_head(why))
    for day in why.days:
        mark = day.number or ("+" if day.counts else "-")
        yield f"  {day.day}  {mark:>2}  {render(day.why)}"
    for note in why.notes:
        yield f"  {render(note)}"
    yield f"  {_('due')}  {due:%Y-%m-%d %H:%M}" + (
        f"  {_('provisional')}" if why.provisional else ""
    )
    for level, at in why.levels:
        yield f"  {label(Level, level)}  {at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def _alerts(ticket: TicketDetail, role_name: Callable[[str], str]) -> Iterator[dict[str, Any]]:
    """The levels raised, each with its clause and its recipients (Regulation 5.1-5.3).

    `role_name` names a recipient: programs go on to read its code, people read its label.
    """
    withdrawn = {e.event.of for e in ticket.log if isinstance(e.event, AlertWithdrawn)}
    notices = [e.event for e in ticket.log if isinstance(e.event, NoticeQueued)]
    for line in ticket.log:
        alert = line.event
        if not isinstance(alert, AlertRaised):
            continue
        recipients = [
            f"{notice.unit or ''} {role_name(notice.role)}".strip()
            for notice in notices
            if notice.kind == NoticeKind(alert.level) and notice.effective_at == alert.effective_at
        ]
        yield {
            "level": alert.level,
            "effective_at": alert.effective_at.astimezone(SHANGHAI).isoformat(),
            "clause": LEVEL_CLAUSES[alert.level],
            "to": ", ".join(recipients),
            "withdrawn": line.seq in withdrawn,
        }


def _explanation(session: Session, ticket: TicketDetail) -> Explanation | None:
    clock = deciding_clock(ticket.state)
    if clock is None or ticket.policy_id is None:
        return None
    context = load_rulebook(session).context_for(ticket.policy_id)
    return explain(clock, ticket.state, context)


def explanation_as_dict(why: Explanation) -> dict[str, Any]:
    """A deadline's reasons for machines, instants in +08:00."""
    return {
        "clock": why.clock,
        "base": why.base.astimezone(SHANGHAI),
        "due": why.due.astimezone(SHANGHAI),
        "term": render(why.term_text),
        "clause": why.clause,
        "days": [{"date": d.day, "counts": d.counts, "why": render(d.why)} for d in why.days],
        "notes": [render(note) for note in why.notes],
        **{level: at.astimezone(SHANGHAI) for level, at in why.levels},
        "provisional": why.provisional,
    }
