"""Replay a file of messages in simulated time, on a throw-away store, by the same operations."""

import gc
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from models.database import Session, Store
from models.i18n import _, lazy, readable, render
from models.migrations import upgrade
from models.operations.advance import advance
from models.operations.inbox import add_messages
from models.operations.rulebook import add_policy, declare_days, replace_units
from models.queries.log import all_logs, refusals_outside_logs
from models.rulebook import Rulebook, load_rulebook
from models.rules.calendar import SHANGHAI, DeclaredDay
from models.rules.messages import HOTLINE, UNIT_FIELDS, Refusal, read_envelope
from models.rules.policy import load_policy
from models.rules.routing.directory import Directory, Unit, UnitsFile
from models.security.encryption import Cipher
from scripts.ingest.feed_reader import FeedOptions, read_feed

_SOURCE = "messages"
_TICKETS = 500
"""Tickets of one transaction."""
_BEGINNING = datetime(1970, 1, 1, tzinfo=SHANGHAI)


@dataclass(frozen=True)
class ReplaySetup:
    """The rulebook of a replay: a policy, units, declared days, and a routing model if given."""

    policy: tuple[str, str]
    units: UnitsFile
    days: dict[date, DeclaredDay] = field(default_factory=dict)
    model: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Message:
    """A message, and the simulated time at which it takes effect."""

    raw: dict[str, Any]
    ticket: str
    at: datetime
    clock: datetime


@dataclass(frozen=True)
class ReplayResult:
    """The events of all tickets, ordered by `at`, ticket and `seq`."""

    events: list[dict[str, Any]]
    messages: int
    tickets: int


def replay(feed: Path, setup: ReplaySetup, until: datetime | None) -> ReplayResult:
    """Play a file to its last message, or to `until`. Raises HotlineError.

    Tickets do not depend on one another, so each is advanced by itself: at once where its messages
    came in order, else from arrival to arrival, as late messages withdraw decisions.
    """
    with _rare_collections():
        return _replay(feed, setup, until)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let the garbage collector run rarely: a replay keeps what it makes, and it took a fifth."""
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def _replay(feed: Path, setup: ReplaySetup, until: datetime | None) -> ReplayResult:
    ahead = load_policy(*setup.policy).intake.ahead.wall or timedelta()
    messages, refused = _read_messages(feed, ahead, until)
    # a fixed key: the throw-away store is gone at the end, and the same file gives the same log
    with tempfile.TemporaryDirectory(prefix="hotline-replay-") as folder:
        store = Store(f"sqlite:///{folder}/replay.db", Cipher([bytes(32)]), durable=False)
        try:
            upgrade(store)
            end = until or max((message.clock for message in messages), default=None)
            if end is not None:
                rulebook = _set_up(store, setup, messages)
                _play(store, rulebook, messages, end)
            with store.reading() as session:
                events = [*all_logs(session), *_refusals(session), *refused]
        finally:
            store.close()
    tickets = len({event["ticket"] for event in events})
    events.sort(key=lambda event: (event["at"], event["ticket"] or "", event["seq"] or 0))
    return ReplayResult(events, len(messages), tickets)


def _read_messages(
    feed: Path, ahead: timedelta, until: datetime | None
) -> tuple[list[_Message], list[dict[str, Any]]]:
    """The messages in their order of arrival, and the events of those that are refused."""
    messages: list[_Message] = []
    refused: list[dict[str, Any]] = []
    clock = _BEGINNING
    for record in read_feed(feed, FeedOptions(source=_SOURCE)):
        raw = record.message or {}
        message = Refusal(record.why) if record.why else _message(raw, clock, ahead)
        if isinstance(message, Refusal):
            why = _("line {n}: {why}").format(n=record.line, why=render(message.why))
            refused.append(_refused_event(raw.get("ticket"), clock, raw.get("type"), why))
            continue
        if until is not None and message.clock > until:
            continue
        clock = message.clock
        messages.append(message)
    return messages, refused


def _message(raw: dict[str, Any], clock: datetime, ahead: timedelta) -> _Message | Refusal:
    """A message that takes effect at its `arrived`, else at its `at`, but never before `clock`."""
    envelope = read_envelope(raw)
    if isinstance(envelope, Refusal):
        return envelope
    # the reader has made sure that it is an instant with its offset
    arrived = datetime.fromisoformat(raw["arrived"]) if "arrived" in raw else envelope.at
    clock = max(clock, arrived)
    if envelope.at > clock + ahead:
        return Refusal(lazy("the time {at} lies in the future", at=envelope.at.isoformat()))
    return _Message(raw, envelope.ticket, envelope.at, max(clock, envelope.at))


def _refused_event(
    ticket: Any, at: datetime, kind: Any, why: str, missing: Sequence[str] = ()
) -> dict[str, Any]:
    """The event of a refusal that is in no ticket's log."""
    event = {"seq": None, "ticket": ticket, "at": at.astimezone(SHANGHAI).isoformat()}
    event |= {"event": "message.refused", "type": kind, "why": why}
    return event | ({"missing": list(missing)} if missing else {})


def _set_up(store: Store, setup: ReplaySetup, messages: Sequence[_Message]) -> Rulebook:
    """Fill the store's rulebook; units that are named but unknown are added."""
    known = Directory(setup.units.unit)
    names = {name for message in messages for name in _unit_names(message.raw)}
    unknown = sorted(name for name in names if known.resolve(name) is None)
    units = UnitsFile(setup.units.unit + tuple(map(Unit, unknown)), setup.units.territory)
    with store.writing() as session:
        now = messages[0].clock if messages else _BEGINNING
        add_policy(session, *setup.policy, now)
        replace_units(session, units)
        declare_days(session, setup.days, now)
        if setup.model is not None:
            from models.operations.routing_models import add_model

            add_model(session, setup.model, "", now)
        return load_rulebook(session)


def _unit_names(raw: dict[str, Any]) -> Iterator[str]:
    units = raw.get("units")
    fields = [raw.get(field) for field in (*UNIT_FIELDS, "suggested_unit")]
    for name in fields + (units if isinstance(units, list) else []):
        if isinstance(name, str) and name.strip() and name != HOTLINE:
            yield name.strip()


def _play(store: Store, rulebook: Rulebook, messages: Sequence[_Message], end: datetime) -> None:
    by_ticket: dict[str, list[_Message]] = {}
    for message in messages:
        by_ticket.setdefault(message.ticket, []).append(message)
    # in the order in which the tickets began: a duplicate refers to the earlier ticket
    pending: dict[str, list[_Message]] = {}
    for number, own in by_ticket.items():
        if _in_order(own) and len(pending) < _TICKETS:
            pending[number] = own
            continue
        _play_at_once(store, rulebook, pending, end)
        pending = {number: own} if _in_order(own) else {}
        if not pending:
            _play_by_arrival(store, rulebook, number, own, end)
    _play_at_once(store, rulebook, pending, end)


def _play_at_once(
    store: Store, rulebook: Rulebook, tickets: Mapping[str, Sequence[_Message]], end: datetime
) -> None:
    bodies = [message.raw for messages in tickets.values() for message in messages]
    with store.writing() as session:
        add_messages(session, _SOURCE, bodies, end)
        advance(session, tickets, rulebook, end, played=True)


def _play_by_arrival(
    store: Store, rulebook: Rulebook, number: str, messages: Sequence[_Message], end: datetime
) -> None:
    with store.writing() as session:
        for message in messages:
            # what is due by then is in the log before the message arrives
            advance(session, [number], rulebook, message.clock, inclusive=False, played=True)
            add_messages(session, _SOURCE, [message.raw], message.clock)
            advance(session, [number], rulebook, message.clock, inclusive=False, played=True)
        advance(session, [number], rulebook, end, played=True)


def _in_order(messages: Sequence[_Message]) -> bool:
    """Whether a ticket's messages came in their order, beginning with the ticket, none twice."""
    if messages[0].raw["type"] != "ticket.received":
        return False
    ids = [m.raw["id"] for m in messages if m.raw.get("id") is not None]
    return all(m.clock == m.at for m in messages) and len(ids) == len(set(ids))


def _refusals(session: Session) -> Iterator[dict[str, Any]]:
    """The events of messages that the rules refused and that are in no ticket's log."""
    for refusal in refusals_outside_logs(session):
        why, missing = readable(refusal.reason["why"]), refusal.reason["missing"]
        yield _refused_event(refusal.ticket, refusal.at, refusal.type, why, missing)
