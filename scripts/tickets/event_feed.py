"""Print the feed of events, once or as it grows."""

import sys
from threading import Event

from models.database import Store
from models.operations.changes import any_unsettled, hold_positions, settle
from models.queries.event_feed import Cursor, EventFilter, check_cursor, events_after
from scripts.output import print_json

_PAUSE = 0.5
"""Seconds between two looks at the feed."""


def print_events(store: Store, cursor: Cursor, wanted: EventFilter, stop: Event | None) -> None:
    """Print the events after a cursor; with `stop`, go on until it is set.

    Raises InvalidCursor, StoreUnreachable.
    """
    _give_positions(store)
    with store.reading() as session:
        check_cursor(session, cursor)
    while True:
        with store.reading() as session:
            events, after = events_after(session, cursor, wanted)
        for place, event in events:
            print_json({"cursor": str(place), **event})
        sys.stdout.flush()
        if after != cursor:
            cursor = after
            if stop is None or not stop.is_set():
                continue
        if stop is None or stop.wait(_PAUSE):
            return
        _give_positions(store)


def _give_positions(store: Store) -> None:
    """Give what was committed its place in the feed, which a worker does only every minute."""
    with store.reading() as session:
        if not any_unsettled(session):
            return
    with store.writing() as session:
        if hold_positions(session):
            settle(session)
