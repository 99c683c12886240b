"""Tickets, their clocks and their log."""

from datetime import datetime

from sqlalchemy import Boolean, Column, ForeignKey, Index, false
from sqlmodel import Field

from models.json_types import Json
from models.rules.vocabulary import OPEN, EventName
from models.security.encryption import Binding, Encrypted
from models.tables.columns import BigId, EncryptedColumn, Instant, PackedJson
from models.tables.letters import EVENT_LETTERS, LetterOf
from models.tables.partial_index import partial_index
from models.tables.row import TableRow

OPEN_TICKETS = f"status IN ({', '.join(map(repr, OPEN))})"
OPEN_URGENT = f"{OPEN_TICKETS} AND emergency IS NOT NULL"
OPEN_ORDINARY = f"{OPEN_TICKETS} AND emergency IS NULL"


def named(*names: EventName) -> str:
    """Return the condition for events of these names, in SQL."""
    letters = [f"'{EVENT_LETTERS[name]}'" for name in names]
    return f"name = {letters[0]}" if len(letters) == 1 else f"name IN ({', '.join(letters)})"


RAISED = named(EventName.ALERT_RAISED)
LOOKED_AT = named(
    EventName.TICKET_RECEIVED, EventName.TICKET_COMPLETED, EventName.CONTACT_UNREACHABLE
)
"""The events that the screens look for by time, beside raised levels."""
CARDS = f"{RAISED} AND (once LIKE '%/yellow' OR once LIKE '%/red')"
"""Yellow and red cards: few, where pre-warnings are many."""
REPORTED = named(
    EventName.TICKET_RETURNED,
    EventName.REWORK_OPENED,
    EventName.EXTENSION_GRANTED,
    EventName.CONDUCT_RECORDED,
    EventName.CONDUCT_PROPOSED,
)
"""The rare events that the bulletin counts beside the cards."""
SCREENED = named(EventName.SCREENING_PROPOSED, EventName.SCREENING_DECIDED)
"""The answers to proposals of the screening, looked for by ticket."""
WITHDRAWN = named(EventName.ALERT_WITHDRAWN, EventName.DECISION_WITHDRAWN)
"""Events that withdraw an earlier event of the same log.

A database uses a partial index only for a query with the same condition, so queries use these.
"""
COMPLETED_ONCE = "completed_at IS NOT NULL AND NOT reworked"
"""Completed tickets without a second handling: their row says all of their completion."""
ENDED_DUTY = "ended_at IS NOT NULL"
QUARANTINED = "quarantined_at IS NOT NULL"


class Ticket(TableRow, table=True):
    """A ticket (诉求事项/工单): its state and the end of its log.

    `state` is the fold of its messages; the columns beside it are copies for queries. `title` is
    redacted, `topic` a code of the classification. `next_due` is the due of its running duty that
    ends first. `facts` is a keyed hash of claimant and facts (Regulation 2.2.6). While time will
    change it there is a bell for it. `revisit` says that a dissatisfied claimant is still to be
    called (Regulation 4.5). For the bulletin, `first_unit` is the unit that held its first
    acceptance, `completed_by` the one that held the handling of its last completion, and a ticket
    that is `reworked` has or will have more than one completion. `row_hash` is the keyed digest of
    the columns that are no copies (`security/heads.py`), without which no worker goes by them; a
    ticket whose row is another one is `quarantined_at` that moment, until it is rebuilt.
    """

    __tablename__ = "ticket"
    __table_args__ = (
        # none of them holds a level: raising one then leaves all indexes as they are
        partial_index("ticket_open", "unit", "next_due", where=OPEN_TICKETS),
        # with the id at the end a window is found without a look at the rows
        partial_index("ticket_urgent", "next_due", "number", "id", where=OPEN_URGENT),
        partial_index("ticket_queue", "next_due", "number", "id", where=OPEN_ORDINARY),
        partial_index("ticket_revisit", "id", where="revisit"),
        Index("ticket_received", "received_at", "first_unit"),
        partial_index(
            "ticket_completed",
            "completed_at",
            "completed_by",
            "rating",
            where=COMPLETED_ONCE,
        ),
        partial_index("ticket_topic", "topic", "received_at", where="topic IS NOT NULL"),
        partial_index("ticket_reworked", "completed_at", where="reworked"),
        partial_index("ticket_quarantined", "id", where=QUARANTINED),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    number: str = Field(unique=True)
    status: str = "received"
    category: str = ""
    emergency: str | None = None
    topic: str | None = None
    title: str = ""
    unit: str | None = None
    level: str | None = None
    level_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    due: datetime | None = Field(default=None, sa_column=Column(Instant))
    next_due: datetime | None = Field(default=None, sa_column=Column(Instant))
    provisional: bool = False
    received_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    completed_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    updated_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    rating: str | None = None
    first_unit: str | None = None
    completed_by: str | None = None
    reworked: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )
    revisit: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )
    facts: bytes | None = Field(default=None, index=True)
    claimant: Encrypted | None = Field(
        default=None,
        sa_column=Column(EncryptedColumn(Binding("ticket.claimant", (), ticket="number"))),
    )
    policy_id: str | None = Field(default=None, foreign_key="policy_version.id")
    state: str = ""
    seq: int = 0
    hash: bytes = b""
    row_hash: bytes | None = None
    quarantined_at: datetime | None = Field(default=None, sa_column=Column(Instant))


class ClockRow(TableRow, table=True):
    """A duty of a ticket: a clock, and who owes it. Those that have ended stay.

    It is the `ordinal`th of its key. `concerns` is the ordinal of the contact that a proof is
    about; `calendar` is the version by which its due was computed.
    """

    __tablename__ = "clock"
    __table_args__ = (
        partial_index("clock_running", "name", "due", where="state = 'running'"),
        # a month's duties are counted without a look at the rows
        partial_index("clock_ended", "ended_at", "name", "holder", "state", where=ENDED_DUTY),
    )

    ticket_id: int = Field(sa_column=Column(BigId, ForeignKey("ticket.id"), primary_key=True))
    key: str = Field(primary_key=True)
    ordinal: int = Field(default=1, primary_key=True)
    name: str
    holder: str = ""
    concerns: int = 0
    unit: str | None = None
    purpose: str | None = None
    base: datetime = Field(sa_column=Column(Instant, nullable=False))
    due: datetime = Field(sa_column=Column(Instant, nullable=False))
    provisional: bool = False
    state: str
    ended_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    calendar: int = 0


class EventRow(TableRow, table=True):
    """A line of a ticket's log, append-only; `hash` covers it and the hash of the line before.

    `at` is when it was recorded, `moment` when it took effect. `once` names an effect that a
    ticket can have only once, such as a level of a run. `private` are the texts that the line has,
    encrypted, and `commitment` their keyed hash, which the line's hash covers in their place: so a
    log is whole without them. In a line that an older release wrote with texts in clear, `original`
    is its data as it was, encrypted, and `data` a copy without them.
    """

    __tablename__ = "event"
    __table_args__ = (
        partial_index(
            "event_once",
            "ticket_id",
            "once",
            unique=True,
            where="once IS NOT NULL",
        ),
        partial_index("event_looked_at", "name", "at", where=LOOKED_AT),
        # a month's levels are found among all later ones without a look at the rows
        partial_index("event_raised", "at", "moment", where=RAISED),
        partial_index("event_card", "at", where=CARDS),
        partial_index("event_reported", "moment", where=REPORTED),
        partial_index("event_screened", "ticket_id", "seq", where=SCREENED),
        partial_index("event_withdrawn", "ticket_id", "seq", where=WITHDRAWN),
        {"sqlite_with_rowid": False},
    )

    ticket_id: int = Field(sa_column=Column(BigId, ForeignKey("ticket.id"), primary_key=True))
    seq: int = Field(primary_key=True)
    at: datetime = Field(sa_column=Column(Instant, nullable=False))
    moment: datetime = Field(sa_column=Column(Instant, nullable=False))
    name: str = Field(sa_column=Column(LetterOf(EVENT_LETTERS), nullable=False))
    cause: int | None = Field(default=None, sa_column=Column(BigId))
    data: Json = Field(sa_column=Column(PackedJson, nullable=False))
    private: Encrypted | None = Field(
        default=None,
        sa_column=Column(EncryptedColumn(Binding("event.private", ("seq", "name"), "number"))),
    )
    commitment: bytes | None = None
    original: Encrypted | None = Field(
        default=None,
        sa_column=Column(EncryptedColumn(Binding("event.original", ("seq", "name"), "number"))),
    )
    once: str | None = None
    hash: bytes
