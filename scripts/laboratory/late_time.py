"""Where the time of late tickets went, by step and holder: as a sheet and for machines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from models.i18n import N_, _, counted
from models.queries.late_tickets import LateTicket
from models.rules.calendar import SHANGHAI
from models.rules.lifecycle.steps import Step, steps
from models.rules.office_time import office_time
from models.rules.state import RuleContext
from models.rules.vocabulary import Category, Status, label
from scripts.output import format_instant
from scripts.report.charts import Bar, bars
from scripts.report.columns import format_holder, redacted_line
from scripts.report.sheet import Sheet, SheetChart, SheetTable

NOTE = N_(
    "The tickets handled late or given a card in this month, from their receipt to the late "
    "result, or to the card where none had come. Office hours are those of working days."
)
_HOUR = timedelta(hours=1)
_COLOUR = "#2f6f9f"


class TimedStep(NamedTuple):
    """A step with its office time."""

    step: Step
    office: timedelta

    @property
    def whole(self) -> timedelta:
        """The step's time, nights and days off too."""
        return self.step.ends_at - self.step.begins_at


class TimedTicket(NamedTuple):
    """A late ticket with its steps."""

    ticket: LateTicket
    steps: Sequence[TimedStep]


@dataclass
class StepTotal:
    """The time that tickets spent in a step with one holder."""

    tickets: set[str] = field(default_factory=set)
    office: timedelta = timedelta()
    whole: timedelta = timedelta()


def timed_steps(all_steps: Iterable[Step], context: RuleContext) -> list[TimedStep]:
    """Return steps with their office time."""
    calendar, hours = context.calendar, context.policy.office
    return [
        TimedStep(step, office_time(step.begins_at, step.ends_at, calendar, hours))
        for step in all_steps
    ]


def timed_ticket(ticket: LateTicket, context: RuleContext) -> TimedTicket:
    """Return a late ticket with the steps that its log tells of."""
    return TimedTicket(ticket, timed_steps(steps(ticket.log, ticket.until), context))


def step_totals(tickets: Iterable[TimedTicket]) -> dict[tuple[Status, str], StepTotal]:
    """Return the time by step and holder, the longest first."""
    totals: dict[tuple[Status, str], StepTotal] = {}
    for number, each in ((ticket.ticket.number, s) for ticket in tickets for s in ticket.steps):
        total = totals.setdefault((each.step.status, each.step.holder), StepTotal())
        total.tickets.add(number)
        total.office += each.office
        total.whole += each.whole
    return dict(sorted(totals.items(), key=lambda item: -item[1].office))


def late_time_sheet(unit: str, month: str, tickets: Sequence[TimedTicket]) -> Sheet:
    """The time of late tickets for people: by step, and ticket by ticket."""
    totals = step_totals(tickets)
    every = sum((total.office for total in totals.values()), timedelta()) or _HOUR
    rows = tuple(
        (
            *(label(Status, status), format_holder(holder), str(len(total.tickets))),
            *(format_hours(total.office), f"{total.office / every:.0%}"),
            *(format_hours(total.office / len(total.tickets)), format_hours(total.whole)),
        )
        for (status, holder), total in totals.items()
    )
    chart = bars(
        [
            Bar(
                f"{label(Status, status)} {format_holder(holder)}",
                ((total.office / _HOUR, _COLOUR),),
                format_hours(total.office),
            )
            for (status, holder), total in totals.items()
        ]
    )
    by_step = SheetTable(_("By step"), (*_step_heads(), *_total_heads()), rows, texts=2)
    by_ticket = SheetTable(
        _("Ticket by ticket"),
        (_("ticket"), _("category"), _("until"), *_step_heads(), _("from"), _("office hours")),
        tuple(_ticket_rows(tickets)),
        texts=6,
    )
    return Sheet(
        _("Where the time went: {unit}, {month}").format(unit=redacted_line(unit), month=month),
        (_(NOTE), counted(len(tickets), N_("{n} ticket"), N_("{n} tickets"))),
        (by_step, by_ticket),
        (SheetChart(_("office hours by step"), chart),),
    )


def late_time_as_dict(unit: str, month: str, tickets: Sequence[TimedTicket]) -> dict[str, Any]:
    """The time of late tickets for machines, in hours."""
    return {
        "unit": unit,
        "month": month,
        "tickets": [
            {
                "ticket": ticket.ticket.number,
                "until": ticket.ticket.until.astimezone(SHANGHAI),
                "steps": [step_as_dict(each) for each in ticket.steps],
            }
            for ticket in tickets
        ],
        "steps": [
            {
                "step": status,
                "holder": holder,
                "tickets": len(total.tickets),
                "office_hours": round(total.office / _HOUR, 2),
                "hours": round(total.whole / _HOUR, 2),
            }
            for (status, holder), total in step_totals(tickets).items()
        ],
    }


def step_as_dict(each: TimedStep) -> dict[str, Any]:
    """A step for machines."""
    step = each.step
    return {
        "step": step.status,
        "holder": step.holder,
        "from": step.begins_at.astimezone(SHANGHAI),
        "to": step.ends_at.astimezone(SHANGHAI),
        "office_hours": round(each.office / _HOUR, 2),
        "hours": round(each.whole / _HOUR, 2),
    }


def format_hours(time: timedelta) -> str:
    """A time in hours with one decimal."""
    return f"{time / _HOUR:.1f}"


def _step_heads() -> tuple[str, str]:
    return _("step"), _("holder")


def _total_heads() -> tuple[str, ...]:
    return (
        *(_("tickets"), _("office hours"), _("share")),
        *(_("office hours a ticket"), _("hours in all")),
    )


def _ticket_rows(tickets: Sequence[TimedTicket]) -> Iterator[tuple[str, ...]]:
    for ticket, every_step in tickets:
        head = (
            redacted_line(ticket.number),
            label(Category, ticket.category),
            format_instant(ticket.until),
        )
        for each in every_step:
            step = each.step
            cells = (label(Status, step.status), format_holder(step.holder))
            yield (*head, *cells, format_instant(step.begins_at), format_hours(each.office))
            head = ("", "", "")
