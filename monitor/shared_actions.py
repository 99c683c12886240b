"""The actions that fit one ticket and many alike: what they ask is the same for every ticket."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from models.i18n import LazyText, lazy
from models.rules.vocabulary import OPEN, Disposal, MessageType, RestartCause, Status
from monitor.action_types import Action, ActionTicket, Question
from monitor.labels import labels

BY_OR_TO_UNIT = (
    MessageType.UNIT_URGED,
    MessageType.PROGRESS_REPORTED,
    MessageType.RESULT_SUBMITTED,
)
"""The messages whose `unit` is the one that has the ticket."""

_CHOOSE_UNIT = lazy("Choose the unit")


def assignment(label: LazyText = _CHOOSE_UNIT, unit: str = "") -> Action:
    """Return the action that chooses the unit of a ticket in the manual queue."""
    reason = Question("why", lazy("Reason"))
    questions = (Question("unit", lazy("Unit"), is_unit=True, default=unit), reason)
    return Action(label, MessageType.TICKET_ASSIGNED, questions)


class _Shared(NamedTuple):
    """An action, the statuses in which it can be taken, and whether a unit must have the ticket."""

    action: Action
    statuses: Collection[Status]
    needs_unit: bool = True


_SHARED = (
    _Shared(assignment(), (Status.MANUAL, Status.RECEIVED), needs_unit=False),
    _Shared(
        Action(
            lazy("Urge the unit"),
            MessageType.UNIT_URGED,
            (Question("text", lazy("What to tell it")),),
        ),
        OPEN,
    ),
    _Shared(
        Action(
            lazy("Reassign to another unit"),
            MessageType.TICKET_REASSIGNED,
            (Question("unit", lazy("Unit"), is_unit=True), Question("why", lazy("Reason"))),
        ),
        (Status.DISPATCHED, Status.HANDLING),
    ),
    _Shared(
        Action(
            lazy("Restart the term"),
            MessageType.TERM_RESTARTED,
            (
                Question("cause", lazy("Cause"), labels(RestartCause)),
                Question("basis", lazy("Basis")),
            ),
        ),
        (Status.HANDLING,),
    ),
    _Shared(
        Action(
            lazy("Report progress"),
            MessageType.PROGRESS_REPORTED,
            (Question("text", lazy("Progress")),),
        ),
        OPEN,
    ),
    _Shared(
        Action(
            lazy("Submit the result"),
            MessageType.RESULT_SUBMITTED,
            (
                Question("disposal", lazy("Disposal"), labels(Disposal)),
                Question("facts", lazy("Facts")),
                Question("measures", lazy("Measures")),
                Question("remedies", lazy("Remedies")),
                Question("basis", lazy("Basis")),
                Question("materials", lazy("Materials of the case")),
            ),
        ),
        (Status.DISPATCHED, Status.HANDLING),
    ),
    _Shared(
        Action(
            lazy("Add a note"),
            MessageType.NOTE_ADDED,
            (Question("text", lazy("Note, for the desk alone")),),
        ),
        tuple(status for status in Status if status is not Status.ARCHIVED),
        needs_unit=False,
    ),
)


def shared_actions(ticket: ActionTicket) -> list[Action]:
    """List those that a ticket's status allows; whether one is right the rules decide."""
    return [
        shared.action
        for shared in _SHARED
        if ticket.status in shared.statuses and (ticket.unit or not shared.needs_unit)
    ]


def actions_for_many(
    tickets: Sequence[ActionTicket],
) -> list[tuple[Action, list[ActionTicket]]]:
    """List the actions that fit any of the tickets, each with those that it fits."""
    fitting: dict[MessageType, tuple[Action, list[ActionTicket]]] = {}
    for ticket in tickets:
        for action in shared_actions(ticket):
            fitting.setdefault(action.type, (action, []))[1].append(ticket)
    return [fitting[s.action.type] for s in _SHARED if s.action.type in fitting]
