"""The tables of the store."""

from models.tables.bell import Bell
from models.tables.claim import ClaimRow
from models.tables.inbox import Inbox
from models.tables.notice import NoticeRow
from models.tables.process import Process, Sample
from models.tables.role import DeniedCount, UserRoleRow
from models.tables.rulebook import (
    CalendarDay,
    CalendarYear,
    PolicyVersion,
    Territory,
    TopicRow,
    UnitRow,
)
from models.tables.saved_view import SavedViewRow
from models.tables.secrets import Access, BlindIndex, Secret, TicketSalt
from models.tables.shift_note import ShiftNoteRow
from models.tables.ticket import ClockRow, EventRow, Ticket

__all__ = [
    "Access",
    "Bell",
    "BlindIndex",
    "CalendarDay",
    "CalendarYear",
    "ClaimRow",
    "ClockRow",
    "DeniedCount",
    "EventRow",
    "Inbox",
    "NoticeRow",
    "PolicyVersion",
    "Process",
    "Sample",
    "SavedViewRow",
    "Secret",
    "ShiftNoteRow",
    "Territory",
    "Ticket",
    "TicketSalt",
    "TopicRow",
    "UnitRow",
    "UserRoleRow",
]
