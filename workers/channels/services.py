"""Apprise's services, made from addresses without a word: an address may hold a password."""

import logging
import threading
from typing import Any

_making = threading.local()


def _outside_of_making(_record: logging.LogRecord) -> bool:
    return not getattr(_making, "now", False)


# what it cannot read it would log, whole
logging.getLogger("apprise").addFilter(_outside_of_making)


def service(address: str) -> Any:
    """The service that an address names, or None where there is none."""
    # Apprise loads a hundred services; without a channels file nobody waits for it
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415

    asset = AppriseAsset(async_mode=False, app_id="hotline", app_desc="12345", app_url="")
    _making.now = True
    try:
        return Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    finally:
        _making.now = False
