"""The endpoint's description of itself: the OpenAPI document, and a page for people."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.i18n import _, speaking
from models.rules.limits import LISTEN_JSON_BYTES, LISTEN_LIST, LISTEN_REQUESTS_A_MINUTE, MIB
from models.version import VERSION
from scripts.listen.openapi import openapi_document
from scripts.listen.problems import PROBLEMS
from scripts.listen.receiving import LINES
from scripts.listen.responses import LANGUAGE

_FOLDER = Path(__file__).parent
_STYLE = (_FOLDER / "manual.css").read_text("utf-8")
_TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Server": "hotline",
}


class Pages:
    """The pages, in each language made once; `public` is the address that senders use."""

    def __init__(self, public: str) -> None:
        self._public = public.rstrip("/")
        self._documents: dict[str, bytes] = {}
        self._manuals: dict[str, str] = {}

    async def document(self, request: web.Request) -> web.Response:
        """Answer with the OpenAPI document."""
        language = request[LANGUAGE]
        if language not in self._documents:
            self._documents[language] = msgspec.json.encode(self._document(language))
        body = self._documents[language]
        return web.Response(body=body, content_type="application/json", headers=_HEADERS)

    async def manual(self, request: web.Request) -> web.Response:
        """Answer with the page, which loads nothing from anywhere."""
        language = request[LANGUAGE]
        if language not in self._manuals:
            self._manuals[language] = self.manual_text(language)
        text = self._manuals[language]
        return web.Response(text=text, content_type="text/html", headers=_HEADERS)

    def _document(self, language: str) -> dict[str, Any]:
        with speaking(language):
            return openapi_document(VERSION, self._public)

    def manual_text(self, language: str) -> str:
        """Return the page in a language."""
        document = self._document(language)
        schemas = document["components"]["schemas"]
        with speaking(language):
            sentences = _sentences()
            problems = [(kind.status, kind.code, _(kind.text)) for kind in PROBLEMS]
            words = {
                "field": _("field"),
                "content": _("content"),
                "messages": _("Messages"),
                "problems": _("Errors"),
                "needed": _("required"),
            }
        kinds = [
            (name, schemas[name], [(n, _shown(s)) for n, s in schemas[name]["properties"].items()])
            for name in schemas
            if name not in ("Answer", "Message")
        ]
        template = _TEMPLATES.get_template("manual.html")
        return template.render(
            document=document,
            language=language,
            style=_STYLE,
            sentences=sentences,
            problems=problems,
            words=words,
            kinds=kinds,
            address=self._public or "http://127.0.0.1:8013",
        )


def _sentences() -> list[str]:
    """Return what one has to know, in the language shown."""
    return [
        _("Send messages by POST to /messages, with a token: `hotline tokens issue` makes one."),
        _("Its name is the source. The same id of the same source is taken once."),
        _(
            "application/json is a message or a list of at most {most}, taken together or not at "
            "all, of at most {mib} MiB; {lines} is a message a line, of any length, taken while "
            "it comes."
        ).format(most=LISTEN_LIST, mib=LISTEN_JSON_BYTES // MIB, lines=LINES[0]),
        _("The answer comes after the messages are stored: one that is lost is sent again."),
        _("A token has {n} requests a minute; an answer 429 or 503 says when to try again.").format(
            n=LISTEN_REQUESTS_A_MINUTE
        ),
    ]


def _shown(schema: dict[str, Any]) -> str:
    """Return a field's schema in a few words."""
    if "anyOf" in schema or "oneOf" in schema:
        options = schema.get("anyOf") or schema["oneOf"]
        return " / ".join(_shown(each) for each in options if each != {"type": "null"})
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if schema.get("type") == "array":
        return f"[{_shown(schema['items'])}]"
    return str(schema.get("format") or schema.get("type", "…"))
