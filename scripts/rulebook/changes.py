"""Show what a change of the rulebook changed for tickets."""

from collections.abc import Iterator, Sequence
from typing import Any

from models.i18n import _
from models.operations.rulebook_change import ChangedDecision, MovedClock, RulebookChange
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import ClockName, EventName, Level, label
from scripts.output import format_instant

_MAX_LISTED = 10


def change_lines(change: RulebookChange) -> Iterator[str]:
    """The change for people: each clock and each decision on a line of its own."""
    yield from clock_lines(change.moved)
    for decision in change.decisions:
        yield f"{decision.ticket}  {_decision(decision)}"
    if change.kept:
        text = _("{n} tickets keep their deadlines, or what was done would not fit: {some}")
        yield text.format(n=len(change.kept), some=", ".join(change.kept[:_MAX_LISTED]))


def clock_lines(clocks: Sequence[MovedClock]) -> Iterator[str]:
    """Clocks with their old and their new due, one a line."""
    for clock in clocks:
        was = format_instant(clock.was) if clock.was else _("not running")
        name = label(ClockName, clock.clock)
        yield f"{clock.ticket}  {name}  {was} -> {format_instant(clock.due)}"


def change_as_dict(change: RulebookChange) -> dict[str, Any]:
    """The change for programs."""
    return {
        "moved": [clock_as_dict(clock) for clock in change.moved],
        "decisions": [
            {"ticket": d.ticket, "event": d.event, "subject": d.subject, "came": d.came}
            for d in change.decisions
        ],
        "kept": change.kept,
    }


def clock_as_dict(clock: MovedClock) -> dict[str, Any]:
    """A moved clock for programs."""
    was = clock.was.astimezone(SHANGHAI) if clock.was else None
    due = clock.due.astimezone(SHANGHAI)
    return {"ticket": clock.ticket, "clock": clock.clock, "was": was, "due": due}


def _decision(decision: ChangedDecision) -> str:
    if decision.event == EventName.ALERT_RAISED:
        subject = label(Level, decision.subject)
    elif decision.event == EventName.CLOCK_EXPIRED:
        subject = label(ClockName, decision.subject)
    else:
        subject = decision.subject
    text = _("new: {what}") if decision.came else _("taken back: {what}")
    return text.format(what=f"{label(EventName, decision.event)}  {subject}".strip())
