"""Anchor what moved: each minute in which something did, by whichever worker is first."""

import logging
from datetime import timedelta
from pathlib import Path

from models.anchor_file import AnchorFile
from models.clock import Now, clock_speed, monotonic
from models.database import Store
from models.operations.anchors import make_anchor
from models.operations.outside_anchors import copy_outside
from models.queries.anchors import anchor_due, last_anchor
from models.store_errors import is_transient

log = logging.getLogger("hotline.main")

ANCHOR_INTERVAL = timedelta(minutes=1)
"""Real time between two anchors."""

_LOOK_INTERVAL = 5.0


class Anchoring:
    """Makes an anchor where one is due, and copies the store's anchors to a folder outside of it.

    Every worker copies them, so that each host has its own copy. Where the folder cannot be written
    the log says so, and they are copied once it can.
    """

    def __init__(self, store: Store, now: Now, folder: Path | None) -> None:
        self._store = store
        self._now = now
        self._file = AnchorFile(folder) if folder is not None else None
        self._next = 0.0
        self._copied = 0
        self._failed = False

    def __call__(self) -> None:
        """Make one, if it is time to; where the store is away, try again later."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + _LOOK_INTERVAL
        try:
            self.anchor()
        except Exception as error:
            if not is_transient(error):
                raise

    def anchor(self) -> None:
        """Make an anchor where one is due, and copy those that are not outside yet."""
        interval = ANCHOR_INTERVAL * clock_speed(self._now)
        with self._store.reading() as session:
            due = anchor_due(session, self._now(), interval)
        if due:
            with self._store.writing(skip_queue=True) as session:
                make_anchor(session, self._now())
        if self._file is not None:
            self._copy(self._file)

    def _copy(self, file: AnchorFile) -> None:
        with self._store.reading() as session:
            newest = last_anchor(session)
            if newest is None or newest.number == self._copied:
                return
            try:
                copy_outside(session, file)
            except OSError as error:
                if not self._failed:
                    log.warning("anchors cannot be copied to %s (%s)", file.path, error.strerror)
                self._failed = True
                return
        if self._failed:
            log.warning("anchors are copied to %s again", file.path)
        self._copied, self._failed = newest.number, False
