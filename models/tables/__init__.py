"""The tables of the store."""

from models.tables.bell import Bell
from models.tables.inbox import Inbox
from models.tables.rulebook import (
    CalendarDay,
    PolicyVersion,
    Process,
    Sample,
    Territory,
    UnitRow,
)
from models.tables.secrets import Access, Secret, Trace
from models.tables.ticket import Clock, Event, Notice, Ticket

__all__ = [
    "Access",
    "Bell",
    "CalendarDay",
    "Clock",
    "Event",
    "Inbox",
    "Notice",
    "PolicyVersion",
    "Process",
    "Sample",
    "Secret",
    "Territory",
    "Ticket",
    "Trace",
    "UnitRow",
]
