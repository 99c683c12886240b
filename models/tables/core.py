"""The tables as SQLAlchemy Core sees them: what queries and the hot writes are written on."""

from sqlalchemy import Table
from sqlmodel import SQLModel

from models.tables.bell import Bell
from models.tables.inbox import Inbox
from models.tables.process import Process, Sample
from models.tables.routing_model import RoutingModel
from models.tables.rulebook import CalendarDay, PolicyVersion, Territory, UnitRow
from models.tables.secrets import Access, BlindIndex, Secret
from models.tables.similarity import SimilarityBand
from models.tables.ticket import ChannelState, ClockRow, EventRow, NoticeRow, Ticket


def _core(model: type[SQLModel]) -> Table:
    found = SQLModel.metadata.tables[str(model.__tablename__)]
    assert isinstance(found, Table)
    return found


INBOX = _core(Inbox)
BELL = _core(Bell)
TICKET = _core(Ticket)
CLOCK = _core(ClockRow)
EVENT = _core(EventRow)
NOTICE = _core(NoticeRow)
CHANNEL = _core(ChannelState)
UNIT = _core(UnitRow)
TERRITORY = _core(Territory)
POLICY = _core(PolicyVersion)
DAY = _core(CalendarDay)
MODEL = _core(RoutingModel)
SIMILARITY = _core(SimilarityBand)
PROCESS = _core(Process)
SAMPLE = _core(Sample)
SECRET = _core(Secret)
BLIND_INDEX = _core(BlindIndex)
ACCESS = _core(Access)
