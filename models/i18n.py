"""Visible texts: English message ids in the code, Chinese by default on the screen.

A text shown now goes through `_`. A text that is stored (a reason in a ticket's log) is a
`LazyText`, so that it can be shown in whatever language the reader has asked for.
"""

import gettext
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from models.json_types import Json

LANGUAGES = ("zh", "en")
_LOCALES = Path(__file__).parent / "locale"
_translation: gettext.NullTranslations = gettext.NullTranslations()


@dataclass(frozen=True, slots=True)
class LazyText:
    """A text to be rendered later: its message id and the values of its placeholders."""

    text: str
    args: dict[str, str | int] = field(default_factory=dict)


def lazy(text: str, /, **args: str | int) -> LazyText:
    """Return a text to be stored; the catalogue's extractor finds `text` in the call."""
    return LazyText(text, args)


def activate(language: str) -> None:
    """Choose the language of everything that this process shows; called once, at its start."""
    global _translation  # noqa: PLW0603  (a process has one screen, as in gettext itself)
    _translation = _catalogue(language)


def translator(language: str) -> Callable[[str], str]:
    """Return a function that translates into this language, whatever the process itself shows."""
    catalogue = _catalogue(language)
    return lambda text: catalogue.gettext(text) if text else ""


def _catalogue(language: str) -> gettext.NullTranslations:
    known = [] if language == "en" else [language]
    return gettext.translation("hotline", _LOCALES, known, fallback=True)


def N_(text: str) -> str:
    """Mark a text for the catalogue; it is translated later, by `_`."""
    return text


def _(text: str) -> str:
    """Translate a text into the language of this process."""
    return _translation.gettext(text) if text else ""


_value_renderers: dict[str, Callable[[str], str]] = {}
"""Functions that render values which are no message ids, by the placeholder they stand in."""


def render_values(placeholder: str, renderer: Callable[[str], str]) -> None:
    """Have the values of this placeholder, in any stored text, rendered by a function."""
    _value_renderers[placeholder] = renderer


def render(text: LazyText) -> str:
    """Render a stored text in the language of this process; its values are translated too."""
    args = {
        name: _value_renderers.get(name, _)(value) if isinstance(value, str) else value
        for name, value in text.args.items()
    }
    return _(text.text).format(**args)


def readable(value: Json) -> Json:
    """Return plain data with the stored texts in it rendered."""
    match value:
        case str() | int():
            return value
        case LazyText():
            return render(value)
        case {"text": str(text), "args": dict(args)}:
            return render(LazyText(text, args))
        case dict():
            return {k: readable(v) for k, v in value.items()}
        case list() | tuple():
            return [readable(v) for v in value]
        case _:
            return value
