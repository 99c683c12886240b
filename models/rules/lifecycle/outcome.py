"""The outcome of a ticket's life: how each duty ended, the levels, what was deemed or refused."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from models.rules.events import (
    AlertRaised,
    AlertWithdrawn,
    DecisionWithdrawn,
    EventData,
    MessageRefused,
    TicketDeemedAccepted,
)
from models.rules.fields import Limit
from models.rules.state import Clock, State
from models.rules.vocabulary import Category, Emergency, Level, MessageType

_TOLD = frozenset(
    (AlertRaised, TicketDeemedAccepted, MessageRefused, AlertWithdrawn, DecisionWithdrawn)
)


class RaisedLevel(msgspec.Struct, frozen=True):
    """A level that was raised in a run of the handling clock, and not taken back."""

    level: Level
    unit: str | None
    run: int
    at: datetime


class TicketOutcome(msgspec.Struct, frozen=True):
    """The outcome of a ticket under one set of rules, up to one moment.

    `clocks` are all its duties, those that others have replaced first. `deemed` are the units that
    were silent until their acceptance term ended; `refused` the messages that the rules refused, by
    arrival number. `policy` is the id of the policy where a store has one; `days_kept` are days
    that count as before they were declared otherwise.
    """

    ticket: str
    category: Category | None
    emergency: Emergency | None
    unit: str | None
    received_at: datetime | None
    limit: Limit | None
    clocks: tuple[Clock, ...]
    levels: tuple[RaisedLevel, ...]
    deemed: tuple[str | None, ...]
    refused: dict[int, MessageType]
    policy: str = ""
    days_kept: dict[str, bool] = {}


def outcome_of(
    state: State,
    past: Iterable[Clock],
    log: Sequence[tuple[EventData, int | None]],
    policy: str = "",
    days_kept: Mapping[str, bool] | None = None,
) -> TicketOutcome:
    """Return the outcome of a life from its state, its past duties and its log.

    `log` are its events in order, each with the arrival number of the message that caused it.
    """
    lines = [line for line in enumerate(log, 1) if type(line[1][0]) in _TOLD]
    gone = {
        data.of
        for _seq, (data, _cause) in lines
        if isinstance(data, AlertWithdrawn | DecisionWithdrawn)
    }
    levels, deemed, refused = list[RaisedLevel](), list[str | None](), dict[int, MessageType]()
    for seq, (data, cause) in lines:
        if seq in gone:
            continue
        match data:
            case AlertRaised():
                levels.append(RaisedLevel(data.level, data.unit, data.run, data.effective_at))
            case TicketDeemedAccepted():
                deemed.append(data.unit)
            case MessageRefused() if cause is not None:
                refused[cause] = data.type
    return TicketOutcome(
        state.ticket,
        state.category,
        state.emergency,
        state.unit,
        state.received_at,
        state.limit,
        (*past, *state.clocks.values()),
        tuple(levels),
        tuple(deemed),
        refused,
        policy,
        dict(days_kept or {}),
    )
