"""The heartbeat of a process: its row in the store, renewed every few seconds."""

import logging
import os
import socket
from datetime import timedelta

from models.clock import monotonic
from models.database import Store
from models.operations.processes import remove_process, report_process
from models.schema import WrongSchema
from models.shared_clock import store_clock
from models.store_errors import is_transient, outage_reason

log = logging.getLogger("hotline.main")

HEARTBEAT_INTERVAL = 2.0
"""Real seconds between two reports that a process is there."""


class Heartbeat:
    """Reports to the store that this process is there, and what it does.

    A timekeeper also reports its `patience`: after how long it rings again, in real time.
    """

    def __init__(self, store: Store, role: str, patience: timedelta | None = None) -> None:
        self._store = store
        # by the system's time also in a demo: it tells who is alive
        self._now = store_clock(store)
        self.name = f"{role}@{socket.gethostname()}:{os.getpid()}"
        self._role = role
        self._patience_ms = None if patience is None else round(patience.total_seconds() * 1000)
        self._started_at = self._now()
        self._next = 0.0

    def __call__(
        self, doing: str = "", lateness: float = 0.0, done: int = 0, failed: int = 0
    ) -> None:
        """Report, if it is time to; where the store is away, the next heartbeat tells.

        `lateness` is in real seconds.
        """
        if monotonic() < self._next:
            return
        self._next = monotonic() + HEARTBEAT_INTERVAL
        try:
            with self._store.writing(skip_queue=True, is_report=True) as session:
                report_process(
                    session,
                    self._now(),
                    name=self.name,
                    role=self._role,
                    started_at=self._started_at,
                    doing=doing,
                    lateness_ms=round(lateness * 1000),
                    done=done,
                    failed=failed,
                    patience_ms=self._patience_ms,
                )
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("the store cannot be reached: %s", outage_reason(error))

    def sign_off(self) -> None:
        """Remove the row of this process, since it ends in order.

        Where the store is away, or of another schema, the row stays, and is taken for dead as it is
        not renewed.
        """
        try:
            with self._store.writing(skip_queue=True) as session:
                remove_process(session, self.name, self._now())
        except Exception as error:
            if not is_transient(error) and not isinstance(error, WrongSchema):
                raise
            log.warning("the store cannot be reached: %s", outage_reason(error))
