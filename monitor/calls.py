"""The results that a call can have, each a message, and the time at which it was made."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from models.i18n import LazyText, lazy
from models.queries.owed_calls import DISSATISFIED
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import (
    ClockName,
    ContactMethod,
    ContactOutcome,
    ContactPurpose,
    MessageType,
    Rating,
    RevisitOutcome,
    label,
)

_TIME = re.compile(r"(?:(\d{1,2})-(\d{1,2})\s+)?(\d{1,2})[:：](\d{2})")
UNIT_CALLS = (ClockName.FIRST_CONTACT, ClockName.CLOSING_CONTACT)
"""The calls that a unit owes; the others are the hotline's own (Regulation 4.4, 4.5)."""

_PURPOSES: dict[str, ContactPurpose] = {
    ClockName.FIRST_CONTACT: ContactPurpose.FIRST,
    ClockName.CLOSING_CONTACT: ContactPurpose.CLOSING,
    ClockName.SURVEY: ContactPurpose.SURVEY,
    DISSATISFIED: ContactPurpose.REVISIT,
}
"""The purpose of a call, by the kind of owed calls."""

_NOT_REACHED = tuple(
    outcome
    for outcome in ContactOutcome
    if outcome not in (ContactOutcome.REACHED, ContactOutcome.CONFIRMED)
)


@dataclass(frozen=True, slots=True)
class CallResult:
    """A result of a call: the message that records it, without its note.

    `note` is the field of the message that takes the operator's note; empty where it has none.
    """

    label: LazyText
    type: MessageType
    fields: dict[str, str] = field(default_factory=dict)
    note: str = ""


def call_results(kind: str) -> list[CallResult]:
    """List the results of a call of one of the kinds of owed calls, in the order of their digits.

    There are none where nobody is to be called.
    """
    if (purpose := _PURPOSES.get(kind)) is None:
        return []
    not_reached = [_contact(purpose, outcome) for outcome in _NOT_REACHED]
    match purpose:
        case ContactPurpose.SURVEY:
            return [*_ratings(), *not_reached]
        case ContactPurpose.REVISIT:
            return [*_revisits(), *not_reached]
    return [_contact(purpose, ContactOutcome.REACHED), *not_reached]


def call_purpose(kind: str) -> str:
    """Return the word for what a call of this kind of owed calls is for."""
    return label(ContactPurpose, _PURPOSES.get(kind))


def _contact(purpose: ContactPurpose, outcome: ContactOutcome) -> CallResult:
    fields = {"purpose": purpose, "outcome": outcome, "method": ContactMethod.PHONE}
    texts = {name: str(code) for name, code in fields.items()}
    return CallResult(lazy(outcome.label), MessageType.CONTACT_ATTEMPTED, texts, "evidence")


def _ratings() -> Iterator[CallResult]:
    for rating in Rating:
        yield CallResult(lazy(rating.label), MessageType.SURVEY_RATED, {"rating": str(rating)})


def _revisits() -> Iterator[CallResult]:
    kind, corrected = MessageType.REVISIT_RECORDED, str(RevisitOutcome.CORRECTED)
    outcome = RevisitOutcome.CONFIRMED
    yield CallResult(lazy(outcome.label), kind, {"outcome": str(outcome)}, "notes")
    for rating in Rating:
        label = lazy("corrected: {rating}", rating=rating.label)
        yield CallResult(label, kind, {"outcome": corrected, "rating": str(rating)}, "notes")


def read_time(text: str, now: datetime) -> datetime | None:
    """Read `10:42` of today or `10-14 17:05`, in Shanghai; None for no time, or one to come."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    local = now.astimezone(SHANGHAI)
    month, day, hour, minute = (int(n) if n else 0 for n in match.groups())
    try:
        at = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if month:
            at = at.replace(month=month, day=day)
            # in January, a day of December is last year's
            at = at.replace(year=at.year - 1) if at > now + timedelta(days=1) else at
    except ValueError:
        return None
    return at if at <= now else None
