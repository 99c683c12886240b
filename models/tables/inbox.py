"""The inbox: every message as its source sent it, waiting or finished."""

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field

from models.json_types import Json
from models.security.encryption import Binding, Encrypted
from models.tables.columns import BigId, EncryptedColumn, Instant, JsonText, PackedJson
from models.tables.letters import MESSAGE_LETTERS, LetterOf
from models.tables.partial_index import partial_index
from models.tables.row import TableRow

WAITING, APPLIED, REFUSED = "waiting", "applied", "refused"

CURRENT = "current"
"""The messages that no corrected one has replaced.

SQLite uses the index of messages by source and id only for a query with this very condition.
"""

NO_QUEUE = ""
"""The queue of a message that was kept as refused when it came, and is no part of its ticket."""

_BODY = Binding(
    "inbox.body",
    ("id", "source", "message_id", "type", "queue", "at", "quiet_before"),
    ticket="ticket",
)
"""A message is bound to its whole envelope: under another one it would do something else."""


class Inbox(TableRow, table=True):
    """One message (来件). `id` is the order of arrival.

    While it waits there is a bell for it. A refused row is kept; when the source sends a corrected
    message, the old row is no longer `current`. `outline` is what was read in it when its ticket
    got it, without its texts, and `outline_hash` the keyed hash of that and of what became of it:
    the ticket's life goes by it ever after. `conflicting` marks a message refused because it would
    have undone what people did since, or one that is no part of its ticket. Of what lies before
    `quiet_before` nobody is told: it is history that was imported. `resolved` was kept in place of
    the outline before there was one.
    """

    __tablename__ = "inbox"
    __table_args__ = (
        partial_index(
            "inbox_once",
            "source",
            "message_id",
            unique=True,
            where=CURRENT,
        ),
        Index("inbox_ticket", "ticket", "at"),
        partial_index(
            "inbox_refused",
            "id",
            # not by state: a row that is merely applied then leaves all indexes as they are
            where="reason IS NOT NULL",
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    source: str
    message_id: str
    digest: bytes
    current: bool = True
    ticket: str
    type: str = Field(sa_column=Column(LetterOf(MESSAGE_LETTERS), nullable=False))
    queue: str
    at: datetime = Field(sa_column=Column(Instant, nullable=False))
    arrived_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    body: Encrypted = Field(sa_column=Column(EncryptedColumn(_BODY), nullable=False))
    state: str = WAITING
    reason: Json = Field(default=None, sa_column=Column(JsonText))
    resolved: Json = Field(default=None, sa_column=Column(JsonText))
    outline: Json = Field(default=None, sa_column=Column(PackedJson))
    outline_hash: bytes | None = None
    conflicting: bool = False
    quiet_before: datetime | None = Field(default=None, sa_column=Column(Instant))
