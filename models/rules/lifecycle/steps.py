"""The steps of a ticket's life: in which status it was since when, and who had to act."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from models.rules import events
from models.rules.events import EventData
from models.rules.vocabulary import Recipient, Status

STEP_EVENTS = (
    *(events.TicketReceived, events.TicketUnrouted, events.TicketDispatched),
    *(events.TicketAccepted, events.TicketDeemedAccepted, events.TicketReturned),
    *(events.ReturnRefused, events.DisputeOpened, events.DisputeDecided),
    *(events.ResultSubmitted, events.ResultRefused, events.TicketCompleted),
    *(events.ReworkOpened, events.UnitSucceeded, events.TicketDeclined, events.TicketArchived),
)
"""The events by which a step begins or ends, or passes on to another unit."""


class Step(NamedTuple):
    """A status that a ticket was in, from one instant to another, and who had to act meanwhile.

    `holder` is a unit, `district_desk` or `city_hotline`.
    """

    status: Status
    holder: str
    begins_at: datetime
    ends_at: datetime


def steps(log: Iterable[tuple[EventData, datetime]], until: datetime) -> Iterator[Step]:
    """Yield the steps of a ticket from its receipt to `until`, one after the other.

    `log` are its events that were not taken back, in order, each with when it took effect. What
    took effect before the event ahead of it begins with that one. A completed ticket has no step,
    until it is handled again.
    """
    status: Status | None = None
    holder, since = "", until
    unit = ""
    for data, moment in log:
        if moment > until:
            break
        after = _status_after(data, status)
        if isinstance(data, events.UnitSucceeded) and data.unit == unit:
            unit = data.successor
        elif not isinstance(data, events.UnitSucceeded):
            unit = getattr(data, "unit", None) or unit
        of = _holder_in(after, unit)
        if (after, of) == (status, holder):
            continue
        at = moment if status is None else max(since, moment)
        if status is not None and at > since:
            yield Step(status, holder, since, at)
        status, holder, since = after, of, at
    if status is not None and until > since:
        yield Step(status, holder, since, until)


def _status_after(data: EventData, status: Status | None) -> Status | None:
    """Return the status that an event leaves a ticket in, None where nobody has to act."""
    match data:
        case events.TicketReceived():
            return Status.RECEIVED
        case events.TicketUnrouted():
            return Status.MANUAL
        case events.TicketDispatched() | events.ReturnRefused() | events.DisputeDecided():
            return Status.DISPATCHED
        case events.TicketAccepted(late=True) | events.UnitSucceeded():
            return status
        case events.TicketAccepted() | events.TicketDeemedAccepted():
            return Status.HANDLING
        case events.ResultRefused() | events.ReworkOpened():
            return Status.HANDLING
        case events.TicketReturned():
            return Status.RETURNED
        case events.DisputeOpened():
            return Status.DISPUTED
        case events.ResultSubmitted():
            return Status.SUBMITTED
        case events.TicketCompleted() | events.TicketDeclined() | events.TicketArchived():
            return None
    return status


def _holder_in(status: Status | None, unit: str) -> str:
    match status:
        case None | Status.RECEIVED | Status.MANUAL | Status.DISPUTED:
            return "" if status is None else Recipient.DISTRICT_DESK
        case Status.RETURNED | Status.SUBMITTED:
            return Recipient.CITY_HOTLINE
        case _:
            return unit
