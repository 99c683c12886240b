"""What a notice says (通知文本): templates of the policy, filled by a sandbox."""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from models.i18n import _
from models.rules.vocabulary import NoticeKind

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

HEADINGS = ("subject", "digest")
"""Texts beside the kinds: the subject of one notice, and that of several sent as one."""

PLACEHOLDERS = {
    "id": "",
    "ticket": "",
    "title": "",
    "unit": "",
    "role": "",
    "kind": "",
    "due": "",
    "clock": "",
    "rating": "",
    "advice": "",
    "district": "",
    "count": 1,
}
"""What a template may name; no personal data but the ticket's number and masked title."""


class InvalidNoticeText(ValueError):
    """A text is no template, or names a gap that there is not."""


@cache
def _sandbox() -> "ImmutableSandboxedEnvironment":
    # imported here: most commands read a policy and render nothing
    from jinja2 import StrictUndefined  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


@lru_cache(maxsize=256)
def compiled(text: str) -> "Template":
    """The template of a text, tried once with every gap filled; raises TextWrong."""
    from jinja2 import TemplateError  # noqa: PLC0415

    try:
        template = _sandbox().from_string(text)
        template.render(PLACEHOLDERS)
    except (TemplateError, TypeError, ArithmeticError, OverflowError) as wrong:
        told = _("{text}: {why}; it may name {names}")
        raise InvalidNoticeText(
            told.format(text=repr(text), why=wrong, names=", ".join(PLACEHOLDERS))
        ) from wrong
    return template


def check_texts(texts: Mapping[str, str]) -> None:
    """Raises TextWrong where a text is for no known kind of notice, or is no template."""
    for kind, text in texts.items():
        if kind not in tuple(NoticeKind) and kind not in HEADINGS:
            told = _("{kind} is no kind of notice; there are: {known}")
            raise InvalidNoticeText(
                told.format(kind=repr(kind), known=", ".join((*HEADINGS, *NoticeKind)))
            )
        compiled(text)


def filled(texts: Mapping[str, str], kind: str, gaps: Mapping[str, Any]) -> str:
    """The text of this kind with its gaps filled, on one line; `gaps` has all that GAPS has."""
    return " ".join(compiled(texts[kind]).render(gaps).split())
