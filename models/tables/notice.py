"""Notices, and the state of the channels that send them."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, UniqueConstraint
from sqlmodel import Field

from models.rules.vocabulary import NoticeState
from models.tables.columns import BigId, Instant
from models.tables.partial_index import partial_index
from models.tables.row import TableRow


class NoticeRow(TableRow, table=True):
    """A notice to somebody in charge, and whether a channel has taken it.

    `seq` is the event that queued it. `channel` is empty until the notice is routed; one that goes
    to several channels has a row for each. Until `held_until` a worker is sending it. `parcel` is
    the id of the batch that it went out in, so that a repeat is the same message.
    """

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("ticket_id", "seq", "channel", name="notice_once"),
        partial_index("notice_queued", "ring_at", where="state = 'queued'"),
        partial_index(
            "notice_gathering",
            "recipient",
            "channel",
            where="state = 'queued' AND channel IS NOT NULL",
        ),
        partial_index("notice_failed", "id", where="state = 'failed'"),
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
    """The state of a channel, shared by all workers: what it may still send, whether it rests.

    `allowance` messages may go out as of `counted_at`; it is refilled with time. A channel that
    has failed `failures` times in a row rests until `rest_until`, with the last `error`.
    """

    __tablename__ = "channel_state"

    name: str = Field(primary_key=True)
    allowance: float
    counted_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    failures: int = 0
    rest_until: datetime | None = Field(default=None, sa_column=Column(Instant))
    error: str | None = None
