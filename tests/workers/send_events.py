"""Send the events of one channel once, as a process that a test kills: STORE KEYS NAME URL."""

import sys
from pathlib import Path

from models.clock import system_clock
from models.database import Store
from models.operations.store_secret import unlock
from models.security.encryption import load_cipher
from tests.workers.event_receiver import SECRET
from workers.events.config import EventsChannelConfig
from workers.events.event_sender import EventSender

if __name__ == "__main__":
    store_url, keys, name, url = sys.argv[1:]
    store = Store(store_url, load_cipher(Path(keys)))
    unlock(store)
    channel = EventsChannelConfig(kind="events", url=url, secret=SECRET, page=3)
    EventSender(name, channel, store, system_clock).send_due()
