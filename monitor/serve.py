"""The monitor in a browser: a process for each tab, a page of our own, and a token to get in."""

import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware
from textual_serve.server import Server

_COOKIE = "hotline_monitor"
_TOKEN = "token"
_PAGES = Path(__file__).parent / "web"

_HEADERS = {
    # nothing on the page comes from, or goes to, another host
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MonitorServer(Server):
    """Runs `command` for whoever shows the token, once in the address and then by a cookie.

    `told` gets the address as soon as it is listened on. `public` is where browsers find it, if
    that is not where it listens.
    """

    def __init__(
        self,
        command: str,
        host: str,
        port: int,
        title: str,
        token: str,
        told: Callable[[str], None],
        public: str = "",
    ) -> None:
        public = public.rstrip("/") or f"http://{f'[{host}]' if ':' in host else host}:{port}"
        super().__init__(command, host, port, title=title, public_url=public, templates_path=_PAGES)
        self.token = token
        self._told = told

    @property
    def address(self) -> str:
        """Where the monitor is, with the token that opens it."""
        return f"{self.public_url}/?{_TOKEN}={self.token}"

    async def on_startup(self, app: web.Application) -> None:
        """Nothing: an address told here would be told before it is listened on."""

    def serve(self, debug: bool = False) -> None:
        """Answer until told to stop; the address is told once it is listened on.

        Logs are the program's own affair, so nothing sets them up here.
        """
        self.debug = debug
        web.run_app(
            self._make_app(),
            host=self.host,
            port=self.port,
            print=lambda *_: self._told(self.address),
        )

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard())
        return app

    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if (shown := request.query.get(_TOKEN)) is not None and self._is_right(shown):
                # the token must not stay in the address, where others may read it
                come_in = web.HTTPFound("/")
                come_in.set_cookie(_COOKIE, self.token, httponly=True, samesite="Strict")
                raise come_in
            if not self._is_right(request.cookies.get(_COOKIE, "")):
                raise web.HTTPForbidden(text="hotline: open the address with its token\n")
            if not self._is_ours(request) or request.path.startswith("/download"):
                raise web.HTTPForbidden(text="hotline: not from here\n")
            response = await handler(request)
            if not response.prepared:
                response.headers.update(_HEADERS)
            return response

        return guard

    def _is_right(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(), self.token.encode())

    def _is_ours(self, request: web.Request) -> bool:
        """Another site's page in the same browser must not open a session."""
        origin = request.headers.get("Origin")
        return origin is None or origin == self.public_url
