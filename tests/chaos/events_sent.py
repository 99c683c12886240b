"""A channel of events under faults, and whether its receiver has every line once and in order."""

import random
from pathlib import Path

from sqlalchemy import select

from models.database import Session, Store
from models.operations.changes import any_unsettled
from models.queries.event_channels import event_channels
from models.tables.core import EVENT, TICKET
from tests.chaos.verdict import Verdict
from tests.workers.dispatching import channels_file
from tests.workers.event_receiver import SECRET, EventReceiver

_LOST = 0.1
"""The share of answers that are lost."""


def add_event_channel(home: Path, receiver: EventReceiver, rng: random.Random) -> None:
    """Let the service that has this home send its events, few at a time."""
    receiver.loses_answer = lambda: rng.random() < _LOST
    text = f'[channel.city]\nkind = "events"\nurl = "{receiver.url}"\nsecret = "{SECRET}"\n'
    channels_file(home, text + "page = 40\n")


def all_sent(session: Session) -> bool:
    """Return whether the channel has come to the end of the feed."""
    waiting = [channel.waits for channel in event_channels(session)]
    return bool(waiting) and not any(waiting) and not any_unsettled(session)


def compare_events(store: Store, receiver: EventReceiver, verdict: Verdict) -> None:
    """Add to the verdict what the receiver lacks, what it has twice, and what came out of order."""
    with store.reading() as session:
        rows = session.execute(
            select(TICKET.c.number, EVENT.c.seq)
            .join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
            .order_by(TICKET.c.number, EVENT.c.seq)
        ).all()
    logs: dict[str, list[int]] = {}
    for number, seq in rows:
        logs.setdefault(number, []).append(seq)
    sent: dict[str, list[int]] = {number: [] for number in logs}
    for event in receiver.events:
        sent.setdefault(event["ticket"], []).append(event["seq"])
    for number, lines in sent.items():
        wanted = logs.get(number, [])
        verdict.lost += [f"event {number}-{seq} sent" for seq in sorted(set(wanted) - set(lines))]
        if len(lines) != len(set(lines)):
            verdict.twice.append(f"event {number}: {lines}")
        if lines != sorted(lines):
            verdict.different.append(f"{number}: events came out of order: {lines}")
    verdict.events = len(receiver.events)
    verdict.events_again = len(receiver.repeated)
