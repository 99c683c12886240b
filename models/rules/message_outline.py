"""The outline of a message: all that the rules of a ticket's life read of it, and no text.

Codes, numbers, instants and known units are in it. What people wrote is not: where a text says
something there is a `PrivateText`, which names the field that it stands in. So a ticket can be
folded without its texts, and stays the same when they have been erased.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from models.i18n import LazyText, PrivateText
from models.rules import fields as check
from models.rules.fields import Claimant, ClaimantChange, Limit
from models.rules.messages import (
    CONTENT_TYPES,
    FIELDS,
    ORIGINS,
    Content,
    Finding,
    Message,
    Refusal,
    Route,
    TicketReceived,
    TopicProposal,
    said_topic,
)
from models.rules.origins import PRIVATE
from models.rules.papers import LONG_TERM_PARTS, says_something, says_yes
from models.rules.vocabulary import MessageType

_PRIVATE: Mapping[MessageType, tuple[str, ...]] = {
    kind: tuple(name for name, origin in of_type.items() if origin is PRIVATE)
    for kind, of_type in ORIGINS.items()
}

_PAPERS: Mapping[MessageType, frozenset[str]] = {
    kind: frozenset(name for name in names if FIELDS[kind][name].check is check.anything)
    for kind, names in _PRIVATE.items()
    if kind is not MessageType.TICKET_AMENDED
}
"""The private fields that are papers: whether they say anything matters (decision 18)."""

_TEXTS = {name: PrivateText(name) for names in _PRIVATE.values() for name in names}
_LONG_TERM = {part: PrivateText(f"long_term.{part}") for part in LONG_TERM_PARTS}

_DEFAULTS: Mapping[MessageType, Mapping[str, object]] = {
    kind: {f.name: f.default for f in msgspec.structs.fields(content) if not f.required}
    for kind, content in CONTENT_TYPES.items()
}


def outline_of(message: Message) -> Message:
    """Return a message without its texts, as the rules of a ticket's life read it."""
    content = message.content
    if not message.raw:
        return message
    if isinstance(content, Refusal):
        return replace(message, raw={})
    outline: Content = content
    if isinstance(content, TicketReceived):
        # it is screened and routed by its texts before its ticket begins; then they have no use
        outline = TicketReceived(
            category=content.category,
            title="",
            claimant=_wish_alone(content.claimant),
            channel=content.channel,
            topic=_TEXTS["topic"] if says_something(said_topic(content)) else None,
            emergency=content.emergency,
            statutory_limit=_limit(content.statutory_limit),
            declined=content.declined,
        )
    elif private := _OUTLINED[type(content)]:
        changed = {
            name: outline_text(value)
            for name, outline_text in private
            if (value := getattr(content, name)) is not None and value is not UNSET
        }
        outline = replace(content, **changed) if changed else content
    return replace(message, content=outline, raw={})


_WANTED = Claimant()


def _wish_alone(claimant: Claimant) -> Claimant:
    return _WANTED if claimant.contact == _WANTED.contact else Claimant(contact=claimant.contact)


def _outline_field(kind: MessageType, name: str) -> Callable[[Any], object]:
    """Return what makes of a private field that which the rules may know of it.

    That is whether it says something, and where it stands.
    """
    text = _TEXTS[name]
    if name not in _PAPERS.get(kind, ()):
        return lambda value: _outline_part(value, text)
    match name:
        case "claimant_told":
            return says_yes
        case "long_term":
            return _long_term
        case _:
            return lambda value: text if says_something(value) else None


def _long_term(value: object) -> dict[str, PrivateText]:
    parts = value if isinstance(value, Mapping) else {}
    return {part: text for part, text in _LONG_TERM.items() if says_something(parts.get(part))}


def _outline_part(value: object, text: PrivateText) -> object:
    match value:
        case Limit():
            return _limit(value)
        case ClaimantChange():
            return ClaimantChange(contact=value.contact)
        case _:
            return text


def _limit(limit: Limit | None) -> Limit | None:
    if limit is None or not limit.basis or isinstance(limit.basis, PrivateText):
        return limit
    return replace(limit, basis=PrivateText("statutory_limit.basis"))


_OUTLINED: Mapping[type, tuple[tuple[str, Callable[[Any], object]], ...]] = {
    CONTENT_TYPES[kind]: tuple((name, _outline_field(kind, name)) for name in names)
    for kind, names in _PRIVATE.items()
}
"""The private fields of each message, with what makes an outline of them."""


class _StoredOutline(msgspec.Struct, frozen=True, omit_defaults=True):
    """An outline as it is stored: `text_fields` are those whose texts say something."""

    content: dict[str, Any] | None = None
    text_fields: tuple[str, ...] = ()
    refusal: LazyText | None = None
    missing: tuple[str, ...] = ()
    route: Route | None = None
    findings: tuple[Finding, ...] = ()
    topic: str | None = None
    proposed_topic: TopicProposal | None = None


def encode_outline(message: Message) -> bytes:
    """Encode the outline of a message; equal outlines are equal bytes."""
    content = message.content
    if isinstance(content, Refusal):
        stored = _StoredOutline(refusal=content.why, missing=tuple(content.missing))
        return msgspec.json.encode(stored, order="sorted")
    clear: dict[str, Any] = {}
    text_fields: list[str] = []
    defaults = _DEFAULTS[content.type]
    for name in content.__struct_fields__:
        value = getattr(content, name)
        if isinstance(value, PrivateText):
            text_fields.append(value.field)
        elif name == "long_term" and value is not None:
            clear[name] = {}
            text_fields += [part.field for part in value.values()]
        elif value is not UNSET and (name not in defaults or value != defaults[name]):
            clear[name] = value
    stored = _StoredOutline(
        clear,
        tuple(text_fields),
        route=message.route,
        findings=message.findings,
        topic=message.topic,
        proposed_topic=message.proposed_topic,
    )
    return msgspec.json.encode(stored, order="sorted")


def decode_outline(
    kind: MessageType,
    ticket: str,
    at: datetime,
    arrival: int,
    stored: bytes | str,
    quiet_before: datetime | None = None,
) -> Message:
    """Decode what `encode_outline` made of a message; the envelope's parts are handed in."""
    outline = msgspec.json.decode(stored, type=_StoredOutline)
    content: Content | Refusal
    if outline.content is None:
        assert outline.refusal is not None
        content = Refusal(outline.refusal, outline.missing)
    else:
        content = _content(kind, outline.content, outline.text_fields)
    return Message(
        kind,
        ticket,
        at,
        arrival,
        content,
        {},
        outline.route,
        outline.findings,
        quiet_before,
        outline.topic,
        outline.proposed_topic,
    )


def _content(kind: MessageType, clear: dict[str, Any], text_fields: tuple[str, ...]) -> Content:
    texts: dict[str, Any] = {}
    for field in text_fields:
        name, _dot, part = field.partition(".")
        if part:
            texts.setdefault(name, {})[part] = PrivateText(field)
        else:
            texts[name] = PrivateText(field)
    # a required text is filled in below: only what is in clear has a type to be checked
    content = msgspec.convert({**dict.fromkeys(texts, ""), **clear}, CONTENT_TYPES[kind])
    return replace(content, **texts) if texts else content
