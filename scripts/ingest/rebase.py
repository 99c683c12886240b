"""An old feed as if it had begun on another day: every moment moved by the same whole days."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from models.rules.calendar import SHANGHAI
from scripts.ingest.mapping import INSTANTS
from scripts.ingest.records import FeedRecord


def rebase(again: Callable[[], Iterable[FeedRecord]], start: date) -> Iterator[FeedRecord]:
    """The rows with the earliest `at` on the day `start` (+08:00), each at its time of day.

    `again` begins the same rows anew: they are read twice, once for the earliest, because feeds
    are rarely in order and may be larger than the memory.
    """
    moments = (at for row in again() if (at := _instant(row.message, "at")) is not None)
    first = min(moments, default=None)
    days = timedelta() if first is None else start - first.astimezone(SHANGHAI).date()
    for row in again():
        if row.message is None:
            yield row
        else:
            later = tuple(_moved(message, days) for message in row.later)
            yield replace(row, message=_moved(row.message, days), later=later)


def _moved(message: dict[str, Any], days: timedelta) -> dict[str, Any]:
    moved = dict(message)
    for field in INSTANTS:
        moment = _instant(message, field)
        if moment is not None:
            moved[field] = (moment + days).isoformat()
    return moved


def _instant(message: dict[str, Any] | None, field: str) -> datetime | None:
    given = message.get(field) if message else None
    return datetime.fromisoformat(given) if isinstance(given, str) else None
