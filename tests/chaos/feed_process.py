"""Feeds the known feed in a process of its own: each message at the time of its arrival.

It keeps no state: restarted, it begins from the beginning, and known messages are duplicates.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import update

from models.clock import Now, parse_clock
from models.database import Store
from models.operations.inbox import add_messages
from models.security.encryption import Encrypted
from models.settings import load_settings
from models.store_errors import is_transient
from models.tables.core import INBOX
from scripts.bootstrap import open_store
from tests.chaos.known_feed import FeedLine, read

SOURCE = "messages"
_AT_ONCE = 40
_LOOK_EVERY = 0.02


def run(store: Store, lines: Sequence[FeedLine], now: Now) -> None:
    """Put all lines into the inbox, none before it arrives; waits while the store is away."""
    for batch in _batches(lines):
        while now() < batch[-1].arrives:
            time.sleep(_LOOK_EVERY)
        while not _stored(store, batch, now):
            time.sleep(0.2)


def _batches(lines: Sequence[FeedLine]) -> list[Sequence[FeedLine]]:
    """The lines in batches; damaged letters are in one batch with those that arrive with them."""
    batches: list[list[FeedLine]] = [[]]
    for line in lines:
        last = batches[-1]
        if len(last) >= _AT_ONCE and last[-1].arrives != line.arrives:
            batches.append([])
        batches[-1].append(line)
    return [batch for batch in batches if batch]


def _stored(store: Store, batch: Sequence[FeedLine], now: Now) -> bool:
    spoilt = [line.body["id"] for line in batch if line.poison]
    try:
        with store.writing() as session:
            add_messages(session, SOURCE, [line.body for line in batch], now())
            poisonous = INBOX.c.message_id.in_(spoilt) & (INBOX.c.state == "waiting")
            session.execute(update(INBOX).where(poisonous).values(body=Encrypted(b"\x00spoilt")))
    except Exception as error:
        if not is_transient(error):
            raise
        return False
    return True


if __name__ == "__main__":
    run(open_store(load_settings()), read(Path(sys.argv[1])), parse_clock(sys.argv[2]))
