"""The change to write for one ticket, and its row as it was before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from models.json_types import Json
from models.rules.events import Event
from models.rules.messages import RawMessage
from models.rules.particulars import Particulars
from models.rules.state import Clock, State
from models.security.chain import LogEnd
from models.security.row_hashes import TicketContent


class NumberedTicket(Protocol):
    """A ticket's row by its id and number."""

    @property
    def id(self) -> int:
        """The row's id."""
        ...

    @property
    def number(self) -> str:
        """The ticket's number."""
        ...


class TicketRow(NamedTuple):
    """A ticket's row as far as advancing it needs it: its state, and where its log ends."""

    id: int
    number: str
    policy_id: str = ""
    state: str = ""
    title: str = ""
    facts: bytes | None = None
    updated_at: datetime | None = None
    seq: int = 0
    hash: bytes = b""
    row_hash: bytes | None = None
    quarantined_at: datetime | None = None

    @property
    def content(self) -> TicketContent:
        """The columns that the row's hash covers beside the end of the log."""
        return TicketContent(
            self.id,
            self.number,
            self.policy_id,
            self.state,
            self.title,
            self.facts,
            self.updated_at,
        )

    @property
    def end(self) -> LogEnd:
        """The end of its log."""
        return LogEnd(self.seq, self.hash)


@dataclass(frozen=True)
class NewTicket:
    """A new ticket: the body of its first message, and the keyed hash of who wrote what."""

    body: Mapping[str, Json]
    facts: bytes | None = None


@dataclass(frozen=True)
class LogAppend:
    """The change to write for one ticket: its row as it was, its state now, the new events.

    `before` are its clocks as they were, `past` those that others of their key have replaced since.
    `new` is set for a ticket that is just beginning; `refolded` for one that was folded from its
    start, whose `past` are all; `levels_only` where it only reached its next level: such tickets
    come by the ten thousand. `particulars` are the ticket's as corrected, where they were.
    `texts` are the messages that caused the events, as they came, by arrival number.
    """

    row: TicketRow
    before: Mapping[str, Clock]
    state: State
    events: Sequence[Event]
    policy_id: str
    ring_at: datetime | None
    new: NewTicket | None = None
    levels_only: bool = False
    past: Sequence[Clock] = ()
    refolded: bool = False
    particulars: Particulars | None = None
    texts: Mapping[int, RawMessage] = field(default_factory=dict)
