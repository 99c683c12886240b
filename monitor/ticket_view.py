"""A ticket on paper: the preview, the letter, its clocks, why this deadline, its log."""

from datetime import datetime

from textual.content import Content

from models.i18n import _, render
from models.queries.detail import LogLine, TicketDetail
from models.rules.calendar import SHANGHAI
from models.rules.events import (
    AlertRaised,
    AlertWithdrawn,
    ClockExpired,
    MessageRefused,
    NoticeFailed,
    NoticeQueued,
    fields,
)
from models.rules.explain import Explanation
from monitor.formatting import Office, details, left, moment, one_line, weekday
from monitor.labels import (
    CATEGORIES,
    CLOCKS,
    EMERGENCIES,
    EVENTS,
    KINDS,
    LEVELS,
    NOTICES,
    OUTCOMES,
    ROLES,
    STATUSES,
    word,
)

_LEVEL_STYLE = {
    "prewarning": "bold $card-ink on $card-prewarning",
    "yellow": "bold $card-ink on $card-yellow",
    "red": "bold $card-ink-light on $card-red",
}
_LONGEST_LOG = 400
"""Lines of a log that are laid out at once; `hotline log` shows all of any."""


def preview(
    ticket: TicketDetail, why: Explanation | None, now: datetime, office: Office
) -> Content:
    """What is to be known of a ticket beside the list."""
    parts = [head(ticket, now, office)]
    if why is not None and why.levels:
        parts.append(Content(""))
        parts += [_level(level, at) for level, at in why.levels]
    if ticket.content:
        parts += [Content(""), Content(ticket.content)]
    running = [c for c in ticket.clocks if c.state == "running"]
    if running:
        parts.append(Content(""))
        parts += [
            Content.assemble((word(CLOCKS, c.name), "$quiet"), "  ", left(c.due, now, office))
            for c in running
        ]
    return _lines(parts)


def head(ticket: TicketDetail, now: datetime, office: Office) -> Content:
    """Number, title, unit, term and claimant."""
    badges: list[Content] = []
    if ticket.level:
        badges.append(Content.styled(f" {word(LEVELS, ticket.level)} ", _LEVEL_STYLE[ticket.level]))
    if ticket.emergency:
        urgent = _("emergency")
        text = f" {urgent} {word(EMERGENCIES, ticket.emergency)} "
        badges.append(Content.styled(text, "bold reverse $error"))
    status = f"{word(CATEGORIES, ticket.category)}  {word(STATUSES, ticket.status)}"
    person = ticket.claimant
    contact = _("wants no contact") if person.contact == "unwanted" else ""
    rows = [
        Content.styled(ticket.title, "bold"),
        Content.styled(one_line(ticket.number), "$quiet"),
        Content("  ").join([*badges, Content(status)]),
        Content(one_line(ticket.unit or _("no unit yet"))),
    ]
    if ticket.due is not None:
        guessed = f" {_('provisional')}" if ticket.provisional else ""
        over = "bold $error" if ticket.due < now else "bold"
        text = left(ticket.due, now, office)
        rows.append(Content.assemble((text, over), f"  {moment(ticket.due)}{guessed}"))
    named = [person.name, person.phone, person.address, contact]
    rows.append(Content.styled("  ".join(n for n in named if n), "$quiet"))
    return _lines(rows)


def letter(ticket: TicketDetail) -> Content:
    """What the claimant wrote."""
    return _lines([title(_("Letter")), Content(ticket.content or "-")])


def clocks(ticket: TicketDetail, now: datetime, office: Office) -> Content:
    """Every clock with its base, its due, and how it stands."""
    parts = [title(_("Clocks"))]
    for clock in ticket.clocks:
        of = one_line(clock.unit or clock.purpose or "")
        bad = clock.state in ("late", "expired") or (clock.state == "running" and clock.due < now)
        how = left(clock.due, now, office) if clock.state == "running" else ""
        guessed = f" {_('provisional')}" if clock.provisional else ""
        parts.append(
            Content.assemble(
                (word(CLOCKS, clock.name), "bold"),
                f" {of}  " if of else "  ",
                (word(OUTCOMES, clock.state), "bold $error" if bad else "$success"),
                f"  {how}" if how else "",
            )
        )
        span = f"  {moment(clock.base)} - {moment(clock.due)}{guessed}"
        if clock.ended_at is not None:
            span += "  " + _("ended {at}").format(at=moment(clock.ended_at))
        parts.append(Content.styled(span, "$quiet"))
    return _lines(parts)


def reasons(why: Explanation) -> Content:
    """Why this deadline: the term, its clause, and every day of it."""
    base, due = moment(why.base), moment(why.due)
    clause = _("Regulation {clause}").format(clause=why.clause)
    parts = [
        title(_("Why this deadline")),
        Content.assemble(
            (word(CLOCKS, why.clock), "bold"), f"  {render(why.term_text)}  ", (clause, "$quiet")
        ),
        Content(f"{base} - {due}"),
    ]
    for day in why.days:
        mark = f"{day.number:>3} " if day.number else "  - "
        text = f"{day.day:%m-%d} {weekday(day.day)} {mark} {render(day.why)}"
        parts.append(Content.styled(text, "" if day.number else "$quiet"))
    parts += [Content.styled(render(note), "$accent") for note in why.notes]
    parts += [_level(level, at) for level, at in why.levels]
    return _lines(parts)


def notices(ticket: TicketDetail) -> Content:
    """Who was told what, and whether it arrived."""
    parts = [title(_("Notices"))]
    for notice in ticket.notices:
        whom = f"{one_line(notice.unit or '')} {word(ROLES, notice.role)}".strip()
        bad = notice.state == "failed"
        parts.append(
            Content.assemble(
                (moment(notice.queued_at)[5:], "$quiet"),
                f"  {word(KINDS, notice.kind)}  {whom}  ",
                (word(NOTICES, notice.state), "bold $error" if bad else "$quiet"),
                f"  {one_line(notice.error)}" if notice.error else "",
            )
        )
    return _lines(parts if ticket.notices else [*parts, Content("-")])


def log(ticket: TicketDetail) -> Content:
    """Everything that happened, in order."""
    parts = [title(_("Log"))]
    # what was queued stands among the notices; that somebody had it sent again stands only here
    lines = [n for n in ticket.log if not isinstance(n.event, NoticeQueued) or n.event.again]
    if len(lines) > _LONGEST_LOG:
        text = _("the last {n} of {total}").format(n=_LONGEST_LOG, total=len(lines))
        parts.append(Content.styled(text, "$quiet"))
    parts += [_logged(line) for line in lines[-_LONGEST_LOG:]]
    return _lines(parts)


def _logged(line: LogLine) -> Content:
    style = "bold"
    if isinstance(line.event, AlertRaised):
        style = _LEVEL_STYLE.get(line.event.level, "bold")
    elif isinstance(line.event, MessageRefused | NoticeFailed | ClockExpired):
        style = "bold $error"
    late = ""
    if abs((line.at - line.moment).total_seconds()) >= 1:
        late = " " + _("recorded {at}").format(at=moment(line.at))
    alert = line.event if isinstance(line.event, AlertRaised | AlertWithdrawn) else None
    level = word(LEVELS, alert.level) if alert else ""
    data = fields(line.event)
    name = f" {level} {word(EVENTS, line.name)} " if level else word(EVENTS, line.name)
    # what the line says already: that its base or effect is its own moment, and its level
    own = {k for k in ("base", "effective_at") if data.get(k) == line.moment}
    told_already = own | ({"level"} if level else set())
    return Content.assemble(
        (f"{line.seq:>3} {moment(line.moment)[5:]}  ", "$quiet"),
        (name, style),
        f"  {details(data, told_already)}",
        f"  {details(line.private)}" if line.private else "",
        ("  " + _("by {name}").format(name=line.by) if line.by else "", "$accent"),
        (late, "$quiet"),
    )


def _level(level: str, at: datetime) -> Content:
    name = Content.styled(f" {word(LEVELS, level)} ", _LEVEL_STYLE[level])
    local = at.astimezone(SHANGHAI)
    return Content.assemble(name, f"  {local:%m-%d %H:%M} {weekday(local.date())}")


def title(text: str) -> Content:
    """The title of a part of a sheet."""
    return Content.styled(text, "bold $primary")


def _lines(parts: list[Content]) -> Content:
    return Content("\n").join(parts)
