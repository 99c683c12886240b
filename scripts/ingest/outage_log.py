"""Feeding goes on after an outage of the store: what was to be fed is fed again."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from models.i18n import _
from models.store_errors import StoreError, is_transient, outage_reason

log = logging.getLogger("hotline.command")


class OutageLog:
    """Says why the store is away, once for each reason, while whoever feeds tries again."""

    def __init__(self) -> None:
        self._reason = ""

    @contextmanager
    def outlasting(self) -> Iterator[None]:
        """Try once; what the store was away for is tried again later. Raises what does not pass."""
        try:
            yield
        except StoreError as error:
            if not is_transient(error):
                raise
            reason = outage_reason(error)
            if reason != self._reason:
                log.warning(_("waiting for the database: {why}").format(why=reason))
            self._reason = reason
        else:
            self._reason = ""
