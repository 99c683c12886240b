"""The words of the screen for the store's codes.

Where a closed list has labels of its own (`models/rules/vocabulary.py`) they are shown; here are
only the shorter ones, and the words for what no closed list of the rules has.
"""

from collections.abc import Iterable

from models.i18n import LazyText, _, lazy, render
from models.rules.vocabulary import (
    Category,
    ClockName,
    ClockState,
    Code,
    ContactPurpose,
    Emergency,
    EventName,
    Level,
    MessageType,
    NoticeKind,
    NoticeState,
    Rating,
    Recipient,
    Status,
)

BADGES = {"prewarning": lazy("PRE"), "yellow": lazy("YEL"), "red": lazy("RED")}
"""A level in as few cells as can be read without its colour."""

EMERGENCY = lazy("URG")


def _labels(codes: Iterable[Code]) -> dict[str, LazyText]:
    return {code.value: LazyText(code.label) for code in codes}


STATUSES = _labels(Status)
CATEGORIES = _labels(Category)
LEVELS = _labels(Level)
EMERGENCIES = _labels(Emergency)
CLOCKS = _labels(ClockName)
OUTCOMES = _labels(ClockState)
RATINGS = _labels(Rating)
PURPOSES = _labels(ContactPurpose)
ROLES = _labels(Recipient)
KINDS = _labels(NoticeKind)
EVENTS = _labels(EventName)
MESSAGES = _labels(MessageType)
CONTACTS = {
    "running": lazy("to do"),
    "met": lazy("done"),
    "late": lazy("done late"),
    "expired": lazy("missed"),
}
"""How a contact that is owed stands, in the list."""
NOTICES = _labels(NoticeState)
QUEUES = {
    "emergency": lazy("emergency"),
    "intake": lazy("intake"),
    "routing": lazy("routing"),
    "contact": lazy("contact"),
    "callback": lazy("callback"),
    "escalation": lazy("escalation"),
    "delivery": lazy("delivery"),
}
PROCESS_ROLES = {"worker": lazy("worker"), "timekeeper": lazy("timekeeper")}
_CODES = (RATINGS, STATUSES, CATEGORIES, LEVELS, CLOCKS, OUTCOMES, ROLES, EMERGENCIES)
_BY_FIELD = {
    "kind": KINDS,
    "purpose": PURPOSES,
    "of": PURPOSES,
    "clock": CLOCKS,
    "role": ROLES,
    "queue": QUEUES,
}
"""Fields whose codes mean something else elsewhere: `dispatched` is a status and a notice."""


def word(table: dict[str, LazyText], code: str | None) -> str:
    """The word for a code; a code that nobody has a word for is shown as it is."""
    if not code:
        return ""
    label = table.get(code)
    return render(label) if label is not None else _(code)


def value(code: object, field: str = "") -> str:
    """A value of an event in words, as far as there are some; `field` is where it stands."""
    if isinstance(code, str):
        for table in (_BY_FIELD.get(field, {}), *_CODES):
            if code in table:
                return render(table[code])
    return str(code)
