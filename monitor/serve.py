"""Serve the monitor to browsers: a process for each tab, our own page, and an access token."""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware
from textual_serve.app_service import AppService
from textual_serve.server import Server, to_int

from models.errors import describe_safely
from models.rules.limits import (
    BROWSER_MESSAGE_BYTES,
    KIB,
    SCREEN_COLUMNS,
    SCREEN_ROWS,
    TAB_MEMORY_BYTES,
)

log = logging.getLogger("hotline.monitor")

_COOKIE = "hotline_monitor"
_TOKEN = "token"
_STOP_TIMEOUT = 5.0
_PAGES = Path(__file__).parent / "web"

_HEADERS = {
    # the page loads nothing from another host, and sends nothing there
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BoundedAppService(AppService):
    """The process of one tab, with a limit on its screen and its memory."""

    _stopped = False

    async def start(self, width: int, height: int) -> None:
        """Start the process; its screen is no larger than the limits."""
        self.command = f"ulimit -v {TAB_MEMORY_BYTES // KIB}; exec {self.command}"
        await super().start(*_bounded(width, height))

    async def stop(self) -> None:
        """End the process, and kill one that does not end: none outlives its tab."""
        process = self._process
        if process is None or self._stopped:
            return
        self._stopped = True
        # a task of its own: the parent class swallows a cancellation, and with it a time-out
        asked = asyncio.ensure_future(super().stop())
        await asyncio.wait({asked}, timeout=_STOP_TIMEOUT)
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asked
        self.stdin.close()

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Change the size of the screen, within the limits: a huge one takes gigabytes."""
        await super().set_terminal_size(*_bounded(width, height))


def _bounded(width: int, height: int) -> tuple[int, int]:
    return max(1, min(int(width), SCREEN_COLUMNS)), max(1, min(int(height), SCREEN_ROWS))


def _closer(websocket: web.WebSocketResponse) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        await websocket.close()

    return close


class MonitorServer(Server):
    """Runs `command` for every browser tab that has the token, in the address or in a cookie.

    `on_ready` is called with the address once the server listens. `public` is the address that
    browsers use, if it is not the one that the server listens on.
    """

    def __init__(
        self,
        command: str,
        host: str,
        port: int,
        title: str,
        token: str,
        on_ready: Callable[[str], None],
        public: str = "",
    ) -> None:
        public = public.rstrip("/") or f"http://{f'[{host}]' if ':' in host else host}:{port}"
        super().__init__(command, host, port, title=title, public_url=public, templates_path=_PAGES)
        self.token = token
        self._on_ready = on_ready

    @property
    def address(self) -> str:
        """The address of the monitor, with its token."""
        return f"{self.public_url}/?{_TOKEN}={self.token}"

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing: the server does not listen yet."""

    def serve(self, debug: bool = False) -> None:
        """Serve until the process is told to stop.

        Unlike the parent class it leaves logging to the program.
        """
        self.debug = debug
        web.run_app(
            self._make_app(),
            host=self.host,
            port=self.port,
            print=lambda *_: self._on_ready(self.address),
            shutdown_timeout=_STOP_TIMEOUT,
        )

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard())
        return app

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one tab: as the parent class does, but with limits on sizes."""
        websocket = web.WebSocketResponse(heartbeat=15, max_msg_size=BROWSER_MESSAGE_BYTES)
        await websocket.prepare(request)
        service = BoundedAppService(
            self.command,
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=_closer(websocket),
            download_manager=self.download_manager,
            debug=self.debug,
        )
        width = to_int(request.query.get("width", ""), 80)
        height = to_int(request.query.get("height", ""), 24)
        await service.start(width, height)
        try:
            await self._process_messages(websocket, service)
        except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
            # no page of ours sends such a message
            log.warning("a browser sent no message: %s", describe_safely(error))
            await websocket.close()
        finally:
            await service.stop()
        return websocket

    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if (token := request.query.get(_TOKEN)) is not None and self._is_right(token):
                # the token must not stay in the address, where others may read it
                redirect = web.HTTPFound("/")
                redirect.set_cookie(_COOKIE, self.token, httponly=True, samesite="Strict")
                raise redirect
            if not self._is_right(request.cookies.get(_COOKIE, "")):
                raise web.HTTPForbidden(text="hotline: open the address with its token\n")
            if not self._is_same_site(request) or request.path.startswith("/download"):
                raise web.HTTPForbidden(text="hotline: not from here\n")
            response = await handler(request)
            if not response.prepared:
                response.headers.update(_HEADERS)
            return response

        return guard

    def _is_right(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token.encode())

    def _is_same_site(self, request: web.Request) -> bool:
        """Return whether our own page asks: another site's page must not open a session."""
        origin = request.headers.get("Origin")
        return origin is None or origin == self.public_url
