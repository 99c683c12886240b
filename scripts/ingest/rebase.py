"""Play an old feed as if it had begun on another day: shift all instants by whole days."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from models.rules.calendar import SHANGHAI
from scripts.ingest.mapping import INSTANTS
from scripts.ingest.records import FeedRecord


def rebase(read_again: Callable[[], Iterable[FeedRecord]], start: date) -> Iterator[FeedRecord]:
    """The records with the earliest `at` on the day `start` (+08:00), each at its time of day.

    `read_again` begins the same records anew: they are read twice, the first time for the earliest
    instant, because feeds are rarely in order and may not fit into memory.
    """
    instants = (at for r in read_again() if (at := _instant(r.message, "at")) is not None)
    first = min(instants, default=None)
    days = timedelta() if first is None else start - first.astimezone(SHANGHAI).date()
    for record in read_again():
        if record.message is None:
            yield record
        else:
            later = tuple(_shifted(message, days) for message in record.later)
            yield replace(record, message=_shifted(record.message, days), later=later)


def _shifted(message: dict[str, Any], days: timedelta) -> dict[str, Any]:
    shifted = dict(message)
    for field in INSTANTS:
        at = _instant(message, field)
        if at is not None:
            shifted[field] = (at + days).isoformat()
    return shifted


def _instant(message: dict[str, Any] | None, field: str) -> datetime | None:
    text = message.get(field) if message else None
    return datetime.fromisoformat(text) if isinstance(text, str) else None
