"""Tickets, their clocks and their log."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, ForeignKey, Index, UniqueConstraint, false, text
from sqlmodel import Field

from models.rules.vocabulary import OPEN, NoticeState
from models.security.encryption import Encrypted
from models.tables.columns import BigId, EncryptedColumn, Instant, JsonText
from models.tables.row import TableRow

OPEN_TICKETS = f"status IN ({', '.join(map(repr, OPEN))})"
OPEN_URGENT = f"{OPEN_TICKETS} AND emergency IS NOT NULL"
OPEN_ORDINARY = f"{OPEN_TICKETS} AND emergency IS NULL"
RAISED = "name = 'alert.raised'"
LOOKED_AT = "name IN ('ticket.received', 'ticket.completed', 'contact.unreachable')"
"""Which events the screens look for by their time, beside the levels raised."""
CARDS = "name = 'alert.raised' AND (once LIKE '%/yellow' OR once LIKE '%/red')"
"""Yellow and red cards: few, where pre-warnings are many."""
REPORTED = (
    "name IN ('ticket.returned', 'rework.opened', 'extension.granted', "
    "'conduct.recorded', 'conduct.proposed')"
)
"""The rare events that the bulletin counts beside the cards, as an index and a query say it."""
WITHDRAWN = "name IN ('alert.withdrawn', 'decision.withdrawn')"
"""What takes an earlier event of the same log back.

A database uses a partial index only where a query says the same words: queries use these.
"""


def _partial(name: str, *columns: str, where: str) -> Index:
    """An index of the few rows that are looked at, however many there are."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class Ticket(TableRow, table=True):
    """One matter (诉求事项/工单), where it stands, and how far its log reaches.

    `state` is the fold of its messages; the columns beside it are copies for those who look.
    `title` is masked. `facts` is a keyed hash of claimant and facts (Regulation 2.2.6). While time
    will do something to it there is a bell for it. `revisit` says that a dissatisfied claimant is
    still to be called (Regulation 4.5). How its clocks ended stands in `handled` and the contacts
    once it is completed: what the bulletin counts.
    """

    __tablename__ = "ticket"
    __table_args__ = (
        # none of them holds a level: raising one then leaves all indexes as they are
        _partial("ticket_open", "unit", "due", where=OPEN_TICKETS),
        # with the id at the end a window is found without a look at the rows
        _partial("ticket_urgent", "due", "number", "id", where=OPEN_URGENT),
        _partial("ticket_queue", "due", "number", "id", where=OPEN_ORDINARY),
        _partial("ticket_revisit", "id", where="revisit"),
        Index("ticket_received", "received_at", "unit"),
        _partial(
            "ticket_completed",
            "completed_at",
            "unit",
            "rating",
            "handled",
            "first_contacted",
            "closing_contacted",
            where="completed_at IS NOT NULL",
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    number: str = Field(unique=True)
    status: str = "received"
    category: str = ""
    emergency: str | None = None
    title: str = ""
    unit: str | None = None
    level: str | None = None
    level_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    due: datetime | None = Field(default=None, sa_column=Column(Instant))
    provisional: bool = False
    received_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    completed_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    updated_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    rating: str | None = None
    handled: str | None = None
    first_contacted: str | None = None
    closing_contacted: str | None = None
    revisit: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )
    facts: bytes | None = Field(default=None, index=True)
    claimant: Encrypted | None = Field(default=None, sa_column=Column(EncryptedColumn))
    policy_id: str | None = Field(default=None, foreign_key="policy_version.id")
    state: str = ""
    seq: int = 0
    hash: bytes = b""


class ClockRow(TableRow, table=True):
    """One clock of a ticket, with the calendar that its expiry was computed under."""

    __tablename__ = "clock"
    __table_args__ = (_partial("clock_running", "name", "due", where="state = 'running'"),)

    ticket_id: int = Field(sa_column=Column(BigId, ForeignKey("ticket.id"), primary_key=True))
    key: str = Field(primary_key=True)
    name: str
    unit: str | None = None
    purpose: str | None = None
    base: datetime = Field(sa_column=Column(Instant, nullable=False))
    due: datetime = Field(sa_column=Column(Instant, nullable=False))
    provisional: bool = False
    state: str
    ended_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    calendar: int = 0


class EventRow(TableRow, table=True):
    """One line of a ticket's log, append-only; `hash` covers it and the hash of the line before.

    `at` is when it was recorded, `moment` when it took effect. `once` names an effect that a
    ticket can have only once, such as a level of a run.
    """

    __tablename__ = "event"
    __table_args__ = (
        Index(
            "event_once",
            "ticket_id",
            "once",
            unique=True,
            sqlite_where=text("once IS NOT NULL"),
            postgresql_where=text("once IS NOT NULL"),
        ),
        _partial("event_looked_at", "name", "at", where=LOOKED_AT),
        # a month's levels are told from all later ones without a look at the rows
        _partial("event_raised", "at", "moment", where=RAISED),
        _partial("event_card", "at", where=CARDS),
        _partial("event_reported", "moment", where=REPORTED),
        _partial("event_withdrawn", "ticket_id", "seq", where=WITHDRAWN),
        {"sqlite_with_rowid": False},
    )

    ticket_id: int = Field(sa_column=Column(BigId, ForeignKey("ticket.id"), primary_key=True))
    seq: int = Field(primary_key=True)
    at: datetime = Field(sa_column=Column(Instant, nullable=False))
    moment: datetime = Field(sa_column=Column(Instant, nullable=False))
    name: str
    cause: int | None = Field(default=None, sa_column=Column(BigId))
    data: Any = Field(sa_column=Column(JsonText, nullable=False))
    private: Encrypted | None = Field(default=None, sa_column=Column(EncryptedColumn))
    once: str | None = None
    hash: bytes


class NoticeRow(TableRow, table=True):
    """A message to somebody in charge, until a channel has taken it.

    `seq` is the event that queued it. `state` is queued, sent or failed. `channel` is empty until
    it is known where the notice goes; one that goes to several channels has a row for each. Until
    `held_until` somebody is sending it. `parcel` names the message that it went out in, so that a
    repeat of it is the same message.
    """

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("ticket_id", "seq", "recipient", "channel", name="notice_once"),
        _partial("notice_queued", "ring_at", where="state = 'queued'"),
        _partial(
            "notice_gathering",
            "recipient",
            "channel",
            where="state = 'queued' AND channel IS NOT NULL",
        ),
        _partial("notice_failed", "id", where="state = 'failed'"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    ticket_id: int = Field(sa_column=Column(BigId, ForeignKey("ticket.id"), nullable=False))
    seq: int
    kind: str
    role: str
    recipient: str
    unit: str | None = None
    state: str = NoticeState.QUEUED
    tries: int = 0
    channel: str | None = None
    error: str | None = None
    queued_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    sent_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    ring_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    held_until: datetime | None = Field(default=None, sa_column=Column(Instant))
    parcel: str | None = None


class ChannelState(TableRow, table=True):
    """How a channel fares, shared by all workers: what it may still send, whether it rests.

    `allowance` messages may go out as of `counted_at`; it fills up again with time. A channel that
    has failed `failures` times on end rests until `rest_until`, with the last `error`.
    """

    __tablename__ = "channel_state"

    name: str = Field(primary_key=True)
    allowance: float
    counted_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    failures: int = 0
    rest_until: datetime | None = Field(default=None, sa_column=Column(Instant))
    error: str | None = None
