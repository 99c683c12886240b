"""Checks of the fields of messages; each takes its values and refuses any other."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from models.i18n import LazyText, PrivateText, lazy
from models.rules.terms import Term
from models.rules.vocabulary import Code, ContactPurpose, ContactWish

C = TypeVar("C", bound=Code)

_ITEMS = frozenset(map(str, range(1, 12)))
_HUGE = 10**30
LONGEST_LIMIT = 10_000
"""The largest number of a statutory limit, whatever its unit."""


class InvalidField(Exception):
    """The value of a field is not allowed; `why` says what the field must hold."""

    def __init__(self, why: LazyText) -> None:
        self.why = why


Check = Callable[[str, object], object]
"""Takes a field's name and value, returns the value as the rules want it; raises InvalidField."""


class Field(NamedTuple):
    """One field of a message: how it is checked, and whether it must be there.

    Where it is `nullable`, null says that what was there before is taken away; anywhere else null
    is the same as absent.
    """

    check: Check
    required: bool
    nullable: bool = False


class Claimant(msgspec.Struct, frozen=True):
    """The claimant (诉求人), as far as the rules need."""

    name: str = ""
    phone: str = ""
    contact: ContactWish = ContactWish.WANTED


class ClaimantChange(msgspec.Struct, frozen=True):
    """A correction of the claimant, field by field; None leaves a field as it is."""

    name: str | None = None
    phone: str | None = None
    contact: ContactWish | None = None


class Limit(msgspec.Struct, frozen=True):
    """A statutory limit (Regulation 3.4.5) with its basis; exactly one of the lengths is given.

    `days` are calendar days.
    """

    basis: str | PrivateText
    workdays: int | None = None
    hours: int | None = None
    # left out where it is not given: states that were stored before it came keep their bytes
    days: int | UnsetType = UNSET

    @property
    def term(self) -> Term:
        """The limit as a term."""
        if self.workdays is not None:
            return Term(self.workdays, "workdays")
        if self.days is not UNSET:
            return Term(self.days, "calendardays")
        assert self.hours is not None
        return Term(self.hours, "hours")


def text(name: str, value: object) -> str:
    """Take a text that says something; a number is taken for its digits."""
    if isinstance(value, str) and value.strip():
        return value
    if (number := number_as_text(value)) is not None:
        return number
    raise InvalidField(lazy("field {name} must be a text", name=name))


def number_as_text(value: object) -> str | None:
    """Return a number as text; None for anything else, and for one too long to be meant."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) >= _HUGE:
        return None
    return str(value)


def any_text(name: str, value: object) -> str:
    """Take a text, perhaps an empty one."""
    return value if isinstance(value, str) else text(name, value)


def flag(name: str, value: object) -> bool:
    """Take true or false."""
    if isinstance(value, bool):
        return value
    raise InvalidField(lazy("field {name} must be true or false", name=name))


def texts(name: str, value: object) -> tuple[str, ...]:
    """Take a list of names."""
    if isinstance(value, list) and value and all(isinstance(v, str) and v for v in value):
        return tuple(value)
    raise InvalidField(lazy("field {name} must be a list of names", name=name))


def anything(_name: str, value: object) -> object:
    """Take whatever the source sends: a text, a list of attachments, an object."""
    return value


_FORMER_LABELS: Mapping[Code, Sequence[str]] = {ContactPurpose.SURVEY: ("满意度调查",)}
"""The labels that a code had before; sources may still send them."""


class OneOf(Generic[C]):
    """A check that takes one of these codes, written as the code or as its Chinese label."""

    def __init__(self, *codes: C) -> None:
        self.codes = codes
        self._by_text = {c.chinese: c for c in codes if c.chinese} | {c.value: c for c in codes}
        self._by_text |= {label: c for c in codes for label in _FORMER_LABELS.get(c, ())}
        self._allowed = ", ".join(codes)

    @property
    def texts(self) -> list[str]:
        """The texts that are taken: the codes, then the labels."""
        return [*(c.value for c in self.codes), *(c.chinese for c in self.codes if c.chinese)]

    def __call__(self, name: str, value: object) -> C:
        """Take a code. Raises InvalidField."""
        code = self._by_text.get(value) if isinstance(value, str) else None
        if code is None:
            text = lazy("field {name} must be one of: {allowed}", name=name, allowed=self._allowed)
            raise InvalidField(text)
        return code


def item(name: str, value: object) -> str:
    """Take the number of an item of Regulation 2.2, written as `4`, 4 or `2.2.4`."""
    number = text(name, value).removeprefix("2.2.").lstrip("0")
    if number in _ITEMS:
        return number
    raise InvalidField(lazy("field {name} must be an item of Regulation 2.2: 1 to 11", name=name))


_contact_wish = OneOf(*ContactWish)


def claimant(_name: str, value: object) -> Claimant:
    """Take an object that describes the claimant; contact is wanted unless it says otherwise."""
    if not isinstance(value, Mapping):
        raise InvalidField(lazy("field {name} must be an object", name="claimant"))
    wish = value.get("contact")
    return Claimant(
        str(value.get("name") or ""),
        str(value.get("phone") or ""),
        ContactWish.WANTED if wish is None else _contact_wish("claimant.contact", wish),
    )


def claimant_change(_name: str, value: object) -> ClaimantChange:
    """Take an object with the fields of the claimant that are to be corrected."""
    if not isinstance(value, Mapping):
        raise InvalidField(lazy("field {name} must be an object", name="claimant"))
    name, phone, wish = (value.get(field) for field in ("name", "phone", "contact"))
    return ClaimantChange(
        None if name is None else str(name),
        None if phone is None else str(phone),
        None if wish is None else _contact_wish("claimant.contact", wish),
    )


def limit(_name: str, value: object) -> Limit:
    """Take an object with either working days, calendar days or hours, and the law behind it."""
    limit: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    lengths = {k: limit[k] for k in ("workdays", "days", "hours") if limit.get(k) is not None}
    if len(lengths) == 1:
        ((unit, length),) = lengths.items()
        if type(length) is int and 0 < length <= LONGEST_LIMIT:
            return Limit(str(limit.get("basis", "")), **{unit: length})
    raise InvalidField(
        lazy(
            "field {name} must give one of workdays, days and hours, a whole number",
            name="statutory_limit",
        )
    )
