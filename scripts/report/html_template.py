"""HTML pages that load nothing: their style is in them, and they have no scripts."""

from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from models.i18n import _

_FOLDER = resources.files("scripts.report")


def render_page(template: str, **values: Any) -> str:
    """Return a template of this folder as a page in the active language; values are escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    text = (_FOLDER / template).read_text(encoding="utf-8")
    style = Markup((_FOLDER / "page.css").read_text(encoding="utf-8"))
    return environment.from_string(text).render(lang=_("en"), style=style, **values)
