"""Lay out the log of a ticket as text."""

from collections.abc import Mapping
from datetime import datetime

from textual.content import Content

from models.i18n import _
from models.queries.detail import TicketDetail
from models.queries.log_lines import LogLine
from models.rules.events import (
    AlertRaised,
    AlertWithdrawn,
    ClockExpired,
    MessageRefused,
    NoticeFailed,
    NoticeQueued,
    fields,
)
from models.rules.vocabulary import Level, Recipient, label
from monitor.formatting import format_instant, format_short, format_values, one_line
from monitor.labels import LEVEL_STYLES, value_label
from monitor.text_layout import hanging, stack

_LONGEST_LOG = 400
"""Lines of a log that are laid out at once; `hotline log` shows all of any."""
_SEQ_WIDTH = 4


def log(ticket: TicketDetail, now: datetime, width: int) -> Content:
    """Lay out everything that happened, in order, each line below its own beginning."""
    parts = []
    # what was queued stands among the notices; that somebody had it sent again stands only here
    lines = [n for n in ticket.log if not isinstance(n.event, NoticeQueued) or n.event.again]
    if len(lines) > _LONGEST_LOG:
        text = _("the last {n} of {total}").format(n=_LONGEST_LOG, total=len(lines))
        parts.append(Content.styled(text, "$quiet"))
    moments = [format_short(line.moment, now) for line in lines]
    indent = max(map(len, moments), default=0) + _SEQ_WIDTH + 2
    notices = {n.seq: n.event for n in ticket.log if isinstance(n.event, NoticeQueued)}
    left_out = {seq: notice for seq, notice in notices.items() if not notice.again}
    for line, moment in list(zip(lines, moments, strict=True))[-_LONGEST_LOG:]:
        head = Content.styled(f"{line.seq:>3} {moment}".ljust(indent), "$quiet")
        parts += hanging(head, _log_line(line, left_out), indent, width)
    return stack(parts)


def notice_recipient(unit: str | None, role: str) -> str:
    """Say to whom a notice goes: the unit where it is to somebody of one, and who there."""
    return f"{one_line(unit or '')} {label(Recipient, role)}".strip()


def _log_line(line: LogLine, left_out: Mapping[int, NoticeQueued]) -> Content:
    """Lay out a line; instead of citing one that is `left_out` it says to whom that notice went."""
    style = "bold"
    if isinstance(line.event, AlertRaised):
        style = LEVEL_STYLES.get(line.event.level, "bold")
    elif isinstance(line.event, MessageRefused | NoticeFailed | ClockExpired):
        style = "bold $error"
    recorded = ""
    if abs((line.at - line.moment).total_seconds()) >= 1:
        recorded = " " + _("recorded {at}").format(at=format_instant(line.at))
    alert = line.event if isinstance(line.event, AlertRaised | AlertWithdrawn) else None
    level = label(Level, alert.level) if alert else ""
    data = fields(line.event)
    event_name = value_label(line.event.event)
    name = f" {level} {event_name} " if level else event_name
    if isinstance(line.event, AlertRaised):
        name = " " + _("{level} raised").format(level=level) + " "
    # the line begins with its moment and its level: they are not repeated
    repeated = {k for k in ("base", "effective_at") if data.get(k) == line.moment}
    if level:
        repeated.add("level")
    if isinstance(line.event, MessageRefused):
        repeated.add("missing")  # the reason names them in words
    recipient = ""
    if (notice := left_out.get(data.get("of", 0))) is not None:
        repeated.add("of")
        recipient = f"  {notice_recipient(notice.unit or None, notice.role)}"
    return Content.assemble(
        (name, style),
        f"  {format_values(data, repeated)}",
        recipient,
        f"  {format_values(line.private)}" if line.private else "",
        ("  " + _("by {name}").format(name=line.by) if line.by else "", "$accent"),
        (recorded, "$quiet"),
    )
