"""The events of a replay: written to disk in runs that are sorted, and read in one order."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import msgspec

from models.i18n import readable
from models.rules import events as log_events
from models.rules.calendar import SHANGHAI
from models.rules.lifecycle.replay import TicketReplay
from models.rules.particulars import read_particulars
from models.rules.redaction import Redactor
from scripts.replay.messages import RefusedLine
from scripts.replay.temporary_files import TemporaryFiles

Record: TypeAlias = tuple[str, str, int, int, msgspec.Raw]
"""An event as JSON, after what it is sorted by: `at`, ticket, `seq`, and the order of arrival."""

SORT_KEY = itemgetter(0, 1, 2, 3)
_AFTER_MESSAGES = 1 << 60
_STORED_TEXT = b'"args":'
_REFERENCE = b'{"field":'
"""Text that the JSON of every text to be rendered holds, or of a private one; other JSON has none.
"""
_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Record).decode


def ticket_records(number: str, ticket: TicketReplay) -> Iterator[Record]:
    """Yield the events of a ticket as the interface has them, its claimant hidden."""
    redactor: Redactor | None = None
    quoted = _encode(number).decode()
    moment, at = None, ""
    for seq, event in enumerate(ticket.log, 1):
        # the events of a message are of one moment
        if event.at is not moment:
            moment, at = event.at, event.at.astimezone(SHANGHAI).isoformat()
        head = f'{{"seq":{seq},"ticket":{quoted},"at":"{at}","event":"{event.name}"'.encode()
        data = log_events.encode(event.data)
        private: dict[str, Any] = {}
        if log_events.says_texts(event.data):
            redactor = redactor or _redactor(ticket)
            raw = ticket.texts.get(event.cause or 0, {})
            private = redactor.redact(log_events.private_part(event.data, raw))
        if _STORED_TEXT in data or _REFERENCE in data:
            data = _encode(readable(msgspec.json.decode(data), private))
        parts = [head, data[1:-1]]
        if private and (texts := log_events.own_texts(event.name, private)):
            parts.append(_encode(texts)[1:-1])
        yield at, number, seq, 0, msgspec.Raw(b",".join(filter(None, parts)) + b"}")
    for message, refusal in ticket.refused_outside_log():
        why = readable(refusal.why)
        yield _refusal(number, message.at, message.type, why, refusal.missing, message.arrival)


def line_records(lines: Iterable[RefusedLine]) -> Iterator[Record]:
    """Yield the refusals of lines that are no messages."""
    for position, line in enumerate(lines, _AFTER_MESSAGES):
        yield _refusal(line.ticket, line.at, line.type, line.why, (), position)


def _redactor(ticket: TicketReplay) -> Redactor:
    body = ticket.first.raw if ticket.first is not None else {}
    amendments = [
        ticket.texts[event.cause]
        for event in ticket.log
        if isinstance(event.data, log_events.TicketAmended) and event.cause is not None
    ]
    return Redactor(read_particulars(body, amendments).person)


def _refusal(
    ticket: Any, moment: datetime, kind: Any, why: str, missing: Sequence[str], position: int
) -> Record:
    """The event of a refusal that is in no ticket's log."""
    at = moment.astimezone(SHANGHAI).isoformat()
    event = {"seq": None, "ticket": ticket, "at": at, "event": "message.refused"}
    event |= {"type": kind, "why": why} | ({"missing": list(missing)} if missing else {})
    return at, str(ticket or ""), 0, position, msgspec.Raw(_encode(event))


def outcome_records(number: str, ticket: TicketReplay) -> Iterator[Record]:
    """Yield how a ticket fares, if it has begun."""
    outcome = ticket.outcome
    if outcome is not None:
        yield "", number, 0, 0, msgspec.Raw(_encode(outcome))


class RecordKind(NamedTuple):
    """A kind of records: those of a ticket, and those of the lines that are no messages."""

    of_ticket: Callable[[str, TicketReplay], Iterable[Record]]
    of_lines: Callable[[Iterable[RefusedLine]], Iterable[Record]]


EVENTS = RecordKind(ticket_records, line_records)
"""The events of the tickets' logs."""
OUTCOMES = RecordKind(outcome_records, lambda _lines: ())
"""One record a ticket: how it fares."""


class EventRuns:
    """Events on disk, in runs each sorted by itself; they are gone with this object."""

    def __init__(self, count: int) -> None:
        self._files = TemporaryFiles(count)

    def write(self, run: int, records: Iterable[Record]) -> None:
        """Write a run, in whatever process."""
        file = self._files[run]
        file.writelines(_encode(record) + b"\n" for record in sorted(records, key=SORT_KEY))
        file.flush()

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield all events, ordered by `at`, ticket and `seq`."""
        return map(msgspec.json.decode, self.read_raw())

    def read_raw(self) -> Iterator[msgspec.Raw]:
        """Yield all records as JSON, in their order."""
        runs = (map(_decode, self._files.lines(run)) for run in range(len(self._files)))
        for record in heapq.merge(*runs, key=SORT_KEY):
            yield record[4]
