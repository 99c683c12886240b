"""Messages in: what each type must carry, checked field by field before any rule sees it."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from models.i18n import LazyText, lazy
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import (
    Category,
    Channel,
    Code,
    ContactMethod,
    ContactOutcome,
    ContactPurpose,
    ContactWish,
    Decider,
    Disposal,
    Emergency,
    Ground,
    Rating,
    RestartCause,
    RevisitOutcome,
    WithdrawnTo,
)

_ITEMS = frozenset(map(str, range(1, 12)))
_DENIABLE = (ContactPurpose.FIRST, ContactPurpose.CLOSING)
_PURPOSES = tuple(p for p in ContactPurpose if p is not ContactPurpose.WITHDRAWAL)
_OUTCOMES = tuple(o for o in ContactOutcome if o is not ContactOutcome.CONFIRMED)
_HUGE = 10**30
_LONGEST_LIMIT = 10_000
_YEARS = range(1970, 2200)
"""Years that a message may be dated in; what lies outside was not meant."""

HOTLINE = "hotline"
"""How the hotline itself speaks in a message's `unit`."""


class Route(msgspec.Struct, frozen=True):
    """Where a new ticket goes: a unit with the reason, or nowhere with the reason and its name.

    `joined` are further units that the city named with it. `proposed` is the unit that a model
    would choose, with its reason, where it may not decide.
    """

    unit: str | None
    why: LazyText
    named: str | None = None
    joined: tuple[str, ...] = ()
    proposed: str | None = None
    proposal: LazyText | None = None


class Finding(msgspec.Struct, frozen=True):
    """An item of 2.2 that seems to fit a letter, why, and the earlier ticket where there is one."""

    code: str
    why: LazyText
    earlier: str | None = None


class Message(msgspec.Struct, frozen=True):
    """One message about one ticket, its envelope checked, its units resolved to known names.

    `at` is when it happened (aware); `arrival` orders messages of the same moment. `unknown` are
    names of units that no directory knows; `route` and `findings` are set on `ticket.received`.
    """

    type: str
    ticket: str
    at: datetime
    arrival: int
    body: dict[str, Any]
    unknown: tuple[str, ...] = ()
    route: Route | None = None
    findings: tuple[Finding, ...] = ()


class Envelope(NamedTuple):
    """What every message has in common, as the inbox keeps it."""

    id: str
    at: datetime
    type: str
    ticket: str


class Refusal(NamedTuple):
    """Why a message cannot be applied, in words that a person can act on."""

    why: LazyText
    missing: tuple[str, ...] = ()


class _Wrong(Exception):
    def __init__(self, why: LazyText) -> None:
        self.why = why


Check = Callable[[str, Any], Any]
"""Takes a field's name and value, returns the value as the rules want it, or raises _Wrong."""


def _text(name: str, value: Any) -> str:
    if isinstance(value, str) and value.strip():
        return value
    if (number := _number(value)) is not None:
        return number
    raise _Wrong(lazy("field {name} must be a text", name=name))


def _number(value: Any) -> str | None:
    """A number where a text is wanted; one too long to be meant is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) >= _HUGE:
        return None
    return str(value)


def _any_text(name: str, value: Any) -> str:
    return value if isinstance(value, str) else _text(name, value)


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _Wrong(lazy("field {name} must be true or false", name=name))


def _texts(name: str, value: Any) -> list[str]:
    if isinstance(value, list) and value and all(isinstance(v, str) and v for v in value):
        return value
    raise _Wrong(lazy("field {name} must be a list of names", name=name))


def _anything(_name: str, value: Any) -> Any:
    return value


def _one_of(*codes: Code) -> Check:
    by_text = {c.chinese: c for c in codes if c.chinese} | {c.value: c for c in codes}
    allowed = ", ".join(codes)

    def check(name: str, value: Any) -> Code:
        code = by_text.get(value) if isinstance(value, str) else None
        if code is None:
            text = lazy("field {name} must be one of: {allowed}", name=name, allowed=allowed)
            raise _Wrong(text)
        return code

    return check


def _item(name: str, value: Any) -> str:
    text = _text(name, value)
    number = text.removeprefix("2.2.").lstrip("0")
    if number in _ITEMS:
        return number
    raise _Wrong(lazy("field {name} must be an item of Regulation 2.2: 1 to 11", name=name))


def _claimant(_name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong(lazy("field {name} must be an object", name="claimant"))
    wanted = value.get("contact")
    contact = "wanted" if wanted is None else _one_of(*ContactWish)("claimant.contact", wanted)
    return value | {"contact": contact}


def _limit(_name: str, value: Any) -> dict[str, Any]:
    given: dict[str, Any] = value if isinstance(value, dict) else {}
    lengths = [given[k] for k in ("workdays", "hours") if given.get(k) is not None]
    if len(lengths) == 1 and type(lengths[0]) is int and 0 < lengths[0] <= _LONGEST_LIMIT:
        return given
    raise _Wrong(
        lazy(
            "field {name} must give either workdays or hours, a whole number",
            name="statutory_limit",
        )
    )


class Field(NamedTuple):
    """One field of a message: how it is checked, and whether it must be there."""

    check: Check
    required: bool = True


_unit = Field(_text)
_optional = Field(_any_text, required=False)
_part = Field(_anything, required=False)
"""A part that the regulation itself asks for: its rule says what is missing, not this table."""

FIELDS: dict[str, dict[str, Field]] = {
    "ticket.received": {
        "category": Field(_one_of(*Category)),
        "title": Field(_text),
        "content": _optional,
        "claimant": Field(_claimant, required=False),
        "address": _optional,
        "street": _optional,
        "channel": Field(_one_of(*Channel), required=False),
        "emergency": Field(_one_of(*Emergency), required=False),
        "statutory_limit": Field(_limit, required=False),
        "unit": _optional,
        "declined": Field(_item, required=False),
    },
    "unit.accepted": {"unit": _unit},
    "unit.returned": {
        "unit": _unit,
        "reason": _part,
        "basis": _part,
        "suggested_unit": _part,
        "signed_by": _part,
    },
    "return.reviewed": {"approved": Field(_flag), "unit": _optional},
    "dispute.opened": {"units": Field(_texts)},
    "dispute.evidence": {"unit": _unit, "documents": Field(_anything)},
    "dispute.decided": {"unit": _unit, "by": Field(_one_of(*Decider))},
    "site.arrived": {"unit": _unit},
    "progress.reported": {"unit": _unit, "text": Field(_text)},
    "contact.attempted": {
        "unit": _unit,
        "purpose": Field(_one_of(*_PURPOSES)),
        "outcome": Field(_one_of(*_OUTCOMES)),
        "method": Field(_one_of(*ContactMethod)),
        "evidence": _part,
    },
    "contact.denied": {"purpose": Field(_one_of(*_DENIABLE))},
    "contact.proof": {
        "unit": _unit,
        "purpose": Field(_one_of(*_DENIABLE)),
        "evidence": Field(_anything),
    },
    "extension.requested": {
        "unit": _unit,
        "facts": _part,
        "reasons": _part,
        "progress": _part,
        "next_steps": _part,
        "claimant_told": _part,
    },
    "claimant.supplemented": {"text": Field(_text)},
    "claimant.withdrew": {"to": Field(_one_of(*WithdrawnTo))},
    "term.restarted": {"cause": Field(_one_of(*RestartCause)), "basis": Field(_text)},
    "result.submitted": {
        "unit": _unit,
        "facts": _part,
        "measures": _part,
        "remedies": _part,
        "basis": _part,
        "long_term": _part,
        "disposal": Field(_one_of(*Disposal)),
        "materials": _part,
    },
    "result.reviewed": {"approved": Field(_flag), "why": _optional},
    "survey.rated": {"rating": Field(_one_of(*Rating))},
    "revisit.recorded": {
        "outcome": Field(_one_of(*RevisitOutcome)),
        "rating": Field(_one_of(*Rating), required=False),
        "notes": _optional,
    },
    "rework.requested": {"unit": _optional, "former_holder": _optional},
    "unit.joined": {"unit": _unit},
    "ticket.assigned": {"unit": _unit, "by": Field(_text), "why": _optional},
    "screening.decided": {
        "code": Field(_item),
        "decline": Field(_flag),
        "by": Field(_text),
    },
    "unit.urged": {"unit": _unit, "text": Field(_text), "by": Field(_text)},
    "conduct.recorded": {
        "unit": _unit,
        "ground": Field(_one_of(*Ground)),
        "grave": Field(_flag, required=False),
    },
}

UNIT_FIELDS = ("unit", "former_holder")
"""Fields that must name a known unit; `suggested_unit` may name any."""


def envelope(raw: Mapping[str, Any], canonical: bytes | None = None) -> Envelope | Refusal:
    """The envelope of a message as it came, or why it has none that can be kept.

    An `at` without an offset is read as Asia/Shanghai; an absent id is a digest of the content,
    which a caller that has it already hands in as canonical JSON.
    """
    kind, ticket, at = raw.get("type"), raw.get("ticket"), raw.get("at")
    if not isinstance(kind, str) or kind not in FIELDS:
        return Refusal(lazy("type {type} is not known; see the list of messages", type=str(kind)))
    ticket = _number(ticket) or ticket
    if not isinstance(ticket, str) or not ticket.strip():
        return Refusal(lazy("the ticket's number is missing: give it as text in `ticket`"))
    if not isinstance(at, str):
        return Refusal(lazy("the time is missing: give it as ISO 8601 in `at`"))
    try:
        moment = datetime.fromisoformat(at)
        moment = moment.replace(tzinfo=SHANGHAI) if moment.tzinfo is None else moment
        moment = moment.astimezone(SHANGHAI)
    except (ValueError, OverflowError):
        return Refusal(lazy("the time {at} is no ISO 8601 time", at=at[:40]))
    if moment.year not in _YEARS:
        return Refusal(lazy("the year {year} cannot be meant", year=moment.year))
    try:
        canonical = canonical or msgspec.json.encode(raw, order="deterministic")
    except (UnicodeEncodeError, ValueError):
        return Refusal(lazy("a text holds characters that no text can hold: send it as UTF-8"))
    given = raw.get("id")
    named = _number(given) or (given if isinstance(given, str) and given.strip() else None)
    return Envelope(named or _digest(canonical), moment, kind, ticket.strip())


def content_id(raw: Mapping[str, Any]) -> str:
    """A digest of the message's content, its id where its source gives none."""
    return _digest(msgspec.json.encode(raw, order="deterministic"))


def _digest(canonical: bytes) -> str:
    return hashlib.sha256(canonical).hexdigest()[:32]


def checked(kind: str, raw: Mapping[str, Any]) -> dict[str, Any] | Refusal:
    """The body of a message with its fields as the rules want them, or what is wrong with it.

    Labels become codes; an absent or null optional field is left out; unknown fields are kept.
    """
    fields = FIELDS[kind]
    body = {k: v for k, v in raw.items() if v is not None}
    missing = tuple(n for n, f in fields.items() if f.required and n not in body)
    if missing:
        names = ", ".join(missing)
        return Refusal(lazy("fields are missing: {names}", names=names), missing)
    try:
        for name, field in fields.items():
            if name in body:
                body[name] = field.check(name, body[name])
    except _Wrong as wrong:
        return Refusal(wrong.why)
    return body
