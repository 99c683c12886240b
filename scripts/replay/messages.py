"""Read a file of messages for a replay, and keep them on disk, a part of the tickets a file."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from models.i18n import LazyText, _, lazy, render
from models.rules.calendar import SHANGHAI
from models.rules.messages import (
    HOTLINE,
    UNIT_FIELDS,
    Envelope,
    Refusal,
    TicketReceived,
    read_content,
    read_envelope,
)
from models.rules.screening import Beginning, duplicate_key
from models.rules.vocabulary import MessageType
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.replay.temporary_files import TemporaryFiles

BUCKETS = 64
"""Parts of a file: one is played at a time, and is all that a process has in memory."""
_SOURCE = "messages"
_DISMISSING = (MessageType.CLAIMANT_WITHDREW, MessageType.SCREENING_DECIDED)
_BEGINNING = datetime(1970, 1, 1, tzinfo=SHANGHAI)


class ArrivedMessage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message with its envelope: the `arrival`th of the file, which comes at `clock`."""

    arrival: int
    ticket: str
    id: str
    type: MessageType
    at: datetime
    clock: datetime
    body: msgspec.Raw


_decode = msgspec.json.Decoder(ArrivedMessage).decode


class RefusedLine(NamedTuple):
    """A line of the file that is no message, and the simulated time at which it was read."""

    ticket: Any
    at: datetime
    type: Any
    why: str


class ReplayMessages:
    """The messages of a file, in buckets on disk: all of one ticket are in the same.

    `count` is their number and `clock` the simulated time after the last; `unit_names` are the
    units that they name. `refused` are the lines that are no messages.
    """

    def __init__(self) -> None:
        self.count = 0
        self.clock = _BEGINNING
        self.unit_names: set[str] = set()
        self.refused: list[RefusedLine] = []
        self.tickets: dict[str, int] = {}
        self._beginnings: dict[int, Beginning | None] = {}
        self._may_be_dismissed: set[int] = set()
        # by the hash of the id: tickets linked by chance are played together, and come out the same
        self._tickets_by_id: dict[int, int] = {}
        self._links: dict[int, int] = {}
        self._buckets = TemporaryFiles(BUCKETS)

    def add(self, raw: dict[str, Any], envelope: Envelope, clock: datetime) -> None:
        """Add the message that arrives next."""
        self.count += 1
        self.clock = clock
        number = envelope.ticket
        ticket = self.tickets.setdefault(number, len(self.tickets))
        begins = envelope.type == MessageType.TICKET_RECEIVED and not self._beginnings.get(ticket)
        if raw.get("id") is not None:
            hashed = hash(envelope.id)
            other = self._tickets_by_id.get(hashed)
            if other is None:
                self._tickets_by_id[hashed] = ticket
            elif other != ticket or begins:
                self._link(ticket, other)
        if begins:
            self._note_beginning(ticket, envelope, raw, clock)
        if envelope.type in _DISMISSING or raw.get("declined"):
            self._may_be_dismissed.add(ticket)
        self.unit_names.update(unit_names(raw))
        body = msgspec.Raw(msgspec.json.encode(raw, order="deterministic"))
        _id, at, of_type, _ticket = envelope
        message = ArrivedMessage(self.count, number, envelope.id, of_type, at, clock, body)
        self._buckets[_bucket_of(number)].write(msgspec.json.encode(message) + b"\n")

    def flush(self) -> None:
        """Let other processes see what has been added."""
        self._buckets.flush()

    def bucket(self, number: int) -> Iterator[ArrivedMessage]:
        """Read a bucket's messages again, in the order of arrival."""
        return map(_decode, self._buckets.lines(number))

    def linked(self) -> dict[str, int]:
        """Return the tickets that depend on one another as their messages share an id, by group.

        A ticket is a group of its own if a receipt came under an id that it had seen before.
        """
        if not self._links:
            return {}
        tickets = self.tickets.items()
        return {number: self._root(t) for number, t in tickets if t in self._links}

    def may_be_dismissed(self) -> frozenset[str]:
        """Return the tickets that their messages may decline or withdraw."""
        tickets = self.tickets.items()
        return frozenset(number for number, t in tickets if t in self._may_be_dismissed)

    def of_tickets(self, numbers: Collection[str]) -> Iterator[ArrivedMessage]:
        """Read the messages of some tickets again, each one's in the order of arrival."""
        for bucket in {_bucket_of(number) for number in numbers}:
            yield from (m for m in self.bucket(bucket) if m.ticket in numbers)

    def beginnings(self) -> Iterator[Beginning]:
        """Yield when the tickets begin that depend on no other."""
        for ticket, beginning in self._beginnings.items():
            if beginning is not None and ticket not in self._links:
                yield beginning

    def _note_beginning(
        self, ticket: int, envelope: Envelope, raw: dict[str, Any], clock: datetime
    ) -> None:
        content = read_content(envelope.type, raw)
        if isinstance(content, TicketReceived):
            key = duplicate_key(content)
            self._beginnings[ticket] = Beginning.of(key, clock, envelope.at, envelope.ticket)

    def _link(self, ticket: int, other: int) -> None:
        for each in (ticket, other):
            self._links.setdefault(each, each)
        self._links[self._root(ticket)] = self._root(other)

    def _root(self, ticket: int) -> int:
        while self._links[ticket] != ticket:
            ticket = self._links[ticket]
        return ticket


def _bucket_of(ticket: str) -> int:
    return crc32(ticket.encode()) % BUCKETS


def read_messages(
    feed: Path, ahead: Callable[[datetime], timedelta], until: datetime | None
) -> ReplayMessages:
    """Read the messages that arrive by `until`; the file's order is their order of arrival.

    A message that tells of a moment further in the future than `ahead` allows when it arrives is
    refused.
    """
    messages = ReplayMessages()
    clock = messages.clock
    for record in read_feed(feed, FeedOptions(source=_SOURCE)):
        raw = record.message or {}
        arrived = record.why or _arrival(raw, clock, ahead)
        if isinstance(arrived, LazyText):
            why = _("line {n}: {why}").format(n=record.line, why=render(arrived))
            refused = RefusedLine(raw.get("ticket"), clock, raw.get("type"), why)
            messages.refused.append(refused)
            continue
        envelope, arrives_at = arrived
        if until is None or arrives_at <= until:
            clock = arrives_at
            messages.add(raw, envelope, clock)
    messages.flush()
    return messages


def _arrival(
    raw: dict[str, Any], clock: datetime, ahead: Callable[[datetime], timedelta]
) -> tuple[Envelope, datetime] | LazyText:
    """Return the envelope of a message, and when it takes effect: never before `clock`."""
    envelope = read_envelope(raw)
    if isinstance(envelope, Refusal):
        return envelope.why
    # the reader has made sure that it is an instant with its offset
    arrived = datetime.fromisoformat(raw["arrived"]) if "arrived" in raw else envelope.at
    clock = max(clock, arrived)
    if envelope.at > clock and envelope.at > clock + ahead(clock):
        at = f"{envelope.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
        return lazy("the time {at} lies in the future", at=at)
    return envelope, max(clock, envelope.at)


def unit_names(raw: dict[str, Any]) -> Iterator[str]:
    """Yield the units that a message names, and that a replay adds if they are unknown."""
    units = raw.get("units")
    fields = [raw.get(field) for field in (*UNIT_FIELDS, "suggested_unit", "successor")]
    for name in fields + (units if isinstance(units, list) else []):
        if isinstance(name, str) and name.strip() and name != HOTLINE:
            yield name.strip()
