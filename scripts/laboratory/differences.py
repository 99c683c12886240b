"""The differences of one ticket, and why its deadline is another, for people and for machines."""

from typing import Any

from models.i18n import N_, _, render
from models.rules.calendar import SHANGHAI
from models.rules.explain import Explanation, explain
from models.rules.lifecycle.outcome import TicketOutcome
from models.rules.state import Clock, State
from models.rules.vocabulary import Category, ClockName, ClockState, Level, label
from scripts.laboratory.comparison import CountChange, DutyChange, TicketDifference
from scripts.laboratory.variants import RuleSet
from scripts.output import format_instant
from scripts.report.columns import format_holder, redacted_line
from scripts.tickets.presentation import explanation_as_dict, explanation_head

COUNTED = {
    "deemed": N_("deemed acceptances"),
    "refused": N_("messages that the rules refuse"),
}
"""What is counted of a ticket beside its levels, with its title."""


def explained(clock: Clock | None, outcome: TicketOutcome, rules: RuleSet) -> Explanation | None:
    """Return why a clock of a ticket runs out when it does, None where there is no such clock."""
    context = rules.context_of(outcome)
    if clock is None or context is None:
        return None
    state = State(outcome.ticket, category=outcome.category, limit=outcome.limit)
    return explain(clock, state, context)


def explanations(
    difference: TicketDifference, rules: RuleSet, today: RuleSet
) -> tuple[Explanation | None, Explanation | None]:
    """Return why the deciding duty of a difference was due, and why it would be."""
    duty = difference.deciding_duty
    if duty is None:
        return None, None
    return (
        explained(duty.was, difference.was, today),
        explained(duty.would_be, difference.would_be, rules),
    )


def change_text(difference: TicketDifference) -> str:
    """What differs in a ticket, on one line."""
    counts = [_count_text(change) for change in difference.counts]
    return "; ".join([*counts, *map(_duty_text, difference.duties)])


def reason_texts(difference: TicketDifference, rules: RuleSet, today: RuleSet) -> tuple[str, str]:
    """Why the deciding duty of a difference was due, and why it would be, each on one line.

    Where only levels differ, when each was raised.
    """
    if difference.deciding_duty is None:
        return _levels_text(difference, difference.was), _levels_text(
            difference, difference.would_be
        )
    was, would_be = explanations(difference, rules, today)
    return _reason_text(was, would_be), _reason_text(would_be, was)


def _levels_text(difference: TicketDifference, outcome: TicketOutcome) -> str:
    """Say when the levels were raised of which one side has more."""
    differing = {change.what for change in difference.counts}
    raised = [raised for raised in outcome.levels if raised.level in differing]
    texts = [f"{label(Level, raised.level)} {format_instant(raised.at)}" for raised in raised]
    return "; ".join(texts) or _("none")


def _reason_text(why: Explanation | None, other: Explanation | None) -> str:
    """Why a deadline is when it is, with the days that the other side counts otherwise."""
    if why is None:
        return _("no such duty")
    counted = {day.day: day.why for day in other.days} if other else {}
    days = [
        f"{day.day} {render(day.why)}"
        for day in why.days
        if day.day in counted and counted[day.day] != day.why
    ]
    due = _("due {at}").format(at=format_instant(why.due))
    return "; ".join([explanation_head(why), due, *days, *map(render, why.notes)])


def ticket_head(difference: TicketDifference) -> tuple[str, str, str]:
    """The number, the unit and the category of a ticket."""
    outcome = difference.would_be if difference.would_be.clocks else difference.was
    duty = difference.deciding_duty
    holder = duty and (duty.would_be or duty.was)
    unit = holder.holder if holder else outcome.unit or ""
    return (
        redacted_line(difference.ticket),
        format_holder(unit),
        label(Category, outcome.category),
    )


def difference_as_dict(
    difference: TicketDifference, rules: RuleSet, today: RuleSet
) -> dict[str, Any]:
    """A difference for machines: both sides, and why each deadline is when it is."""
    was, would_be = explanations(difference, rules, today)
    return {
        "ticket": difference.ticket,
        "unit": difference.would_be.unit,
        "category": difference.would_be.category or difference.was.category,
        "tips": difference.tips,
        "was": _side(difference.was, [d.was for d in difference.duties]),
        "would_be": _side(difference.would_be, [d.would_be for d in difference.duties]),
        "why_was": was and explanation_as_dict(was),
        "why_would_be": would_be and explanation_as_dict(would_be),
    }


def _side(outcome: TicketOutcome, duties: list[Clock | None]) -> dict[str, Any]:
    """A side of a difference: its last handling deadline, levels, and the duties that differ."""
    handling = [c for c in outcome.clocks if c.name is ClockName.HANDLING]
    due = max(handling, key=lambda c: c.ordinal).due if handling else None
    return {
        "due": due and due.astimezone(SHANGHAI),
        **{level: sum(x.level is level for x in outcome.levels) for level in Level},
        "deemed": list(outcome.deemed),
        "refused": list(outcome.refused.values()),
        "clocks": [_clock_as_dict(clock) for clock in duties if clock is not None],
    }


def _clock_as_dict(clock: Clock) -> dict[str, Any]:
    return {
        "clock": clock.name,
        "ordinal": clock.ordinal,
        "holder": clock.holder,
        "due": clock.due.astimezone(SHANGHAI),
        "state": clock.state,
        "ended_at": clock.ended_at and clock.ended_at.astimezone(SHANGHAI),
    }


def _count_text(change: CountChange) -> str:
    levels = {level.value for level in Level}
    name = label(Level, change.what) if change.what in levels else _(COUNTED[change.what])
    return f"{name} {change.was} > {change.would_be}"


def _duty_text(duty: DutyChange) -> str:
    clock = duty.would_be or duty.was
    assert clock is not None
    sides = [duty.was, duty.would_be]
    if duty.tips:
        words = [label(ClockState, side.state) if side else _("none") for side in sides]
    else:
        words = [format_instant(side.due) if side else _("none") for side in sides]
    return f"{label(ClockName, clock.name)} {words[0]} > {words[1]}"
