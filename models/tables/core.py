"""The tables for SQLAlchemy Core, in which queries and bulk writes are written."""

from sqlalchemy import Table
from sqlmodel import SQLModel

from models.tables.anchor import Anchor, Change, TableHead
from models.tables.bell import Bell
from models.tables.claim import ClaimRow
from models.tables.edition import Edition
from models.tables.event_cursor import EventCursor
from models.tables.inbox import Inbox
from models.tables.notice import ChannelState, NoticeRow
from models.tables.process import Process, QueueDay, Sample
from models.tables.role import DeniedCount, UserRoleRow
from models.tables.routing_model import RoutingModel
from models.tables.rulebook import (
    CalendarDay,
    CalendarYear,
    FormerUnitName,
    PolicyVersion,
    Territory,
    TopicRow,
    UnitRow,
)
from models.tables.saved_view import SavedViewRow
from models.tables.secrets import Access, BlindIndex, Secret, TicketSalt
from models.tables.shift_note import ShiftNoteRow
from models.tables.similarity import SimilarityBands
from models.tables.ticket import ClockRow, EventRow, Ticket
from models.tables.token import TokenRow


def _core(model: type[SQLModel]) -> Table:
    table = SQLModel.metadata.tables[str(model.__tablename__)]
    assert isinstance(table, Table)
    return table


INBOX = _core(Inbox)
BELL = _core(Bell)
TICKET = _core(Ticket)
CLOCK = _core(ClockRow)
EVENT = _core(EventRow)
NOTICE = _core(NoticeRow)
CHANNEL = _core(ChannelState)
EVENT_CURSOR = _core(EventCursor)
UNIT = _core(UnitRow)
FORMER_UNIT_NAME = _core(FormerUnitName)
TERRITORY = _core(Territory)
TOPIC = _core(TopicRow)
POLICY = _core(PolicyVersion)
DAY = _core(CalendarDay)
YEAR = _core(CalendarYear)
MODEL = _core(RoutingModel)
SIMILARITY = _core(SimilarityBands)
PROCESS = _core(Process)
SAMPLE = _core(Sample)
QUEUE_DAY = _core(QueueDay)
SECRET = _core(Secret)
SALT = _core(TicketSalt)
BLIND_INDEX = _core(BlindIndex)
ACCESS = _core(Access)
EDITION = _core(Edition)
TOKEN = _core(TokenRow)
USER_ROLE = _core(UserRoleRow)
DENIED_COUNT = _core(DeniedCount)
CLAIM = _core(ClaimRow)
SAVED_VIEW = _core(SavedViewRow)
SHIFT_NOTE = _core(ShiftNoteRow)
CHANGE = _core(Change)
ANCHOR = _core(Anchor)
TABLE_HEAD = _core(TableHead)
