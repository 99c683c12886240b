"""Visible texts: English message ids in the code, Chinese by default on the screen.

A text shown now goes through `_`; a text that is kept (a reason in a ticket's log) is a `Said`,
so that it can be shown in whatever language the reader has asked for.
"""

import gettext
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LANGUAGES = ("zh", "en")
_LOCALES = Path(__file__).parent / "locale"
_translation: gettext.NullTranslations = gettext.NullTranslations()


@dataclass(frozen=True, slots=True)
class LazyText:
    """A text to be shown later: its message id and what stands in its gaps."""

    text: str
    args: dict[str, str | int] = field(default_factory=dict)


def lazy(text: str, /, **args: str | int) -> LazyText:
    """A text that is kept, as message id and gaps; `text` is found by the catalogue's extractor."""
    return LazyText(text, args)


def activate(language: str) -> None:
    """Choose the language of everything shown by this process; the edge calls it once."""
    global _translation  # noqa: PLW0603  (a process has one screen, as in gettext itself)
    _translation = _catalogue(language)


def translator(language: str) -> Callable[[str], str]:
    """What gives words in a language of its own, for those who are not at this process's screen."""
    catalogue = _catalogue(language)
    return lambda text: catalogue.gettext(text) if text else ""


def _catalogue(language: str) -> gettext.NullTranslations:
    known = [] if language == "en" else [language]
    return gettext.translation("hotline", _LOCALES, known, fallback=True)


def N_(text: str) -> str:
    """Mark a text for the catalogue that is shown later, through `_`."""
    return text


def _(text: str) -> str:
    """The text in the language that `speak` chose."""
    return _translation.gettext(text) if text else ""


def render(said: LazyText) -> str:
    """A kept text in the language that `speak` chose; words in its gaps are translated too."""
    args = {k: _(v) if isinstance(v, str) else v for k, v in said.args.items()}
    return _(said.text).format(**args)


def readable(value: Any) -> Any:
    """Any value of an event's data with the kept texts in it told."""
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
