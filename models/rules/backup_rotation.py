"""Which backups are kept: the newest of each of the last hours, days and months."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from models.rules.calendar import SHANGHAI

_SPANS = {"hourly": "%Y-%m-%d %H", "daily": "%Y-%m-%d", "monthly": "%Y-%m"}


class Rotation(NamedTuple):
    """The numbers of hours, days and months of Asia/Shanghai that keep their newest backup.

    Only those count in which one was made, so that a pause takes nothing away.
    """

    hourly: int = 24
    daily: int = 14
    monthly: int = 12


def kept_backups(made_at: Iterable[datetime], rotation: Rotation) -> set[datetime]:
    """Return which of the backups, given by when they were made, are to be kept."""
    newest_first = sorted(made_at, reverse=True)
    kept = set[datetime]()
    for name, span in _SPANS.items():
        newest = dict[str, datetime]()
        for at in newest_first:
            newest.setdefault(at.astimezone(SHANGHAI).strftime(span), at)
        kept.update(list(newest.values())[: getattr(rotation, name)])
    return kept
