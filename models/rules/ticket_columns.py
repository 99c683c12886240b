"""The columns of a ticket's row that repeat its state for the queries."""

from datetime import datetime
from typing import TypedDict

from models.rules.state import State
from models.rules.vocabulary import ClockName


class StateColumns(TypedDict):
    """The columns of a ticket that follow from its state, without its level."""

    status: str
    category: str
    emergency: str | None
    topic: str | None
    unit: str | None
    due: datetime | None
    next_due: datetime | None
    provisional: bool
    received_at: datetime | None
    completed_at: datetime | None
    rating: str | None
    completed_by: str | None
    reworked: bool
    revisit: bool


class LevelColumns(TypedDict):
    """The columns of a ticket that hold its level."""

    level: str | None
    level_at: datetime | None


def state_columns(state: State) -> StateColumns:
    """Return the columns of a ticket that repeat its state, without its level."""
    handling = state.clocks.get(ClockName.HANDLING)
    return {
        "status": state.status,
        "category": state.category or "",
        "emergency": state.emergency,
        "topic": state.topic,
        "unit": state.unit,
        "due": state.due,
        "next_due": min((c.due for c in state.clocks.values() if c.running), default=None),
        "provisional": handling is not None and handling.running and handling.provisional,
        "received_at": state.received_at,
        "completed_at": state.completed_at,
        "rating": state.rating,
        "completed_by": handling.holder if handling and state.completed_at else None,
        "reworked": state.reworked,
        "revisit": state.revisit,
    }


def level_columns(state: State) -> LevelColumns:
    """Return the columns that hold the highest level raised in the present run, and when."""
    level = state.level
    raised_at = state.ladder[len(state.raised) - 1][1] if level else None
    return {"level": level, "level_at": raised_at}
