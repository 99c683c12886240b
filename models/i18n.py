"""Visible texts: English message ids in the code, Chinese by default on the screen.

A text shown now goes through `_`. A text that is stored (a reason in a ticket's log) is a
`LazyText`, so that it can be shown in whatever language the reader has asked for.
"""

import gettext
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec

from models.json_types import Json

LANGUAGES = ("zh", "en")
_LOCALES = Path(__file__).parent / "locale"
_translation: gettext.NullTranslations = gettext.NullTranslations()
_for_somebody: ContextVar[gettext.NullTranslations | None] = ContextVar("language", default=None)


@dataclass(frozen=True, slots=True)
class PrivateText:
    """A text that somebody outside wrote, kept encrypted: the `field` of the message it came in.

    A part of a field is `field.part`, or `field.0` in a list.
    """

    field: str

    def find_in(self, message: Mapping[str, Json]) -> Json:
        """Return the text in the message as it came; None where it is not there."""
        inner: Json = message
        for part in self.field.split("."):
            match inner:
                case Mapping():
                    inner = inner.get(part)
                case list() if part.isdecimal() and int(part) < len(inner):
                    inner = inner[int(part)]
                case _:
                    return None
        return inner


@dataclass(frozen=True, slots=True)
class LazyText:
    """A text to be rendered later: its message id and the values of its placeholders."""

    text: str
    args: dict[str, str | int | PrivateText] = field(default_factory=dict)

    @property
    def private(self) -> list[PrivateText]:
        """The private texts in it."""
        return [value for value in self.args.values() if isinstance(value, PrivateText)]

    def with_texts(self, texts: Mapping[str, Json]) -> "LazyText":
        """Return it with those of its private texts that are in `texts`, by the field they are in.

        It is fit to be shown then, not to be stored.
        """
        if not self.private:
            return self
        known = {
            name: str(texts[value.field])
            if isinstance(value, PrivateText) and value.field in texts
            else value
            for name, value in self.args.items()
        }
        return LazyText(self.text, known)


def lazy(text: str, /, **args: str | int | PrivateText) -> LazyText:
    """Return a text to be stored; the catalogue's extractor finds `text` in the call.

    It is stored in clear: what somebody outside wrote is a `PrivateText` in it.
    """
    return LazyText(text, args)


def activate(language: str) -> None:
    """Choose the language of everything that this process shows; called once, at its start."""
    global _translation  # noqa: PLW0603  (a process has one screen, as in gettext itself)
    _translation = _catalogue(language)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Show everything in this language meanwhile, in this task or thread alone."""
    former = _for_somebody.set(_catalogue(language))
    try:
        yield
    finally:
        _for_somebody.reset(former)


def translator(language: str) -> Callable[[str], str]:
    """Return a function that translates into this language, whatever the process itself shows."""
    catalogue = _catalogue(language)
    return lambda text: catalogue.gettext(text) if text else ""


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    known = [] if language == "en" else [language]
    return gettext.translation("hotline", _LOCALES, known, fallback=True)


def N_(text: str) -> str:
    """Mark a text for the catalogue; it is translated later, by `_`."""
    return text


def _(text: str) -> str:
    """Translate a text into the language of this process, or of whom it speaks to."""
    return (_for_somebody.get() or _translation).gettext(text) if text else ""


def counted(number: int, single: str, many: str, **more: object) -> str:
    """Translate and fill in the text for one thing, or that for any other number `n` of them."""
    return _(single if number == 1 else many).format(n=number, **more)


_value_renderers: dict[str, Callable[[str], str]] = {}
"""Functions that render values which are no message ids, by the placeholder they stand in."""


def render_values(placeholder: str, renderer: Callable[[str], str]) -> None:
    """Have the values of this placeholder, in any stored text, rendered by a function."""
    _value_renderers[placeholder] = renderer


def render(text: LazyText) -> str:
    """Render a stored text in the language of this process; its values are translated too.

    Private texts in it are left out.
    """
    args = {name: _rendered(name, value) for name, value in text.args.items()}
    return _(text.text).format(**args)


def _rendered(name: str, value: str | int | PrivateText) -> str | int:
    match value:
        case str():
            return _value_renderers.get(name, _)(value)
        case PrivateText():
            return _("(not shown)")
        case _:
            return value


def readable(value: Json, texts: Mapping[str, Json] | None = None) -> Json:
    """Return plain data with the stored texts in it rendered, and private ones taken from `texts`.

    `texts` are by the field that they came in.
    """
    match value:
        case str() | int():
            return value
        case LazyText():
            return render(value.with_texts(texts or {}))
        case {"text": str(text), "args": dict(args)}:
            stored = msgspec.convert({"text": text, "args": args}, LazyText)
            return render(stored.with_texts(texts or {}))
        case PrivateText(field=field) | {"field": str(field)}:
            return (texts or {}).get(field)
        case dict():
            return {k: readable(v, texts) for k, v in value.items()}
        case list() | tuple():
            return [readable(v, texts) for v in value]
        case _:
            return value
