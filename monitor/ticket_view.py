"""Lay out one ticket as text: its preview, letter, clocks, deadline and notices."""

from collections.abc import Mapping
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from models.i18n import _, render
from models.queries.detail import TicketDetail, proposed_topic
from models.queries.duties import missed_duties, next_duty, overdue_answer, waits_since
from models.rules.calendar import SHANGHAI
from models.rules.events import NoticeDropped
from models.rules.explain import Explanation
from models.rules.text import steady_width
from models.rules.vocabulary import (
    CLOSED,
    Category,
    ClockName,
    ClockState,
    ContactPurpose,
    Emergency,
    EventName,
    Level,
    NoticeKind,
    NoticeState,
    Recipient,
    Status,
    label,
)
from monitor.deadline_view import day_strip, lanes
from monitor.formatting import (
    OfficeCalendar,
    format_instant,
    format_short,
    format_time_left,
    format_wait,
    format_weekday,
    one_line,
)
from monitor.labels import LEVEL_STYLES
from monitor.text_layout import indented, stack
from monitor.ticket_log import notice_recipient


def preview(
    ticket: TicketDetail, why: Explanation | None, now: datetime, office: OfficeCalendar
) -> Content:
    """Lay out what the list of tickets shows at its side."""
    parts = [summary(ticket, now, office)]
    if why is not None:
        parts += [Content(""), day_strip(ticket.log, why, now, office)]
    if why is not None and why.levels:
        parts.append(Content(""))
        parts += [_level_line(level, at) for level, at in why.levels]
    if ticket.content:
        parts += [Content(""), Content(steady_width(ticket.content))]
    running = [duty.row for duty in ticket.duties if duty.row.state == ClockState.RUNNING]
    if len(running) > 1:
        parts.append(Content(""))
        parts += [
            Content.assemble(
                (label(ClockName, clock.name), "$quiet"),
                "  ",
                format_time_left(clock.due, now, office, clock=clock.name),
            )
            for clock in sorted(running, key=lambda clock: clock.due)
        ]
    return stack(parts)


def summary(ticket: TicketDetail, now: datetime, office: OfficeCalendar) -> Content:
    """Lay out title, unit, term and claimant; the number is the panel's title."""
    badges: list[Content] = []
    if ticket.level:
        badges.append(
            Content.styled(
                f" {label(Level, ticket.level)} ", LEVEL_STYLES.get(ticket.level, "bold")
            )
        )
    if ticket.emergency:
        urgent = _("emergency")
        text = f" {urgent} {label(Emergency, ticket.emergency)} "
        badges.append(Content.styled(text, "bold reverse $error"))
    status = f"{label(Category, ticket.category)}  {label(Status, ticket.status)}"
    claimant = ticket.claimant
    contact = _("wants no contact") if claimant.contact == "unwanted" else ""
    lines = [
        Content.styled(one_line(ticket.title), "bold"),
        Content("  ").join([*badges, Content(status)]),
        Content(one_line(ticket.unit or _("no unit yet"))),
        *_topic_lines(ticket),
    ]
    lines += [*_missed_lines(ticket, now), _next_line(ticket, now, office)]
    person = [claimant.name, claimant.phone, claimant.address, contact]
    lines.append(Content.styled("  ".join(text for text in person if text), "$quiet"))
    return stack(lines)


def _missed_lines(ticket: TicketDetail, now: datetime) -> list[Content]:
    """Say which duties of an emergency were missed, when each was due, and whose it was."""
    return [
        Content.assemble(
            (_("{clock} missed").format(clock=label(ClockName, duty.name)), "bold $error"),
            f"  {format_short(duty.due, now)}  ",
            (one_line(label(Recipient, duty.holder)), "$quiet"),
        )
        for duty in missed_duties(duty.row for duty in ticket.duties)
    ]


def _next_line(ticket: TicketDetail, now: datetime, office: OfficeCalendar) -> Content:
    """Say which duty is due next, as the list does, or for how long nothing has run."""
    rows = [duty.row for duty in ticket.duties]
    if (duty := next_duty(rows)) is None:
        since = waits_since(rows, ticket.status, ticket.received_at)
        if ticket.status in CLOSED or since is None:
            return Content(format_instant(ticket.completed_at))
        is_overdue = overdue_answer(rows, ticket.status) is not None
        text = format_wait(since, now, late=is_overdue)
        return Content.styled(text, "bold $error" if is_overdue else "bold")
    row = next(row for row in rows if (row.name, row.due) == (duty.clock, duty.due))
    guess = f" {_('provisional')}" if row.provisional else ""
    left = format_time_left(duty.due, now, office, clock=duty.clock)
    return Content.assemble(
        (label(ClockName, duty.clock), "bold"),
        "  ",
        (left, "bold $error" if duty.due < now else "bold"),
        f"  {format_short(duty.due, now)}{guess}  ",
        (one_line(label(Recipient, duty.holder)), "$quiet"),
    )


def _topic_lines(ticket: TicketDetail) -> list[Content]:
    if (topic := ticket.topic) is not None:
        known = "" if topic.is_known else f"  {_('not in the classification')}"
        return [Content(one_line(topic.path) + known)]
    if (proposal := proposed_topic(ticket)) is not None:
        text = _("topic proposed: {topic} ({why})")
        why = render(proposal.why)
        return [Content.styled(one_line(text.format(topic=proposal.topic, why=why)), "$quiet")]
    return []


def letter(ticket: TicketDetail) -> Content:
    """Lay out what the claimant wrote."""
    return Content(steady_width(ticket.content) or "-")


def duties(
    ticket: TicketDetail,
    now: datetime,
    office: OfficeCalendar,
    width: int,
    short_names: Mapping[str, str],
) -> Content:
    """Lay out every duty: who owes it, since when until when, how it ended, who was told."""
    parts = [lanes(ticket.duties, now, width, short_names), Content("")]
    for duty in ticket.duties:
        row = duty.row
        is_running = row.state == ClockState.RUNNING
        is_overdue = row.is_overdue(now)
        is_late = is_overdue or row.state in (ClockState.LATE, ClockState.EXPIRED)
        time_left = format_time_left(row.due, now, office, clock=row.name) if is_running else ""
        purpose = label(ContactPurpose, row.purpose)
        state = _("overdue") if is_overdue else label(ClockState, row.state)
        line = Content.assemble(
            (label(ClockName, row.name), "bold"),
            f" {purpose}  " if purpose else "  ",
            f"{one_line(label(Recipient, row.holder))}  ",
            (state, "bold $error" if is_late else "$success"),
        )
        if not time_left or cell_len(line.plain) + 2 + cell_len(time_left) <= width:
            parts.append(line + Content(f"  {time_left}".rstrip()))
        else:
            # whole on a line of its own
            parts += [line, Content(f"  {time_left}")]
        provisional = f" {_('provisional')}" if row.provisional else ""
        span = f"  {format_instant(row.base)} - {format_instant(row.due)}{provisional}"
        if row.ended_at is not None:
            span += "  " + _("ended {at}").format(at=format_instant(row.ended_at))
            span += f" {label(EventName, duty.ended_by)}" if duty.ended_by else ""
        parts += indented(span, width)
        if duty.notices:
            notices = ", ".join(
                f"{format_instant(notice.at)[5:]} {label(NoticeKind, notice.kind)} "
                f"{label(NoticeState, notice.state)}".rstrip()
                for notice in duty.notices
            )
            parts += indented("  " + _("notices: {notices}").format(notices=notices), width)
    return stack(parts)


def deadline(
    ticket: TicketDetail, why: Explanation, now: datetime, office: OfficeCalendar
) -> Content:
    """Explain the deadline: the term, its clause, and every day of it."""
    base, due = format_instant(why.base), format_instant(why.due)
    clause = _("Regulation {clause}").format(clause=why.clause)
    parts = [
        Content.assemble(
            (label(ClockName, why.clock), "bold"),
            f"  {render(why.term_text)}  ",
            (clause, "$quiet"),
        ),
        Content(f"{base} - {due}"),
        Content(""),
        day_strip(ticket.log, why, now, office),
        Content(""),
    ]
    for day in why.days:
        mark = f"{day.number or ('+' if day.counts else '-'):>3} "
        text = f"{day.day:%m-%d} {format_weekday(day.day)} {mark} {render(day.why)}"
        parts.append(Content.styled(text, "" if day.counts else "$quiet"))
    parts += [Content.styled(render(note), "$accent") for note in why.notes]
    parts += [_level_line(level, at) for level, at in why.levels]
    return stack(parts)


def notices(ticket: TicketDetail) -> Content:
    """Lay out every notice: to whom, about what, and whether it arrived."""
    parts = []
    events = [line.event for line in ticket.log]
    dropped = {e.of: render(e.why) for e in events if isinstance(e, NoticeDropped)}
    for notice in ticket.notices:
        why = one_line(notice.error or dropped.get(notice.seq, ""))
        recipient = notice_recipient(notice.unit, notice.role)
        has_failed = notice.state == NoticeState.FAILED
        parts.append(
            Content.assemble(
                (format_instant(notice.queued_at)[5:], "$quiet"),
                f"  {label(NoticeKind, notice.kind)}  {recipient}  ",
                (label(NoticeState, notice.state), "bold $error" if has_failed else "$quiet"),
                f"  {why}" if why else "",
            )
        )
    return stack(parts or [Content("-")])


def _level_line(level: str, at: datetime) -> Content:
    name = Content.styled(f" {label(Level, level)} ", LEVEL_STYLES.get(level, "bold"))
    local = at.astimezone(SHANGHAI)
    return Content.assemble(name, f"  {local:%m-%d %H:%M} {format_weekday(local.date())}")
