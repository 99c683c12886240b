"""Lay out what an action judges, to be read above its form."""

from collections.abc import Mapping
from datetime import datetime

from textual.content import Content

from models.i18n import _
from models.queries.detail import TicketDetail
from models.queries.log_lines import LogLine
from models.rules.events import (
    DisputeEvidence,
    DisputeOpened,
    EventData,
    ResultSubmitted,
    ScreeningProposed,
    SurveyRated,
    TicketReturned,
    fields,
)
from models.rules.vocabulary import MessageType
from monitor.action_types import Action
from monitor.formatting import format_short, format_values
from monitor.labels import value_label
from monitor.text_layout import stack

JUDGED: Mapping[MessageType, tuple[type[EventData], ...]] = {
    MessageType.RETURN_REVIEWED: (TicketReturned,),
    MessageType.RESULT_REVIEWED: (ResultSubmitted,),
    MessageType.SCREENING_DECIDED: (ScreeningProposed,),
    MessageType.DISPUTE_DECIDED: (DisputeOpened, DisputeEvidence),
    MessageType.REVISIT_RECORDED: (ResultSubmitted, SurveyRated),
}
"""The events that each action judges: the last of the first type, and the others after it."""


def judged_text(action: Action, ticket: TicketDetail, now: datetime) -> Content:
    """Lay out what an action with a ticket judges, a part a line; empty where it judges nothing."""
    judged = JUDGED.get(action.type, ())
    lines = [n for n in ticket.log if isinstance(n.event, judged) and _is_answered(action, n)]
    last = max((n for n, line in enumerate(lines) if isinstance(line.event, judged[0])), default=0)
    return stack([part for line in lines[last:] for part in _parts(line, now)])


def _is_answered(action: Action, line: LogLine) -> bool:
    """Return whether a line is what an action answers, not another item of the screening."""
    event = line.event
    return (
        not isinstance(event, ScreeningProposed) or event.code.removeprefix("2.2.") == action.item
    )


def _parts(line: LogLine, now: datetime) -> list[Content]:
    """Lay out an event as the log does, its texts below it, each with its name."""
    head = f"{format_short(line.moment, now)}  "
    known = format_values(fields(line.event))
    parts = [
        Content.assemble((head, "$quiet"), (value_label(line.event.event), "bold"), f"  {known}")
    ]
    for name, text in line.private.items():
        if words := format_values({name: text}):
            parts.append(Content.assemble((f"{_(name)}  ", "$quiet"), words))
    return parts
