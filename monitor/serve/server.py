"""The web server of the monitor: log-in, sessions, and a process for each tab."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl

import textual_serve
from aiohttp import web
from aiohttp.typedefs import Middleware

from models.clock import Now, monotonic
from models.database import Store
from models.errors import describe_safely
from models.rules.limits import LOG_IN_BYTES, TABS, TABS_OF_PERSON
from models.security.tokens import TokenRefused
from models.serving.connections import Connections
from models.serving.languages import preferred_language
from models.serving.log_in_failures import TooManyTries
from models.serving.web_server import ListeningServer, listening, schema_changed, until_stopped
from models.store_errors import is_transient
from monitor.serve.log_ins import LogIns
from monitor.serve.pages import (
    BAD_REQUEST,
    FAILED,
    FROM_ANOTHER_SITE,
    NOT_FOUND,
    NOT_LOGGED_IN,
    STORE_AWAY,
    TOKEN_REFUSED,
    TOO_MANY_TABS,
    Page,
)
from monitor.serve.sessions import Session
from monitor.serve.site import Site
from monitor.serve.tab import BrowserTab

log = logging.getLogger("hotline.monitor")

COOKIE = "hotline_session"

_STATIC = Path(textual_serve.__file__).parent / "static"
_STOP_TIMEOUT = 5.0
_FRAMES = 8
_FONT_SIZE = 16
_FONT_SIZES = range(6, 73)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MonitorServer:
    """Has a process for every tab of somebody who has logged in, asked for over `tab_requests`.

    `public` is the address that browsers use, if it is not the one that the server listens on.
    Without it nobody is believed who says on whose behalf he asks (X-Forwarded-For). With `board`
    the tabs show the wallboard. `now` is the clock by which tokens end.
    """

    def __init__(
        self,
        store: Store,
        now: Now,
        tab_requests: socket.socket,
        *,
        title: str,
        language: str,
        public: str = "",
        board: bool = False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._log_ins = LogIns(store, now, clock, idle_ends=not board)
        self._tab_requests = tab_requests
        self._title, self._language, self._board = title, language, board
        self._site = Site(public)
        self._clock = clock
        self._connections = Connections()
        self._tabs: set[BrowserTab] = set()

    async def run(self, host: str, port: int, on_ready: Callable[[str], None]) -> None:
        """Serve until the process is told to stop; `on_ready` is told the address."""
        async with self._serving(host, port) as (server, checking):
            on_ready(server.address)
            await until_stopped(server.failed(), checking, schema_changed(self._store))

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[str]:
        """Serve while this is open; gives the address. Raises OSError where it cannot listen."""
        async with self._serving(host, port) as (server, _checking):
            yield server.address

    @asynccontextmanager
    async def _serving(
        self, host: str, port: int
    ) -> AsyncIterator[tuple[ListeningServer, asyncio.Task[None]]]:
        async with listening(
            self._application(),
            self._connections,
            host,
            port,
            logger=log.name,
            clock=self._clock,
            stop_timeout=_STOP_TIMEOUT,
        ) as server:
            checking = asyncio.create_task(self._log_ins.keep_checking())
            try:
                yield server, checking
            finally:
                await server.stop_accepting()
                checking.cancel()
                await asyncio.gather(checking, return_exceptions=True)
                tabs = set(self._tabs)
                for tab in tabs:
                    tab.end()
                for tab in tabs:
                    await tab.ended.wait()
        await self._log_ins.record_failures(final=True)

    def _application(self) -> web.Application:
        application = web.Application(
            middlewares=[self._guard()], client_max_size=LOG_IN_BYTES, logger=log
        )
        # a proxy may leave the path of the public address before that of the page, or take it away
        for folder in {"", self._site.folder}:
            application.add_routes(
                [
                    web.get(f"{folder}/", self._show),
                    web.post(f"{folder}/login", self._log_in),
                    web.post(f"{folder}/logout", self._log_out),
                    web.get(f"{folder}/login", self._show_beside),
                    web.get(f"{folder}/logout", self._show_beside),
                    web.get(f"{folder}/ws", self._serve_tab),
                    web.static(f"{folder}/static", _STATIC),
                ]
            )
        if self._site.folder:
            application.add_routes([web.get(self._site.folder, self._show_in_folder)])
        return application

    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._connections.request_began(request.transport)
            page = self._page(request)
            if not self._site.is_own_page(request):
                return page.text(403, FROM_ANOTHER_SITE)
            try:
                open_to_all = ("", "/", "/login", "/logout")
                if self._site.path(request) not in open_to_all and self._session(request) is None:
                    return page.text(403, NOT_LOGGED_IN)
                return await handler(request)
            except web.HTTPException as error:
                refused = NOT_FOUND if error.status in (403, 404, 405) else BAD_REQUEST
                return page.text(error.status, refused)
            except Exception as error:
                log.error("a request failed: %s", describe_safely(error, _FRAMES))
                return page.text(500, FAILED)

        return guard

    async def _show(self, request: web.Request) -> web.StreamResponse:
        page = self._page(request)
        session = self._session(request)
        if session is None:
            if request.headers.get("Sec-Fetch-Site") == "cross-site":
                return page.once_more()
            return page.log_in()
        if self._running() >= TABS and not session.tabs:
            return page.text(429, TOO_MANY_TABS)
        self._log_ins.sessions.use(session)
        size = request.query.get("fontsize", "")
        wanted = int(size) if size.isascii() and size.isdecimal() and len(size) < 4 else _FONT_SIZE
        font_size = wanted if wanted in _FONT_SIZES else _FONT_SIZE
        # around the monitor stands the language that the monitor itself has
        own_page = Page(self._language, self._title)
        return own_page.monitor(session.name, font_size, board=self._board)

    async def _show_in_folder(self, request: web.Request) -> web.StreamResponse:
        return self._page(request).redirect(self._site.folder.rpartition("/")[2] + "/")

    async def _show_beside(self, request: web.Request) -> web.StreamResponse:
        return self._page(request).redirect("./")

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        page, address = self._page(request), self._site.address(request)
        try:
            fields = dict(parse_qsl((await request.read()).decode("ascii", "replace")))
            secret = await self._log_ins.begin(fields.get("token", "").strip(), address)
        except TooManyTries as error:
            return page.wait(error.seconds)
        except TokenRefused:
            return page.log_in(403, TOKEN_REFUSED)
        except Exception as error:
            if not is_transient(error):
                raise
            return page.log_in(503, STORE_AWAY)
        # whoever logs in again has done with what was before
        if (former := self._session(request)) is not None:
            await self._log_ins.end(former)
        response = page.redirect("./")
        self._set_cookie(request, response, secret)
        return response

    async def _log_out(self, request: web.Request) -> web.StreamResponse:
        # it may have ended by itself before
        if (session := self._session(request)) is not None:
            await self._log_ins.end(session)
        response = self._page(request).redirect("./")
        self._set_cookie(request, response, "")
        return response

    def _set_cookie(self, request: web.Request, response: web.Response, secret: str) -> None:
        """Set the cookie of a session, or delete it where `secret` is empty."""
        response.set_cookie(
            COOKIE,
            secret,
            max_age=None if secret else 0,
            httponly=True,
            samesite="Strict",
            secure=self._site.is_behind_tls(request),
            # without one it is for the folder of the page, whatever a proxy calls it
            path="",
        )

    async def _serve_tab(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        assert session is not None, "the guard lets nobody else through"
        page = self._page(request)
        if not web.WebSocketResponse().can_prepare(request):
            return page.text(400, BAD_REQUEST)
        await self._make_room(session)
        if self._session(request) is None:
            return page.text(403, NOT_LOGGED_IN)
        if self._running() >= TABS:
            return page.text(429, TOO_MANY_TABS)
        self._connections.keep(request.transport)
        size = _number(request.query.get("width"), 80), _number(request.query.get("height"), 24)
        tab = BrowserTab(self._tab_requests, self._log_ins.sessions, session)
        self._tabs.add(tab)
        try:
            return await tab.serve(request, size)
        finally:
            self._tabs.discard(tab)

    def _running(self) -> int:
        """Return how many tabs have a process."""
        return sum(not tab.ended.is_set() for tab in self._tabs)

    async def _make_room(self, session: Session) -> None:
        """End the oldest tabs of a person who has too many, and wait until they have ended.

        It is not the new one that is refused: a page that is loaded again still has its former tab.
        """
        while mine := self._log_ins.sessions.tabs_of(session.name):
            if len(mine) < TABS_OF_PERSON and self._running() < TABS:
                return
            mine[0].end()
            await mine[0].ended.wait()

    def _page(self, request: web.Request) -> Page:
        accepted = request.headers.get("Accept-Language", "")
        as_page = "text/html" in request.headers.get("Accept", "")
        return Page(preferred_language(accepted, self._language), self._title, as_page=as_page)

    def _session(self, request: web.Request) -> Session | None:
        return self._log_ins.sessions.find(request.cookies.get(COOKIE, ""))


def _number(text: str | None, default: int) -> int:
    try:
        return int(text or default)
    except ValueError:
        return default
