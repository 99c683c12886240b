"""The form of a message: a field for each part of its type, made of the definition of the type."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from models.i18n import LazyText, _, lazy
from models.rules import fields as check
from models.rules.messages import FIELDS, UNIT_FIELDS, RawMessage, required_fields
from models.rules.papers import LONG_TERM_PARTS
from models.rules.text import clean, one_line
from models.rules.vocabulary import ContactWish, MessageType
from monitor.labels import labels
from monitor.message_edit import InvalidEdit

Path = tuple[str, ...]
"""Where a value stands in a message: the name of a field, or of an object and its part."""

_OUTSIDE = ("id", "type", "mended_by", "resent_at")
"""Parts of a message that mending does not change."""

LEFT_OUT, WRONG = "", "?"
"""Choices beside the codes: the field is absent, or is left with its wrong value."""

KEPT, REMOVED = "keep", "remove"
_KEEP = {KEPT: lazy("keep it"), REMOVED: lazy("remove it")}
_YES_NO = {"true": lazy("yes"), "false": lazy("no")}
_ITEMS = {str(n): LazyText(f"2.2.{n}") for n in range(1, 12)}
_PARTS: Mapping[object, tuple[str, ...]] = {
    check.claimant: ("name", "phone", "contact"),
    check.claimant_change: ("name", "phone", "contact"),
    check.limit: ("workdays", "days", "hours", "basis"),
}


class Kind(Enum):
    """The kinds of fields; each says how what was typed is read."""

    TEXT = auto()
    UNIT = auto()
    NAMES = auto()
    NUMBER = auto()
    JSON = auto()
    CHOICE = auto()
    UNKNOWN = auto()


class InvalidAnswer(InvalidEdit):
    """What stands in a field cannot be read; `field` is its name."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of the form; `text` is what stands in it at first, by which a change is known."""

    path: Path
    kind: Kind
    text: str = ""
    choices: Mapping[str, LazyText] | None = None
    hint: LazyText | None = None

    @property
    def name(self) -> str:
        """The name of the field as the message writes it: `claimant.phone`."""
        return ".".join(self.path)

    @property
    def label(self) -> str:
        """The name of the field for people; of one that the type has not, as it was sent."""
        if self.kind is Kind.UNKNOWN:
            return one_line(self.name)
        return " ".join(_(part) for part in self.path)


def form_fields(kind: MessageType, body: RawMessage) -> list[FormField]:
    """List the fields of a message of a type, then those that the type does not have."""
    at_hint = lazy("2026-10-14T17:30+08:00; without an offset it is the time of Shanghai")
    envelope = [
        FormField(("ticket",), Kind.TEXT, _as_text(body.get("ticket"))),
        FormField(("at",), Kind.TEXT, _as_text(body.get("at")), hint=at_hint),
    ]
    known = [f for name in FIELDS[kind] for f in _fields_of(kind, name, body)]
    names = {"ticket", "at", *FIELDS[kind], *_OUTSIDE}
    unknown = [_unknown((name,), value) for name, value in body.items() if name not in names]
    return [*envelope, *known, *unknown]


def required_names(
    kind: MessageType, fields: Sequence[FormField], answers: Sequence[str], body: RawMessage
) -> set[str]:
    """Return the names of the fields that must be filled in, as the form is filled in now."""
    edited = apply_answers(fields, answers, body, as_it_is=True)
    choices = {
        field.name: answer
        for field, answer in zip(fields, answers, strict=True)
        if field.kind is Kind.CHOICE
    }
    return {"ticket", "at", *required_fields(kind, edited | choices)}


def _fields_of(kind: MessageType, name: str, body: RawMessage) -> Iterator[FormField]:
    """Yield a field of the form for a field of a message, or one for each part of an object."""
    of_type, value = FIELDS[kind][name], body.get(name)
    parts = _PARTS.get(of_type.check, LONG_TERM_PARTS if name == "long_term" else ())
    if not parts:
        yield _single(of_type, name, body)
        return
    inner = value if isinstance(value, Mapping) else {}
    for part in parts:
        field = FormField((name, part), Kind.TEXT, _as_text(inner.get(part)))
        if part == "contact":
            wish = check.Field(check.OneOf(*ContactWish), required=False)
            yield _choice(field, labels(ContactWish), wish, inner.get(part))
        else:
            is_number = part in ("workdays", "days", "hours")
            yield replace(field, kind=Kind.NUMBER) if is_number else field
    if value is not None and not isinstance(value, Mapping):
        yield _unknown((name,), value)
    for part in inner:
        if part not in parts:
            yield _unknown((name, part), inner[part])


def _single(of_type: check.Field, name: str, body: RawMessage) -> FormField:
    value = body.get(name)
    field = FormField((name,), Kind.TEXT, _as_text(value))
    match of_type.check:
        case check.OneOf(codes=codes):
            is_null = of_type.nullable and name in body
            return _choice(field, labels(codes), of_type, value, is_null=is_null)
        case check.flag:
            return _choice(field, _YES_NO, of_type, value)
        case check.item:
            return _choice(field, _ITEMS, of_type, value)
        case check.texts:
            if isinstance(value, list):
                field = replace(field, text="、".join(_as_text(each) for each in value))
            return replace(field, kind=Kind.NAMES, hint=lazy("names, with 、 between them"))
    if name in (*UNIT_FIELDS, "suggested_unit"):
        # the field itself says that a part of the name will do
        return replace(field, kind=Kind.UNIT)
    is_text = value is None or isinstance(value, str)
    return field if is_text else replace(field, kind=Kind.JSON, hint=lazy("as JSON"))


def _choice(
    field: FormField,
    choices: Mapping[str, LazyText],
    of_type: check.Field,
    value: object,
    *,
    is_null: bool = False,
) -> FormField:
    """Return the field with its allowed values; what stands there and is none of them is first."""
    offered = dict(choices)
    if not of_type.required or value is None:
        offered = {LEFT_OUT: lazy("(taken away)") if is_null else lazy("(none)"), **offered}
    text = LEFT_OUT
    if value is not None:
        try:
            code = of_type.check(field.name, value)
        except check.InvalidField:
            text = WRONG
            offered = {WRONG: _quoted(value), **offered}
        else:
            text = str(code).lower() if isinstance(code, bool) else str(code)
    return replace(field, kind=Kind.CHOICE, choices=offered, text=text)


def _unknown(path: Path, value: object) -> FormField:
    """Return a field for something that is shown, and kept or removed."""
    return FormField(path, Kind.UNKNOWN, KEPT, choices=_KEEP, hint=_quoted(value))


def _quoted(value: object) -> LazyText:
    """Return a value as it was sent; in quotation marks no text of the catalogue is like it."""
    return LazyText("{value}", {"value": f"「{one_line(_as_text(value))}」"})


def _as_text(value: object) -> str:
    """Return a value as a text: one that is none as JSON."""
    if value is None:
        return ""
    return clean(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def apply_answers(
    fields: Sequence[FormField],
    answers: Sequence[str],
    body: RawMessage,
    *,
    as_it_is: bool = False,
) -> dict[str, object]:
    """Return a body with what was changed in the form.

    Raises InvalidAnswer, but `as_it_is` keeps what cannot be read as a text.
    """
    edited = {n: dict(v) if isinstance(v, Mapping) else v for n, v in body.items()}
    for field, answer in zip(fields, answers, strict=True):
        if answer != field.text:
            try:
                value = _read(field, answer)
            except InvalidAnswer:
                if not as_it_is:
                    raise
                value = answer
            _put(edited, field.path, value)
    return edited


def _put(edited: dict[str, object], path: Path, value: object) -> None:
    """Put a value into a body, or take away what is there where the value is None."""
    *outer, last = path
    inner = edited
    for name in outer:
        held = edited.get(name)
        inner = edited[name] = held if isinstance(held, dict) else {}
    if value is None:
        inner.pop(last, None)
    else:
        inner[last] = value


def _read(field: FormField, answer: str) -> object:
    """Return what was typed or chosen as the message writes it, None for nothing."""
    answer = answer.strip()
    if not answer or (answer == REMOVED and field.kind is Kind.UNKNOWN):
        return None
    match field.kind:
        case Kind.CHOICE if field.choices is not None and "true" in field.choices:
            return answer == "true"
        case Kind.NAMES:
            return [name.strip() for name in answer.replace(",", "、").split("、") if name.strip()]
        case Kind.NUMBER if answer.isdecimal():
            return int(answer)
        case Kind.JSON:
            try:
                return json.loads(answer)
            except (ValueError, RecursionError) as error:
                raise InvalidAnswer(field.name, _("this is no JSON")) from error
    return answer
