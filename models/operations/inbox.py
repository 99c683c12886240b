"""Add messages to the inbox, each once."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, case, func, insert, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from models.bulk import RowValues, insert_rows, next_ids
from models.database import Session, columns_to_decrypt
from models.i18n import LazyText, lazy
from models.json_types import Json, JsonObject
from models.membership import is_in
from models.operations.changes import record_changes
from models.operations.speaking import SpeakingCheck
from models.queries.conditions import CURRENT_MESSAGE
from models.rules.calendar import SHANGHAI
from models.rules.messages import (
    Envelope,
    RawMessage,
    Refusal,
    canonical_json,
    read_envelope,
)
from models.rules.queues import queue_for
from models.rules.speaking import OWN_SOURCES
from models.rules.vocabulary import MessageType, UserRole
from models.security.heads import DIGEST_BYTES, arrival_heads
from models.security.message_ids import inbox_id, keyed_id, source_id
from models.security.roles import Actor
from models.sql_types import SelectedRow
from models.store_errors import is_taken
from models.tables.core import BELL, INBOX, TICKET
from models.tables.inbox import NO_QUEUE, REFUSED, WAITING

_CHUNK = 5_000
"""Rows written by one statement."""


@dataclass
class AddedMessages:
    """The outcome of adding messages.

    `refused` has the indexes of the refused ones with the reason, `known` the indexes of those
    that were there already.
    """

    enqueued: int = 0
    refused: list[tuple[int, LazyText]] = field(default_factory=list)
    known: list[int] = field(default_factory=list)

    @property
    def duplicate(self) -> int:
        """The number that were there already."""
        return len(self.known)


class StoredMessage(NamedTuple):
    """A message of the inbox: its row, which is its place in the order of arrival, and content."""

    row_id: int
    body: JsonObject


class _New(NamedTuple):
    """A message to be added; `place` is its index among those given.

    `unkeyed_id` is its id as an earlier release would have kept it.
    """

    place: int
    envelope: Envelope
    digest: bytes
    raw: Mapping[str, Json]
    canonical: bytes
    unkeyed_id: str

    def is_of(self, ticket: str, kind: str) -> bool:
        """Return whether it is about this ticket and of this type."""
        return (self.envelope.ticket, self.envelope.type) == (ticket, kind)

    def says(self, digest: bytes) -> bool:
        """Return whether it says what a row with this digest does; earlier releases kept all."""
        return digest in (self.digest[:DIGEST_BYTES], self.digest)


class _Old(NamedTuple):
    """The indexes of messages whose id is there: those known, and those that another's id has."""

    known: list[int]
    refused: list[tuple[int, LazyText]]


def add_messages(
    session: Session,
    source: str,
    messages: Sequence[Mapping[str, Json]],
    now: datetime,
    latest: datetime | None = None,
    quiet_before: datetime | None = None,
    sender: Actor | None = None,
) -> AddedMessages:
    """Add messages to the inbox in the order given; they wait there for their own `at`.

    They come from `sender`, None: from the service itself. What he may not send is kept as refused,
    with the reason, until somebody sends it who may.

    The same id of the same source is the same message and changes nothing, unless it was refused
    and comes back with another content: then it replaces the refused one. One that is of another
    ticket or type than the message of its id is refused: it would be lost as a duplicate. So is
    what a feeder sends under a source of the service's own. A message dated after
    `latest`, if that is given, is refused, since its sender's clock is wrong. Of what lies before
    `quiet_before` nobody is told (decision 34).
    """
    result = AddedMessages()
    by_id: dict[str, _New] = {}
    not_allowed: dict[str, tuple[_New, LazyText]] = {}
    check = SpeakingCheck(session, sender, now) if sender is not None else None
    for index, raw in enumerate(messages):
        message = _checked(session, index, raw, latest)
        if isinstance(message, LazyText):
            result.refused.append((index, message))
            continue
        if sender is not None and sender.role == UserRole.FEEDER and source in OWN_SOURCES:
            why = lazy("the source {name} is the service's own; give another", name=source)
            result.refused.append((index, why))
            continue
        if check is not None:
            sent = check(message.envelope.type, raw)
            if isinstance(sent, LazyText):
                result.refused.append((index, sent))
                not_allowed.setdefault(message.envelope.id, (message, sent))
                continue
            message = _with_content(session, message, sent)
        first = by_id.setdefault(message.envelope.id, message)
        if first is message:
            continue
        if first.is_of(message.envelope.ticket, message.envelope.type):
            result.known.append(index)
        else:
            envelope = first.envelope
            result.refused.append((index, _taken_id(envelope.ticket, envelope.type)))
    new = list(by_id.values())
    for start in range(0, len(new), _CHUNK):
        chunk = new[start : start + _CHUNK]
        # another process may add the same ones at the same moment: try again then
        while (old := _add_chunk(session, source, chunk, now, quiet_before)) is None:
            pass
        result.known += old.known
        result.refused += old.refused
        result.enqueued += len(chunk) - len(old.known) - len(old.refused)
    _keep_not_allowed(session, source, not_allowed, now)
    return result


def stored_messages(
    session: Session, source: str, ids: Collection[str]
) -> dict[str, StoredMessage]:
    """Return the messages of a source that the inbox has under these ids."""
    kept_as = _kept_as(session, ids)
    rows = session.execute(
        select(INBOX.c.id, *columns_to_decrypt(INBOX.c.body)).where(
            INBOX.c.source == source, is_in(INBOX.c.message_id, kept_as), CURRENT_MESSAGE
        )
    ).all()
    bodies = session.all_texts(INBOX.c.body, rows)
    return {
        kept_as[r.message_id]: StoredMessage(r.id, body)
        for r, body in zip(rows, bodies, strict=True)
    }


def last_arrived(session: Session) -> int:
    """Return the row of the message that arrived last; 0 where none has."""
    return session.scalar(select(func.max(INBOX.c.id))) or 0


def known_ids(session: Session, source: str, ids: Collection[str]) -> set[str]:
    """Return those of these ids under which the inbox has a message of a source."""
    kept_as = _kept_as(session, ids)
    rows = session.scalars(
        select(INBOX.c.message_id).where(
            INBOX.c.source == source, is_in(INBOX.c.message_id, kept_as), CURRENT_MESSAGE
        )
    )
    return {kept_as[message_id] for message_id in rows}


def _kept_as(session: Session, ids: Collection[str]) -> dict[str, str]:
    """Return the ids by what the inbox may have them as: keyed, or not, where it cannot be read."""
    return {i: i for i in ids} | {keyed_id(session.cipher, i): i for i in ids}


def number_patterns(
    session: Session, source: str, patterns: Mapping[str, Collection[str]]
) -> set[str]:
    """Return the names of the patterns (of SQL) that any id of a source, or any ticket, has.

    It reads all ids of the source, and the numbers of all tickets.
    """

    def columns(text: ColumnElement[str]) -> list[ColumnElement[int]]:
        likes = [or_(*(text.like(pattern) for pattern in each)) for each in patterns.values()]
        return [func.max(case((like, 1), else_=0)) for like in likes]

    ids = select(*columns(INBOX.c.message_id)).where(INBOX.c.source == source, CURRENT_MESSAGE)
    tickets = select(*columns(TICKET.c.number))
    rows = [session.execute(query).one() for query in (ids, tickets)]
    return {name for name, *there in zip(patterns, *rows, strict=True) if any(there)}


def messages_about(
    session: Session, source: str, tickets: Collection[str], marks: Collection[str]
) -> dict[str, list[tuple[str, StoredMessage]]]:
    """Return the messages that a source's letters about tickets have led to, with their ids.

    Their ids are that of the letter, one of the marks, and more. They are in order of arrival, by
    the letter's id.
    """
    rows = session.execute(
        select(INBOX.c.id, *columns_to_decrypt(INBOX.c.body))
        .where(
            is_in(INBOX.c.ticket, tickets),
            INBOX.c.source == source,
            INBOX.c.current,
            or_(*(INBOX.c.message_id.contains(mark, autoescape=True) for mark in marks)),
        )
        .order_by(INBOX.c.id)
    ).all()
    messages: dict[str, list[tuple[str, StoredMessage]]] = {}
    for row, body in zip(rows, session.all_texts(INBOX.c.body, rows), strict=True):
        message_id = source_id(session.cipher, row.message_id, body)
        letter_id = next(m for mark in marks if (m := message_id.rpartition(mark)[0]))
        message = StoredMessage(row.id, body)
        messages.setdefault(letter_id, []).append((message_id, message))
    return messages


def add_foreign_letters(
    session: Session,
    source: str,
    letters: Sequence[tuple[Mapping[str, Json], LazyText]],
    now: datetime,
) -> None:
    """Keep letters that came under the number of another one, each with the reason.

    They are refused, and no part of the ticket; those that are there already stay as they are.
    """
    by_id: dict[str, tuple[_New, LazyText]] = {}
    for place, (raw, why) in enumerate(letters):
        message = _checked(session, place, {**raw, "id": _foreign_id(raw)}, None)
        if isinstance(message, _New):
            by_id[message.envelope.id] = message, why
    _keep_refused(session, source, by_id, now)


def _keep_not_allowed(
    session: Session, source: str, messages: Mapping[str, tuple[_New, LazyText]], now: datetime
) -> None:
    """Keep messages whose sender may not send them, until somebody sends them who may."""
    # with a digest of their own: the same content comes again, and is another message then
    digest = session.cipher.keyed_hash
    marked = {
        message_id: (message._replace(digest=digest(b"not allowed " + message.canonical)), why)
        for message_id, (message, why) in messages.items()
    }
    _keep_refused(session, source, marked, now)


def _keep_refused(
    session: Session,
    source: str,
    messages: Mapping[str, tuple[_New, LazyText]],
    now: datetime,
) -> None:
    """Put messages by id into the inbox as refused, but those whose id is there already.

    They are no part of their ticket, and never become one.
    """
    if not messages:
        return
    known = _stored(session, source, [message for message, _why in messages.values()])
    new = [entry for message_id, entry in messages.items() if message_id not in known]
    messages_alone = [message for message, _why in new]
    rows = _rows(session, source, messages_alone, now, None, kept_as_refused=True)
    refused: list[RowValues] = [
        {**row, "state": REFUSED, "conflicting": True, "reason": {"why": why, "missing": []}}
        for row, (_message, why) in zip(rows, new, strict=True)
    ]
    _insert(session, refused)


def _insert(session: Session, rows: Sequence[RowValues]) -> None:
    insert_rows(session.connection(), INBOX, rows)
    arrived = [(row["id"], row["digest"]) for row in rows]
    record_changes(session, list(arrival_heads(session.cipher, arrived)))


def numbers_of_several(session: Session, source: str, numbers: Collection[str]) -> set[str]:
    """Return those of these ticket numbers under which the source has sent several letters."""
    rows = session.scalars(
        select(INBOX.c.ticket).where(
            is_in(INBOX.c.ticket, numbers),
            INBOX.c.source == source,
            INBOX.c.conflicting,
            INBOX.c.message_id.contains(_FOREIGN),
        )
    )
    return set(rows)


def letters_numbered_like(
    session: Session, source: str, numbers: Collection[str], digest: int
) -> list[tuple[str, StoredMessage]]:
    """Return the letters of a source whose id is one of these numbers, with the id.

    Also those whose id is one with a hyphen and a digest of `digest` characters behind it. It reads
    all ids of the source.
    """
    if not numbers:
        return []
    message_id = INBOX.c.message_id
    before = func.length(message_id) - digest - 1
    number = func.substr(message_id, 1, before, type_=message_id.type)
    with_digest = message_id.like("%-" + "_" * digest) & is_in(number, numbers)
    rows = session.execute(
        select(INBOX.c.id, *columns_to_decrypt(INBOX.c.body)).where(
            INBOX.c.source == source,
            INBOX.c.type == MessageType.TICKET_RECEIVED,
            CURRENT_MESSAGE,
            ~INBOX.c.conflicting,
            or_(is_in(message_id, numbers), with_digest),
        )
    ).all()
    bodies = session.all_texts(INBOX.c.body, rows)
    return [(r.message_id, StoredMessage(r.id, body)) for r, body in zip(rows, bodies, strict=True)]


_FOREIGN = "#another#"
"""Marks the id under which a letter is kept whose number is another one's."""


def _foreign_id(raw: Mapping[str, Json]) -> str:
    return f"{raw['id']}{_FOREIGN}{hashlib.sha256(msgspec.json.encode(raw)).hexdigest()[:12]}"


def _checked(
    session: Session, index: int, raw: Mapping[str, Json], latest: datetime | None
) -> _New | LazyText:
    # encoded once, for the digest, for an absent id and for the stored body
    canonical = canonical_json(raw)
    if isinstance(canonical, Refusal):
        return canonical.why
    envelope = read_envelope(raw, canonical)
    if isinstance(envelope, Refusal):
        return envelope.why
    if "\0" in envelope.id or "\0" in envelope.ticket:
        return lazy("the number or the id holds a character that no database keeps")
    if latest is not None and envelope.at > latest:
        at = f"{envelope.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
        return lazy("the time {at} lies in the future", at=at)
    kept = envelope._replace(id=inbox_id(session.cipher, envelope, raw))
    digest = session.cipher.keyed_hash(canonical)
    return _New(index, kept, digest, raw, canonical, envelope.id)


def _with_content(session: Session, message: _New, raw: RawMessage) -> _New:
    """Return a message with other content; its id stays that of what was sent."""
    if raw is message.raw:
        return message
    canonical = canonical_json(raw)
    assert not isinstance(canonical, Refusal), "only a name was added"
    digest = session.cipher.keyed_hash(canonical)
    return message._replace(raw=raw, canonical=canonical, digest=digest)


def _add_chunk(
    session: Session,
    source: str,
    chunk: Sequence[_New],
    now: datetime,
    quiet_before: datetime | None,
) -> _Old | None:
    """Add those whose id is new; returns the others, None if another was just added first."""
    stored = _stored(session, source, chunk)
    old_ones, replaced, new = _Old([], []), [], []
    for message in chunk:
        old = stored.get(message.envelope.id)
        if old is None:
            new.append(message)
        elif old.state == REFUSED and not message.says(old.digest):
            replaced.append(old.id)
            new.append(message)
        elif message.is_of(old.ticket, old.type):
            old_ones.known.append(message.place)
        else:
            old_ones.refused.append((message.place, _taken_id(old.ticket, old.type)))
    rows = _rows(session, source, new, now, quiet_before)
    try:
        # SQLite has one writer at a time and needs no savepoint
        with session.begin_nested() if session.dialect == "postgresql" else nullcontext():
            if replaced:
                old_rows = update(INBOX).where(INBOX.c.id.in_(replaced))
                session.execute(old_rows.values(current=False))
            _insert(session, rows)
            _set_bells(session, [row["id"] for row in rows], now)
    except IntegrityError as error:
        if not is_taken(error):
            raise
        return None
    return old_ones


def _taken_id(ticket: str, kind: str) -> LazyText:
    return lazy(
        "the id is another message's: ticket {number}, {kind}; send it with an id of its own",
        number=ticket,
        kind=str(kind),
    )


def _stored(session: Session, source: str, messages: Sequence[_New]) -> dict[str, SelectedRow]:
    """Return the rows of those messages that are there already, by the id that each has now."""
    kept_as = {m.unkeyed_id: m.envelope.id for m in messages}
    kept_as |= {m.envelope.id: m.envelope.id for m in messages}
    rows = session.execute(
        select(INBOX.c.id, INBOX.c.message_id, INBOX.c.digest, INBOX.c.state)
        .add_columns(INBOX.c.ticket, INBOX.c.type)
        .where(
            INBOX.c.source == source,
            is_in(INBOX.c.message_id, kept_as),
            CURRENT_MESSAGE,
        )
    )
    return {kept_as[row.message_id]: row for row in rows}


def _set_bells(session: Session, ids: Sequence[int], now: datetime) -> None:
    """Set the bells of new rows to ring at once, or at their `at`, without reading the rows."""
    present = literal(now, INBOX.c.at.type)
    due = case((INBOX.c.at > present, INBOX.c.at), else_=present)
    rows = select(INBOX.c.id, INBOX.c.queue, due, due).where(is_in(INBOX.c.id, ids))
    session.execute(insert(BELL).from_select(["row_id", "queue", "due_at", "ring_at"], rows))


def _rows(
    session: Session,
    source: str,
    new: Sequence[_New],
    now: datetime,
    quiet_before: datetime | None,
    *,
    kept_as_refused: bool = False,
) -> list[RowValues]:
    numbers = {n.envelope.ticket for n in new}
    urgent = set(
        session.scalars(
            select(TICKET.c.number).where(
                is_in(TICKET.c.number, numbers), TICKET.c.emergency.is_not(None)
            )
        )
    )
    ids = next_ids(session.connection(), INBOX, len(new))
    session.add_salts(numbers)
    rows: list[dict[str, Any]] = [
        {
            "id": row_id,
            "source": source,
            "message_id": e.id,
            "digest": digest[:DIGEST_BYTES],
            "ticket": e.ticket,
            "type": e.type,
            "queue": NO_QUEUE
            if kept_as_refused
            else queue_for(e.type, emergency=bool(raw.get("emergency")) or e.ticket in urgent),
            "at": e.at,
            "arrived_at": now,
            "body": msgspec.Raw(canonical),
            "state": WAITING,
            "current": True,
            "conflicting": False,
            "quiet_before": quiet_before,
        }
        for row_id, (_place, e, digest, raw, canonical, _id) in zip(ids, new, strict=True)
    ]
    for row in rows:
        row["body"] = session.encrypt(INBOX.c.body, row["body"], row)
    return [*rows]
