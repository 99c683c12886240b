"""A notice dispatcher in a test: a clock set by hand, a channels file, and notices to send."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from models.database import Store
from models.operations.bells import claim_due
from models.operations.notices.outgoing import OutgoingNotice
from models.rules.events import NoticeQueued
from models.rules.queues import DELIVERY
from models.rules.vocabulary import Level, NoticeKind, Recipient
from models.tables.core import EVENT, NOTICE, TICKET
from tests.store.factories import advance_tickets, at, feed, letter
from workers.notices.channels import load_channels
from workers.notices.dispatcher import NoticeDispatcher

PATIENCE = timedelta(seconds=31, microseconds=7)
"""The time after which a row is rung for again; nothing else is postponed by this span."""

UNIT = "城市管理和综合执法局"
RECEIVED, YELLOW = "2026-03-02T09:00", "2026-03-13T08:30"
"""A complaint received then, and accepted by nobody, turns yellow at this moment."""


@dataclass
class ManualClock:
    """A clock that is set by hand."""

    present: datetime

    def __call__(self) -> datetime:
        """The present."""
        return self.present

    def pass_by(self, span: timedelta) -> None:
        """Let time pass."""
        self.present += span


def channels_file(folder: Path, text: str) -> Path:
    """Write a channels file as an administrator would, and return its path."""
    path = folder / "channels.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def outgoing_notice(number: int = 1, **changes: Any) -> OutgoingNotice:
    """Return a yellow card of the ticket `T{number}` for the deputy leader of its unit."""
    moment = at("2026-10-15T08:30")
    usual = OutgoingNotice(
        row=number,
        ticket_id=number,
        event_seq=1,
        id=f"T{number}-1",
        ticket=f"T{number}",
        title="水管爆裂",
        kind=NoticeKind.YELLOW,
        role=Recipient.DEPUTY_LEADER,
        recipient=f"{UNIT}/deputy_leader",
        unit=UNIT,
        emergency=False,
        event=NoticeQueued(
            kind=NoticeKind.YELLOW, role=Recipient.DEPUTY_LEADER, unit=UNIT, level=Level.YELLOW
        ),
        due=moment,
        queued_at=moment,
        ring_at=moment,
    )
    return replace(usual, **changes)


@contextmanager
def notice_dispatcher(
    store: Store, clock: ManualClock, folder: Path, text: str
) -> Iterator[NoticeDispatcher]:
    """Run a dispatcher under this channels file."""
    channels = load_channels(channels_file(folder, text))
    dispatcher = NoticeDispatcher(store, clock, folder, channels, "zh")
    try:
        yield dispatcher
    finally:
        dispatcher.close()


def ring(store: Store, clock: ManualClock, dispatcher: NoticeDispatcher) -> int:
    """Do what timekeeper and worker do at this moment; returns how many notices were rung for."""
    with store.writing() as session:
        due = claim_due(session, clock(), clock() + PATIENCE, {DELIVERY: 5000})
    rows = due.ids.get(DELIVERY, [])
    dispatcher.send(dispatcher.route(rows))
    return len(rows)


def is_idle(store: Store, clock: ManualClock) -> bool:
    """Return whether nothing is being sent and every notice rung for is sent or postponed."""
    rung = clock() + PATIENCE
    return all(
        n.state != "queued" or (n.held_until is None and n.ring_at != rung) for n in notices(store)
    )


def yellow_cards(store: Store, count: int, first: int = 0, **more: Any) -> None:
    """Make so many tickets of one unit, and let them turn yellow at the same moment."""
    numbers = [f"Y{n:03}" for n in range(first, first + count)]
    letters = [letter(n, RECEIVED, content=f"{n}号路灯坏了三天。", **more) for n in numbers]
    feed(store, letters, at(RECEIVED))
    advance_tickets(store, numbers, at(YELLOW))


def notices(store: Store, *kinds: str) -> list[Any]:
    """Return the notices of these kinds, or all, in order."""
    with store.reading() as session:
        rows = session.execute(select(NOTICE).order_by(NOTICE.c.id)).all()
    return [row for row in rows if not kinds or row.kind in kinds]


def events_named(store: Store, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the events of this name, each with its ticket."""
    events = select(TICKET.c.number, EVENT.c.data).join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
    with store.reading() as session:
        rows = session.execute(events.where(EVENT.c.name == name).order_by(EVENT.c.at)).all()
    return [(row.number, row.data) for row in rows]
