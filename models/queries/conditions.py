"""Conditions in exactly the words of the partial indexes, which a database needs to use them."""

from sqlalchemy import ColumnElement, and_, literal_column

from models.rules.vocabulary import EventName
from models.tables.core import TICKET
from models.tables.inbox import CURRENT, REFUSED
from models.tables.ticket import CARDS, COMPLETED_ONCE, LOOKED_AT, OPEN_TICKETS, SCREENED, named


def _words(text: str) -> ColumnElement[bool]:
    # without a type: SQLite has no booleans, and a boolean would be compared with 1
    return literal_column(text)


OPEN_TICKET = _words(f"ticket.{OPEN_TICKETS}")
URGENT = and_(OPEN_TICKET, TICKET.c.emergency.is_not(None))
ORDINARY = and_(OPEN_TICKET, TICKET.c.emergency.is_(None))
REVISIT = _words("ticket.revisit")
RUNNING_CLOCK = _words("clock.state = 'running'")
COMPLETED_ONCE_TICKET = _words(
    COMPLETED_ONCE.replace("completed_at", "ticket.completed_at").replace(
        "reworked", "ticket.reworked"
    )
)
REWORKED_TICKET = _words("ticket.reworked")
LOOKED_AT_EVENT = _words(f"event.{LOOKED_AT}")
SCREENED_EVENT = _words(f"event.{SCREENED}")
CARD_EVENT = _words(f"event.{CARDS.replace('once', 'event.once')}")
REFUSED_MESSAGE = and_(_words("inbox.reason IS NOT NULL"), _words(f"inbox.state = '{REFUSED}'"))
CURRENT_MESSAGE = _words(f"inbox.{CURRENT}")
QUEUED_NOTICE = _words("notice.state = 'queued'")
FAILED_NOTICE = _words("notice.state = 'failed'")


def event_named(name: str) -> ColumnElement[bool]:
    """Return the condition for events of a name that has an index by time."""
    condition = _words(f"event.{named(EventName(name))}")
    # levels are more than all the others together and have an index of their own
    return condition if name == EventName.ALERT_RAISED else and_(LOOKED_AT_EVENT, condition)
