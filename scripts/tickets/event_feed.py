"""Print the feed of events, once or as it grows."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event

from models.clock import Now
from models.database import Session, Store
from models.operations.access import record_reveal
from models.operations.changes import settle_waiting
from models.queries.event_feed import (
    Cursor,
    EventFilter,
    EventPage,
    PageLimits,
    check_cursor,
    read_page,
)
from models.security.roles import Actor
from scripts.output import print_json

_PAUSE = 0.5
"""Seconds between two looks at the feed."""


@dataclass(frozen=True)
class Reveal:
    """Somebody who is to see what people wrote in clear, and why."""

    actor: Actor
    reason: str
    now: Now

    def record(self, session: Session, page: EventPage) -> None:
        """Note in the access log whose texts a page has. Raises TooMuchRevealed, ReasonMissing."""
        for ticket in dict.fromkeys(e.event["ticket"] for e in page.events if e.has_texts):
            record_reveal(session, self.actor, ticket, ["log"], self.now(), self.reason)


def print_events(
    store: Store,
    cursor: Cursor,
    wanted: EventFilter,
    stop: Event | None,
    reveal: Reveal | None = None,
) -> None:
    """Print the events after a cursor, redacted but for `reveal`; with `stop` until it is set.

    Raises InvalidCursor, StoreUnreachable; with `reveal` also what its record raises.
    """
    settle_waiting(store)
    with store.reading() as session:
        check_cursor(session, cursor)
    limits = PageLimits()
    while True:
        with ExitStack() as stack:
            opened = store.writing() if reveal is not None else store.reading()
            session = stack.enter_context(opened)
            page = read_page(session, cursor, wanted, limits, in_clear=reveal is not None)
            if reveal is not None:
                reveal.record(session, page)
        # what is shown in clear is committed to the access log by now
        for event in page.events:
            print_json(event.event)
        sys.stdout.flush()
        if page.end != cursor:
            cursor = page.end
            if stop is None or not stop.is_set():
                continue
        if stop is None or stop.wait(_PAUSE):
            return
        settle_waiting(store)
