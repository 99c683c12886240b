"""A channel of events in a test: its receiver, its clock, and tickets whose logs it sends."""

from itertools import count
from typing import Any

from models.database import Store
from models.queries.event_channels import EventChannelStatus, event_channels
from tests.store.factories import advance_tickets, at, feed, letter, log_of, message
from tests.workers.dispatching import ManualClock
from tests.workers.event_receiver import SECRET, EventReceiver
from workers.events.config import EventsChannelConfig
from workers.events.event_sender import EventSender

NOW = at("2026-11-20T09:00")
TEXT = "联系13912345678再说"
_names = (f"city{n}" for n in count())


class SentChannel:
    """A new channel from the present of a store on, with its receiver and clock."""

    def __init__(self, store: Store, receiver: EventReceiver, **more: Any) -> None:
        self.store, self.receiver, self.clock = store, receiver, ManualClock(NOW)
        self.name = next(_names)
        self._more = {"secret": SECRET, "start": "now", "timeout": 5} | more
        self.sender().send_due()

    def sender(self, **more: Any) -> EventSender:
        """A sender as a worker has one."""
        values: Any = {"kind": "events", "url": self.receiver.url} | self._more | more
        channel = EventsChannelConfig(**values)
        return EventSender(self.name, channel, self.store, self.clock)

    def status(self) -> EventChannelStatus:
        """The state of the channel."""
        with self.store.reading() as session:
            return next(s for s in event_channels(session) if s.name == self.name)


_tickets = (f"E{n}" for n in count(1))


Content = tuple[str, dict[str, Any]]
"""The type of a message, and its fields."""

ACCEPTED: Content = ("unit.accepted", {})
SUPPLEMENTED: Content = ("claimant.supplemented", {"text": TEXT})


def live(store: Store, *then: Content, **fields: Any) -> str:
    """Receive a ticket, let these messages of it come, and return its number."""
    number = next(_tickets)
    feed(store, [letter(number, "2026-11-20T08:00", **fields)], NOW)
    advance_tickets(store, [number], NOW)
    for minute, (kind, more) in enumerate(then, 10):
        feed(store, [message(number, kind, f"2026-11-20T08:{minute}", **more)], NOW)
        advance_tickets(store, [number], NOW)
    return number


def lines(store: Store, ticket: str) -> list[int]:
    return [row.seq for row in log_of(store, ticket)]
