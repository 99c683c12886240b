"""Messages for the second model, read by nothing but the contract's page on messages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from models.rules.vocabulary import (
    Category,
    Code,
    ContactOutcome,
    ContactPurpose,
    ContactWish,
    Decider,
    Disposal,
    Rating,
    RevisitOutcome,
    WithdrawnTo,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
LISTED = (
    *("result.submitted", "progress.reported", "term.restarted", "unit.urged"),
    "ticket.reassigned",
)
"""Types that may name several tickets (38)."""

YES = ("是", "yes", "true")


def _labels(codes: Iterable[Code]) -> dict[str, str]:
    return {code.value: code.chinese for code in codes if code.chinese}


TABLES = {
    "category": _labels(Category),
    "contact": _labels(ContactWish),
    "purpose": _labels(ContactPurpose),
    "outcome": _labels(ContactOutcome) | _labels(RevisitOutcome),
    "rating": _labels(Rating),
    "to": _labels(WithdrawnTo),
    "by": _labels(Decider),
    "disposal": _labels(Disposal),
}


@dataclass(frozen=True)
class Line:
    """A message read from a file, by nothing but the page on messages."""

    type: str
    ticket: str
    at: datetime
    arrival: int
    raw: Mapping[str, Any]
    unknown: Sequence[str] = ()


def read_lines(objects: Iterable[Mapping[str, Any]]) -> list[Line]:
    """The messages of a file in the order of arrival; one for several tickets is one for each."""
    read: list[Line] = []
    for raw in objects:
        named = raw["ticket"]
        tickets = named if isinstance(named, list) and raw["type"] in LISTED else [named]
        for ticket in tickets:
            read.append(Line(raw["type"], ticket, instant_of(raw["at"]), len(read) + 1, raw))
    return read


def instant_of(text: str) -> datetime:
    """An instant in Asia/Shanghai; one without an offset is of there."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=SHANGHAI) if at.tzinfo is None else at.astimezone(SHANGHAI)


def codes_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The body with codes for labels."""
    body = dict(raw)
    for name, table in TABLES.items():
        codes = {label: code for code, label in table.items()}
        if isinstance(body.get(name), str):
            body[name] = codes.get(body[name], body[name])
    return body


def says_something(value: Any) -> bool:
    """Return whether a part of a paper says something (18, 39)."""
    if isinstance(value, str):
        return value.strip().lower() not in ("", "否", "无", "false")
    if isinstance(value, list | tuple):
        return any(says_something(element) for element in value)
    if isinstance(value, Mapping):
        return any(says_something(element) for element in value.values())
    return bool(value)


def is_yes(value: Any) -> bool:
    """Return whether a yes-or-no field says yes (18, 39)."""
    return value is True or (isinstance(value, str) and value.strip().lower() in YES)


def wish_of(claimant: Any) -> str | None:
    """What the claimant wishes, if it is said."""
    wish: str | None = codes_of(claimant or {}).get("contact")
    return wish
