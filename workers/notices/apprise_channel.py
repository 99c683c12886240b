"""A channel out of the house, by Apprise: mail, chat robots, webhooks, gateways for text messages.

Each has a thread of its own, so that one that hangs holds up nobody else.
"""

import logging
import threading
from collections.abc import Sequence
from queue import SimpleQueue

from workers.notices.apprise_services import make_service
from workers.notices.channels import ChannelConfig

_HEADER = "X-Hotline-Notice-Id"
_WITH_HEADERS = ("json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos")
_LONGEST_ERROR = 200


def send_message(
    channel: ChannelConfig, to: str, message: str, subject: str, text: str
) -> str | None:
    """Send one message and return why it could not be, or None; takes no longer than it must.

    Where the service can carry headers the message's name goes with it in `X-Hotline-Notice-Id`.
    """
    address = channel.address(to, message)
    options = {"cto": channel.timeout, "rto": channel.timeout, "overflow": "split"}
    more = "&".join(f"{k}={v}" for k, v in options.items())
    if address.partition(":")[0].lower() in _WITH_HEADERS:
        more += f"&%2B{_HEADER}={message.replace('+', '%2B')}"
    address += ("&" if "?" in address else "?") + more
    if (way := make_service(address)) is None:
        return "the address does not fit this service"
    with _Heard() as heard:
        sent = way.notify(body=text, title=subject, body_format="text")
    return None if sent else heard.why or "the service did not take the message"


class _Heard(logging.Handler):
    """What Apprise says in this thread while it sends: only warnings, which hold no secrets."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.why = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the first thing that was said."""
        if record.thread == self._thread and not self.why:
            self.why = " ".join(record.getMessage().split())[:_LONGEST_ERROR]

    def __enter__(self) -> "_Heard":
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self)


class RetryQueue:
    """What lies ready for a channel: ids of rows, each at most once."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[list[int] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._lying: set[int] = set()

    def put(self, rows: Sequence[int]) -> None:
        """Lay down rows that do not lie there already."""
        with self._lock:
            new = [row for row in rows if row not in self._lying]
            self._lying.update(new)
        if new:
            self._queue.put(new)

    def take(self) -> list[int] | None:
        """Wait for rows and take them; None where the tray is closed."""
        rows = self._queue.get()
        if rows is not None:
            with self._lock:
                self._lying.difference_update(rows)
        return rows

    def close(self) -> None:
        """Let whoever waits go home."""
        self._queue.put(None)
