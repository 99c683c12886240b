"""The pages of the served monitor, and what it says to visitors in their language."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.i18n import N_, translator

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "web"),
    autoescape=True,
    undefined=StrictUndefined,
)

_HEADERS = {
    # with "no-referrer" a form's Origin would be null
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}

_FORM_POLICY = (
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; img-src data:"
)

NOT_LOGGED_IN = N_("Log in first.")
FROM_ANOTHER_SITE = N_("This request came from another site; open the monitor at its own address.")
TOKEN_REFUSED = N_("This token is not known, has ended, or was revoked.")
TOO_MANY_TRIES = N_("Too many log-ins. Try again in {seconds} seconds.")
STORE_AWAY = N_("The store cannot be reached. Try again soon.")
TOO_MANY_TABS = N_("The monitor is open in too many tabs. Try again when some are closed.")
NOT_FOUND = N_("There is no such page.")
FAILED = N_("This failed, which should not happen; the service's log says more.")
BAD_REQUEST = N_("This request cannot be read.")


class Page:
    """Makes the answers to one visitor, in his language.

    `as_page` says that a browser asks for a page to show, not for something that a page loads.
    """

    def __init__(self, language: str, title: str, *, as_page: bool = False) -> None:
        self._language = language
        self._translate: Callable[[str], str] = translator(language)
        self._title = self._translate(title)
        self._as_page = as_page

    def text(self, status: int, message: str, **values: object) -> web.Response:
        """Return a refusal as a page where it is shown; what a page loads is told it as text."""
        text = self._translate(message).format(**values)
        if self._as_page:
            return self._html("login.html", status, _FORM_POLICY, {"problem": text, "form": False})
        return web.Response(status=status, text=f"hotline: {text}\n", headers=_HEADERS)

    def redirect(self, to: str) -> web.Response:
        """Return a redirect to a page beside this one, whatever a proxy calls the folder."""
        return web.Response(status=303, headers={**_HEADERS, "Location": to})

    def log_in(self, status: int = 200, problem: str = "", **values: object) -> web.Response:
        """Return the form to log in with, and above it what is wrong."""
        texts: dict[str, object] = {
            "token": self._translate(N_("Token")),
            "log_in": self._translate(N_("Log in")),
            "hint": self._translate(N_("A supervisor issues tokens: hotline tokens issue")),
            "problem": self._translate(problem).format(**values),
            "form": True,
        }
        return self._html("login.html", status, _FORM_POLICY, texts)

    def wait(self, seconds: int) -> web.Response:
        """Return the form, and that one has to wait before one logs in."""
        refusal = self.log_in(429, TOO_MANY_TRIES, seconds=seconds)
        refusal.headers["Retry-After"] = str(seconds)
        return refusal

    def once_more(self) -> web.Response:
        """Return a page that loads itself again.

        A browser that follows a link from another site sends no cookie; the second time it does.
        """
        policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
        return self._html("once_more.html", 200, policy, {})

    def monitor(self, name: str, font_size: int, *, board: bool) -> web.Response:
        """Return the page with the terminal."""
        texts = {
            "name": name,
            "log_out": self._translate(N_("Log out")),
            "disconnected": self._translate(N_("Disconnected")),
            "reconnect": self._translate(N_("Reconnect")),
            "font_size": font_size,
            "board": board,
        }
        policy = (
            "default-src 'self'; img-src 'self' data: blob:; form-action 'self'; "
            "frame-ancestors 'none'; base-uri 'none'; style-src 'self' 'unsafe-inline'; "
        )
        return self._html("monitor.html", 200, policy, texts)

    def _html(
        self, template: str, status: int, policy: str, values: Mapping[str, object]
    ) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        styles = "" if "style-src" in policy else f"; style-src 'nonce-{nonce}'"
        source = "'self' " if "'self' 'unsafe" in policy else ""
        headers = {
            **_HEADERS,
            "Content-Security-Policy": f"{policy}{styles}; script-src {source}'nonce-{nonce}'",
        }
        text = _TEMPLATES.get_template(template).render(
            {"title": self._title, "language": self._language, "nonce": nonce, **values}
        )
        return web.Response(status=status, text=text, content_type="text/html", headers=headers)
