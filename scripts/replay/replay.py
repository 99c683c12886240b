"""Replay: a file of messages in simulated time, on a throw-away store, by the same operations."""

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
_CHUNK = 500
_BEGINNING = datetime(1970, 1, 1, tzinfo=SHANGHAI)


@dataclass(frozen=True)
class ReplaySetup:
    """What a replay is played under: a policy, units, days, a model if one is given."""

    policy: tuple[str, str]
    units: UnitsFile
    days: dict[date, DeclaredDay] = field(default_factory=dict)
    model: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    raw: dict[str, Any]
    ticket: str
    at: datetime
    clock: datetime


@dataclass(frozen=True)
class ReplayResult:
    """The events of all tickets as the interface has them, ordered by `at`, ticket and `seq`."""

    events: list[dict[str, Any]]
    messages: int
    tickets: int


def replay(feed: Path, scenery: ReplaySetup, until: datetime | None) -> ReplayResult:
    """Play a file to its last message, or to `until`. Raises HotlineError.

    Tickets do not touch one another, so each is carried on by itself: at once where its messages
    came in their order, else from arrival to arrival, as late messages take decisions back.
    """
    with _seldom_collecting():
        return _replay(feed, scenery, until)


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """All that a replay makes it keeps: to look for garbage as often as usual costs a fifth."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _replay(feed: Path, scenery: ReplaySetup, until: datetime | None) -> ReplayResult:
    ahead = load_policy(*scenery.policy).intake.ahead.wall or timedelta()
    lines, refused = _lines(feed, ahead, until)
    # a fixed key: nothing of the throw-away store outlives it, and the same file gives the same log
    with tempfile.TemporaryDirectory(prefix="hotline-replay-") as folder:
        store = Store(f"sqlite:///{folder}/replay.db", Cipher([bytes(32)]), durable=False)
        try:
            upgrade(store)
            end = until or max((line.clock for line in lines), default=None)
            if end is not None:
                rulebook = _set_up(store, scenery, lines)
                _play(store, rulebook, lines, end)
            with store.reading() as session:
                events = [*all_logs(session), *_refused(session), *refused]
        finally:
            store.close()
    tickets = len({e["ticket"] for e in events})
    events.sort(key=lambda e: (e["at"], e["ticket"] or "", e["seq"] or 0))
    return ReplayResult(events, len(lines), tickets)


def _lines(
    feed: Path, ahead: timedelta, until: datetime | None
) -> tuple[list[_Line], list[dict[str, Any]]]:
    """The messages in their order of arrival, each with the replay's clock at that moment."""
    lines: list[_Line] = []
    refused: list[dict[str, Any]] = []
    clock = _BEGINNING
    for row in read_feed(feed, FeedOptions(source=_SOURCE)):
        raw = row.message or {}
        line = Refusal(row.why) if row.why else _line(raw, clock, ahead)
        if isinstance(line, Refusal):
            why = _("line {n}: {why}").format(n=row.line, why=render(line.why))
            refused.append(_without_log(raw.get("ticket"), clock, raw.get("type"), why))
            continue
        if until is not None and line.clock > until:
            continue
        clock = line.clock
        lines.append(line)
    return lines, refused


def _line(raw: dict[str, Any], clock: datetime, ahead: timedelta) -> _Line | Refusal:
    """A message with the replay's clock when it takes effect: its `arrived`, else its `at`."""
    found = read_envelope(raw)
    if isinstance(found, Refusal):
        return found
    # the reader has seen to it that it is an instant with its offset
    arrived = datetime.fromisoformat(raw["arrived"]) if "arrived" in raw else found.at
    clock = max(clock, arrived)
    if found.at > clock + ahead:
        return Refusal(lazy("the time {at} lies in the future", at=found.at.isoformat()))
    return _Line(raw, found.ticket, found.at, max(clock, found.at))


def _without_log(
    ticket: Any, at: datetime, kind: Any, why: str, missing: Sequence[str] = ()
) -> dict[str, Any]:
    """A refusal that no ticket's log could take, as the interface has it."""
    event = {"seq": None, "ticket": ticket, "at": at.astimezone(SHANGHAI).isoformat()}
    event |= {"event": "message.refused", "type": kind, "why": why}
    return event | ({"missing": list(missing)} if missing else {})


def _set_up(store: Store, scenery: ReplaySetup, lines: Sequence[_Line]) -> Rulebook:
    known = Directory(scenery.units.unit)
    named = {name for line in lines for name in _named(line.raw) if known.resolve(name) is None}
    invented = tuple(Unit(name) for name in sorted(named))
    units = UnitsFile(scenery.units.unit + invented, scenery.units.territory)
    with store.writing() as session:
        now = lines[0].clock if lines else _BEGINNING
        add_policy(session, *scenery.policy, now)
        replace_units(session, units)
        declare_days(session, scenery.days, now)
        if scenery.model is not None:
            from models.operations.routing_models import add_model

            add_model(session, scenery.model, "", now)
        return load_rulebook(session)


def _named(raw: dict[str, Any]) -> Iterator[str]:
    units = raw.get("units")
    fields = [raw.get(f) for f in (*UNIT_FIELDS, "suggested_unit")]
    for name in fields + (units if isinstance(units, list) else []):
        if isinstance(name, str) and name.strip() and name != HOTLINE:
            yield name.strip()


def _play(store: Store, rulebook: Rulebook, lines: Sequence[_Line], end: datetime) -> None:
    by_ticket: dict[str, list[_Line]] = {}
    for line in lines:
        by_ticket.setdefault(line.ticket, []).append(line)
    # in the order in which the tickets began: a repeated matter points at the earlier ticket
    pending: dict[str, list[_Line]] = {}
    for number, own in by_ticket.items():
        if _in_order(own) and len(pending) < _CHUNK:
            pending[number] = own
            continue
        _play_at_once(store, rulebook, pending, end)
        pending = {number: own} if _in_order(own) else {}
        if not pending:
            _play_by_arrival(store, rulebook, number, own, end)
    _play_at_once(store, rulebook, pending, end)


def _play_at_once(
    store: Store, rulebook: Rulebook, tickets: Mapping[str, Sequence[_Line]], end: datetime
) -> None:
    with store.writing() as session:
        add_messages(session, _SOURCE, [line.raw for own in tickets.values() for line in own], end)
        advance(session, tickets, rulebook, end, played=True)


def _play_by_arrival(
    store: Store, rulebook: Rulebook, number: str, lines: Sequence[_Line], end: datetime
) -> None:
    with store.writing() as session:
        for line in lines:
            # what time had brought about by then is in the log before the message comes
            advance(session, [number], rulebook, line.clock, inclusive=False, played=True)
            add_messages(session, _SOURCE, [line.raw], line.clock)
            advance(session, [number], rulebook, line.clock, inclusive=False, played=True)
        advance(session, [number], rulebook, end, played=True)


def _in_order(lines: Sequence[_Line]) -> bool:
    if lines[0].raw["type"] != "ticket.received":
        return False
    ids = [line.raw.get("id") for line in lines if line.raw.get("id") is not None]
    return all(line.clock == line.at for line in lines) and len(ids) == len(set(ids))


def _refused(session: Session) -> Iterator[dict[str, Any]]:
    """Refusals that no ticket's log could take."""
    for refusal in refusals_outside_logs(session):
        why = readable(refusal.reason["why"])
        yield _without_log(refusal.ticket, refusal.at, refusal.type, why, refusal.reason["missing"])
