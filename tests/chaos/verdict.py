"""Compares a store after faults with the reference."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import func, select

from models.database import Session, Store
from models.queries.verification import verify
from models.rules.lifecycle.difference import SHIFTING_FIELDS
from models.rules.state import read_state
from models.rules.vocabulary import EventName, Level
from models.security.chain import first_link
from models.tables.core import BELL, CLOCK, EVENT, INBOX, NOTICE, TICKET
from models.tables.inbox import REFUSED, WAITING
from tests.chaos.known_feed import FeedLine

Facts = Counter[tuple[Any, ...]]

_OVERTAKEN = ("contact_reminder", "withdrawn", "duties_changed")
_WITHDRAWALS = (EventName.ALERT_WITHDRAWN, EventName.DECISION_WITHDRAWN)


@dataclass
class Verdict:
    """The differences: what was lost, what happened twice, and what else differs.

    `out_of_order` counts tickets of which a message came so late that it would have undone what
    people did since, or taken back an answer: it was refused, and they are not those of the
    reference any more. Each must say so; their logs are checked by themselves.
    """

    messages: int
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    notices: int = 0
    sent_again: int = 0
    out_of_order: int = 0
    events: int = 0
    events_again: int = 0

    @property
    def good(self) -> bool:
        """Return whether there are none."""
        return not (self.lost or self.twice or self.different)


def compare_with_reference(
    store: Store, reference: Store, lines: Sequence[FeedLine], letters: Path
) -> Verdict:
    """Compare a store after faults, and the notices that it sent, with the reference."""
    verdict = Verdict(len({line.body["id"] for line in lines}))
    poisoned = {line.body["id"] for line in lines if line.poison}
    with store.reading() as session, reference.reading() as other:
        _inbox(session, lines, poisoned, verdict)
        out_of_order = _out_of_order(session)
        verdict.out_of_order = len(out_of_order)
        _refused(session, other, poisoned, out_of_order, verdict)
        real, wanted = _lives(session), _lives(other)
        _notices(session, letters, verdict)
        early = _given_up(session)
        for number in sorted((wanted.keys() | real.keys()) - out_of_order):
            _compare(number, real.get(number), wanted.get(number), early, verdict)
        for number in real:
            _chain(session, number, verdict)
    _verified(store, {line.body["ticket"] for line in lines if line.poison}, verdict)
    return verdict


def _verified(store: Store, damaged: set[str], verdict: Verdict) -> None:
    """The verification tells of every ticket whose letters were damaged, and of no other."""
    findings = verify(store).findings
    verdict.different += (
        f"{f.place}: {f.why.text}" for f in findings if (f.ticket or str(f.place)) not in damaged
    )
    reported = {f.ticket or str(f.place) for f in findings}
    verdict.different += (
        f"{number}: was damaged, and nothing says so" for number in sorted(damaged - reported)
    )


def is_quiet(session: Session) -> bool:
    """Return whether no message waits, no notice is queued and no bell is due."""
    left = (
        select(func.count()).select_from(INBOX).where(INBOX.c.state == WAITING),
        select(func.count()).select_from(NOTICE).where(NOTICE.c.state == "queued"),
        select(func.count()).select_from(BELL),
    )
    return not any(session.scalar(count) for count in left)


@dataclass
class _TicketFacts:
    """One ticket: its row, its clocks, and what stands in its log, apart from notices.

    `refolded`: a late message had it folded again; `withdrew`: that withdrew events.
    """

    row: dict[str, Any]
    clocks: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    events: Facts = field(default_factory=Counter)
    notices: Facts = field(default_factory=Counter)
    raised: list[tuple[int, str, datetime]] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    withdrew: bool = False
    refolded: bool = False


def _lives(session: Session) -> dict[str, _TicketFacts]:
    lives: dict[int, _TicketFacts] = {}
    for row in session.execute(select(TICKET)):
        kept = ("number", "status", "category", "emergency", "unit", "level", "level_at", "due",
                "provisional", "received_at", "completed_at", "title")  # fmt: skip
        refolded = read_state(row.number, row.state).folds > 0
        lives[row.id] = _TicketFacts({name: getattr(row, name) for name in kept}, refolded=refolded)
    for row in session.execute(select(CLOCK)):
        clock = (row.base, row.due, row.holder, row.state, row.ended_at, row.provisional)
        lives[row.ticket_id].clocks[f"{row.key} {row.ordinal}"] = clock
    names = {row.id: row.message_id for row in session.execute(select(INBOX))}
    by_ticket: dict[int, list[Any]] = {}
    for row in session.execute(select(EVENT).order_by(EVENT.c.ticket_id, EVENT.c.seq)):
        by_ticket.setdefault(row.ticket_id, []).append(row)
    for ticket_id, rows in by_ticket.items():
        _read_log(lives[ticket_id], rows, names)
    return {life.row["number"]: life for life in lives.values()}


def _read_log(life: _TicketFacts, rows: Sequence[Any], names: Mapping[int, str]) -> None:
    gone = {row.data["of"] for row in rows if row.name in _WITHDRAWALS}
    life.withdrew = any(row.name in _WITHDRAWALS for row in rows)
    for row in rows:
        life.seqs.append(row.seq)
        fact = (row.name, row.moment.astimezone(UTC), names.get(row.cause), _comparable(row.data))
        if row.name == "notice.queued":
            life.notices[fact] += 1
        elif row.seq not in gone and _compared(row.name):
            life.events[fact] += 1
            if row.name == "alert.raised":
                life.raised.append((row.data["run"], row.data["level"], row.moment))


def _compared(name: str) -> bool:
    """Return whether an event is compared here: not clocks, withdrawals and sending."""
    passing = (*_WITHDRAWALS, "notice.sent", "notice.failed", "notice.dropped")
    return name not in passing and (not name.startswith("clock.") or name == "clock.expired")


def _comparable(data: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(
        {k: v for k, v in data.items() if k not in SHIFTING_FIELDS}, order="sorted"
    )


def _inbox(
    session: Session, lines: Sequence[FeedLine], poisoned: set[str], verdict: Verdict
) -> None:
    rows = session.execute(select(INBOX.c.message_id, INBOX.c.state, INBOX.c.id)).all()
    known = Counter(row.message_id for row in rows)
    verdict.twice += [f"inbox {name}" for name, count in known.items() if count > 1]
    verdict.lost += [
        f"message {name}" for name in {line.body["id"] for line in lines} - known.keys()
    ]
    verdict.lost += [f"waiting {row.message_id}" for row in rows if row.state == WAITING]
    verdict.different += [
        f"poisonous message {row.message_id} is {row.state}"
        for row in rows
        if row.message_id in poisoned and row.state != REFUSED
    ]


def _out_of_order(session: Session) -> set[str]:
    """Return the tickets of which a late message was refused for what it would have undone."""
    return set(session.scalars(select(INBOX.c.ticket).where(INBOX.c.conflicting)))


def _refused(
    session: Session,
    other: Session,
    poisoned: set[str],
    out_of_order: set[str],
    verdict: Verdict,
) -> None:
    """The same messages are refused in both, whatever the reason."""
    refused = select(INBOX.c.message_id, INBOX.c.reason).where(
        INBOX.c.state == REFUSED, INBOX.c.ticket.not_in(out_of_order)
    )
    real = {row.message_id: row.reason for row in session.execute(refused)}
    wanted = {row.message_id for row in other.execute(refused)} | poisoned
    verdict.different += [f"refused {name}: {real[name]}" for name in sorted(real.keys() - wanted)]
    verdict.different += [f"not refused {name}" for name in sorted(wanted - real.keys() - poisoned)]


def _given_up(session: Session) -> set[str]:
    """Messages whose ticket came so late that it was no longer waited for: refused, without a log.

    Their feeder stood still between them and the receipt for longer than the policy waits.
    """
    refused = select(INBOX.c.message_id, INBOX.c.reason).where(INBOX.c.state == REFUSED)
    return {
        row.message_id
        for row in session.execute(refused)
        if row.reason["why"]["text"].startswith("ticket {ticket} was never received")
    }


def _compare(
    number: str,
    real: _TicketFacts | None,
    wanted: _TicketFacts | None,
    early: Set[str],
    verdict: Verdict,
) -> None:
    if wanted is None:
        verdict.different.append(f"{number}: a ticket that should not be")
        return
    if real is None:
        verdict.lost.append(f"{number}: the whole ticket")
        return
    for what in ("row", "clocks"):
        mine, yours = getattr(real, what), getattr(wanted, what)
        verdict.different += [
            f"{number} {what} {key}: {mine.get(key)} instead of {yours.get(key)}"
            for key in mine.keys() | yours.keys()
            # A clock that ran only before events were withdrawn does not count.
            if mine.get(key) != yours.get(key) and not _undone(mine.get(key), real)
        ]
    if real.seqs != list(range(1, len(real.seqs) + 1)):
        verdict.different.append(f"{number}: a gap in the log")
    verdict.lost += [
        f"{number} {_fact(f)}"
        for f in (wanted.events - real.events).elements()
        if not (f[0] == "message.refused" and f[2] in early)
    ]
    verdict.twice += [f"{number} {_fact(f)}" for f in (real.events - wanted.events).elements()]
    missing = (wanted.notices - real.notices).elements()
    verdict.lost += [
        f"{number} {_fact(f)}" for f in missing if json.loads(f[3])["kind"] not in tuple(Level)
    ]
    if not real.withdrew:
        more = (real.notices - wanted.notices).elements()
        verdict.twice += [f"{number} {_fact(f)}" for f in more if not _overtaken(f, real)]
    verdict.lost += [f"{number}: no notice of {level}" for level in _unannounced(real)]


def _overtaken(notice: tuple[Any, ...], life: _TicketFacts) -> bool:
    """Return whether a notice, sent once, told what held before a late message arrived.

    A reminder to call, before that of the call; to a party of a dispute or the desk that the ticket
    was withdrawn, before that of the decision which had ended their duties.
    """
    can_be = life.notices[notice] == 1 and json.loads(notice[3])["kind"] in _OVERTAKEN
    return life.refolded and can_be


def _undone(clock: Any, life: _TicketFacts) -> bool:
    return life.withdrew and isinstance(clock, tuple) and clock[2] == "cancelled"


def _unannounced(life: _TicketFacts) -> Iterator[str]:
    """The highest level of each run without a notice, where one was due."""
    announced = {(json.loads(f[3])["kind"], f[1]) for f in life.notices}
    highest: dict[int, tuple[str, datetime]] = {}
    for run, level, moment in life.raised:
        highest[run] = (level, moment)
    for level, moment in highest.values():
        if level != Level.PREWARNING and (level, moment.astimezone(UTC)) not in announced:
            yield level


def _fact(fact: tuple[Any, ...]) -> str:
    name, moment, cause, data = fact
    return f"{name} {moment.isoformat()} {cause or ''} {data.decode()}"


def _notices(session: Session, letters: Path, verdict: Verdict) -> None:
    """Each queued notice is one row, sent or dropped once by the log, and in the file if sent."""
    queued: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    dropped: set[str] = set()
    for row in session.execute(
        select(TICKET.c.number, EVENT.c.seq, EVENT.c.name, EVENT.c.data)
        .join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
        .where(EVENT.c.name.in_(("notice.queued", "notice.sent", "notice.dropped")))
    ):
        if row.name == "notice.queued":
            queued[f"{row.number}-{row.seq}"] += 1
        else:
            name = f"{row.number}-{row.data['of']}"
            sent[name] += 1
            if row.name == "notice.dropped":
                dropped.add(name)
    rows = Counter(
        f"{row.number}-{row.seq}"
        for row in session.execute(
            select(TICKET.c.number, NOTICE.c.seq)
            .join(TICKET, TICKET.c.id == NOTICE.c.ticket_id)
            .where(NOTICE.c.state.in_(("sent", "dropped")))
        )
    )
    write_feed = Counter(
        json.loads(line)["id"] for line in letters.read_text(encoding="utf-8").splitlines()
    )
    verdict.notices = len(queued)
    verdict.sent_again = sum(write_feed.values()) - len(write_feed)
    for what, counted in (("sent", sent), ("row", rows)):
        verdict.lost += [f"notice {name}: no {what}" for name in (queued - counted).elements()]
        verdict.twice += [f"notice {name}: {what}" for name in (counted - queued).elements()]
    verdict.lost += [f"letter {name}" for name in queued.keys() - write_feed.keys() - dropped]
    verdict.twice += [f"letter {name}: never queued" for name in write_feed.keys() - queued.keys()]


def _chain(session: Session, number: str, verdict: Verdict) -> None:
    """Each line's hash covers it and the line before, and the ticket's row has the last."""
    ticket = session.execute(select(TICKET).where(TICKET.c.number == number)).one()
    log = select(EVENT).where(EVENT.c.ticket_id == ticket.id).order_by(EVENT.c.seq)
    chain = first_link(number)
    for row in session.execute(log):
        line = (row.seq, row.name, row.at.astimezone(UTC), row.moment.astimezone(UTC), row.cause)
        secret = b""
        if row.private is not None:
            texts = msgspec.json.encode(session.decrypt(EVENT.c.private, row, number))
            secret = session.cipher.commitment(texts)[:16]
        data = msgspec.json.encode(row.data, order="sorted")
        chain = session.cipher.chain_hash(chain + msgspec.json.encode(line) + data + secret)[:16]
        if row.hash != chain:
            verdict.different.append(f"{number}: the chain of the log breaks at {row.seq}")
            return
    if (ticket.hash, ticket.seq) != (chain, row.seq):
        verdict.different.append(f"{number}: the log does not end where its ticket says")
