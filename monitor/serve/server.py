"""The web server of the monitor: log-in, sessions, and a process for each tab."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import textual_serve
from aiohttp import web
from aiohttp.typedefs import Middleware

from models.clock import Now, monotonic
from models.database import Store
from models.errors import describe_safely
from models.rules.limits import LOG_IN_BYTES, TABS, TABS_OF_PERSON
from models.security.tokens import TokenRefused
from models.store_errors import is_transient
from monitor.serve.connections import Connections
from monitor.serve.guesses import FailedLogIns
from monitor.serve.languages import preferred_language
from monitor.serve.log_ins import LogIns
from monitor.serve.log_limit import LogLimit
from monitor.serve.origins import is_own_page, parse_origin
from monitor.serve.pages import (
    BAD_REQUEST,
    FROM_ANOTHER_SITE,
    NOT_FOUND,
    NOT_LOGGED_IN,
    STORE_AWAY,
    TOKEN_REFUSED,
    TOO_MANY_TABS,
    TOO_MANY_TRIES,
    Page,
)
from monitor.serve.sessions import Session, Sessions
from monitor.serve.tab import BrowserTab

log = logging.getLogger("hotline.monitor")

COOKIE = "hotline_session"

_STATIC = Path(textual_serve.__file__).parent / "static"
_CHECK_INTERVAL = 2.0
_STOP_TIMEOUT = 5.0
_LOGGERS = ("hotline.monitor", "aiohttp.server", "asyncio")
"""The loggers that a visitor can cause lines of."""
_FONT_SIZE = 16
_FONT_SIZES = range(6, 73)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MonitorServer:
    """Runs `command` in `environment` for every tab of somebody who has logged in.

    `public` is the address that browsers use, if it is not the one that the server listens on.
    Without it nobody is believed who says on whose behalf he asks (X-Forwarded-For). With `board`
    the command shows the wallboard. `now` is the clock by which tokens end.
    """

    def __init__(
        self,
        store: Store,
        now: Now,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        title: str,
        language: str,
        public: str = "",
        board: bool = False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._log_ins = LogIns(store, now)
        self._command, self._environment = command, environment
        self._title, self._language, self._board = title, language, board
        self._public = parse_origin(public)
        self._folder = urlsplit(public).path.rstrip("/")
        self._behind_proxy = bool(public)
        self._clock = clock
        self.sessions = Sessions(clock, idle_ends=not board)
        self._failed = FailedLogIns()
        self._connections = Connections()
        self._tabs: set[BrowserTab] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, host: str, port: int, on_ready: Callable[[str], None]) -> None:
        """Serve until the process is told to stop; `on_ready` is told the address."""
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        async with self.listening(host, port) as address:
            on_ready(address)
            waiting = asyncio.create_task(stopped.wait())
            done, _pending = await asyncio.wait(
                [waiting, *self._tasks], return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[str]:
        """Serve while this is open; gives the address. Raises OSError where it cannot listen."""
        limits = {logging.getLogger(name): LogLimit(self._clock) for name in _LOGGERS}
        for logger, limit in limits.items():
            logger.addFilter(limit)
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            shutdown_timeout=_STOP_TIMEOUT,
            logger=logging.getLogger("aiohttp.server"),
        )
        await runner.setup()
        assert runner.server is not None
        listeners = [_listener(*place) for place in await _places(host, port)]
        self._tasks = [
            asyncio.create_task(self._connections.accept(listener, runner.server))
            for listener in listeners
        ]
        self._tasks.append(asyncio.create_task(self._keep_checking()))
        try:
            bound = listeners[0].getsockname()[1]
            yield f"http://{f'[{host}]' if ':' in host else host}:{bound}/"
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for listener in listeners:
                listener.close()
            tabs = set(self._tabs)
            for tab in tabs:
                tab.end()
            for tab in tabs:
                await tab.ended.wait()
            await runner.cleanup()
            await self._log_failures(final=True)
            for logger, limit in limits.items():
                logger.removeFilter(limit)

    def _application(self) -> web.Application:
        application = web.Application(
            middlewares=[self._guard()], client_max_size=LOG_IN_BYTES, logger=log
        )
        # a proxy may leave the path of the public address before that of the page, or take it away
        for folder in {"", self._folder}:
            application.add_routes(
                [
                    web.get(f"{folder}/", self._show),
                    web.post(f"{folder}/login", self._log_in),
                    web.post(f"{folder}/logout", self._log_out),
                    web.get(f"{folder}/ws", self._serve_tab),
                    web.static(f"{folder}/static", _STATIC),
                ]
            )
        if self._folder:
            application.add_routes([web.get(self._folder, self._show_in_folder)])
        return application

    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._connections.request_began(request.transport)
            page = self._page(request)
            if not self._is_from_own_page(request):
                return page.text(403, FROM_ANOTHER_SITE)
            try:
                open_to_all = ("", "/", "/login")
                if self._path(request) not in open_to_all and self._session(request) is None:
                    return page.text(403, NOT_LOGGED_IN)
                return await handler(request)
            except web.HTTPException as error:
                refused = NOT_FOUND if error.status in (403, 404, 405) else BAD_REQUEST
                return page.text(error.status, refused)

        return guard

    async def _show(self, request: web.Request) -> web.StreamResponse:
        page = self._page(request)
        session = self._session(request)
        if session is None:
            if request.headers.get("Sec-Fetch-Site") == "cross-site":
                return page.once_more()
            return page.log_in()
        if self._has_too_many_tabs(session):
            return page.text(429, TOO_MANY_TABS)
        self.sessions.use(session)
        size = request.query.get("fontsize", "")
        wanted = int(size) if size.isascii() and size.isdecimal() and len(size) < 4 else _FONT_SIZE
        font_size = wanted if wanted in _FONT_SIZES else _FONT_SIZE
        # around the monitor stands the language that the monitor itself has
        own_page = Page(self._language, self._title)
        return own_page.monitor(session.name, font_size, board=self._board)

    async def _show_in_folder(self, request: web.Request) -> web.StreamResponse:
        return self._page(request).redirect(self._folder.rpartition("/")[2] + "/")

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        page, address = self._page(request), self._address(request)
        if seconds := self._failed.pause(address, self._clock()):
            refusal = page.log_in(429, TOO_MANY_TRIES, seconds=seconds)
            refusal.headers["Retry-After"] = str(seconds)
            return refusal
        fields = dict(parse_qsl((await request.read()).decode("ascii", "replace")))
        token = fields.get("token", "").strip()
        try:
            holder = await asyncio.to_thread(self._log_ins.begin, token, address)
        except TokenRefused:
            self._failed.add(address, self._clock())
            await self._log_failures()
            return page.log_in(403, TOKEN_REFUSED)
        except Exception as error:
            if not is_transient(error):
                raise
            return page.log_in(503, STORE_AWAY)
        # whoever logs in again has done with what was before
        if (former := self._session(request)) is not None:
            await self._end(former)
        secret, _session = self.sessions.begin(holder, token, address)
        response = page.redirect("./")
        self._set_cookie(request, response, secret)
        return response

    async def _log_out(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        assert session is not None, "the guard lets nobody else through"
        await self._end(session)
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
            secure=self._is_behind_tls(request),
            # without one it is for the folder of the page, whatever a proxy calls it
            path="",
        )

    async def _serve_tab(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        assert session is not None, "the guard lets nobody else through"
        if self._has_too_many_tabs(session):
            return self._page(request).text(429, TOO_MANY_TABS)
        self._connections.keep(request.transport)
        size = _number(request.query.get("width"), 80), _number(request.query.get("height"), 24)
        tab = BrowserTab(self._command, self._environment, self.sessions, session)
        self._tabs.add(tab)
        try:
            return await tab.serve(request, size)
        finally:
            self._tabs.discard(tab)

    def _page(self, request: web.Request) -> Page:
        accepted = request.headers.get("Accept-Language", "")
        return Page(preferred_language(accepted, self._language), self._title)

    def _session(self, request: web.Request) -> Session | None:
        return self.sessions.find(request.cookies.get(COOKIE, ""))

    def _has_too_many_tabs(self, session: Session) -> bool:
        return len(self._tabs) >= TABS or self.sessions.tabs_of(session.name) >= TABS_OF_PERSON

    def _path(self, request: web.Request) -> str:
        """Return the path of a request without the folder that a proxy may have left in it."""
        path = request.path
        is_in_folder = path == self._folder or path.startswith(f"{self._folder}/")
        return path.removeprefix(self._folder) if is_in_folder else path

    def _is_from_own_page(self, request: web.Request) -> bool:
        """Return whether a page of ours asks: another site's must not log in, act or open a tab.

        Whoever only follows a link to the page may come from anywhere. Programs that are no browser
        say nothing.
        """
        if request.method == "GET" and self._path(request) != "/ws":
            return True
        origin = request.headers.get("Origin")
        if origin is None:
            return request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
        return is_own_page(origin, request.headers.get("Host", ""), self._public)

    def _is_behind_tls(self, request: web.Request) -> bool:
        """Return whether the visitor's browser came by https: a tunnel may lead past the proxy."""
        origin = parse_origin(request.headers.get("Origin", "")) or self._public
        return origin is not None and origin.scheme == "https"

    def _address(self, request: web.Request) -> str:
        """Return the visitor's address, by the word of the proxy where there is one."""
        forwarded = request.headers.get("X-Forwarded-For", "")
        if self._behind_proxy and forwarded:
            return forwarded.rpartition(",")[2].strip()[:45]
        return request.remote or ""

    async def _keep_checking(self) -> None:
        """End sessions whose time is over, or whose token is no longer valid."""
        while True:
            await asyncio.sleep(_CHECK_INTERVAL)
            try:
                over = self.sessions.over()
                holders = {session.holder for session in self.sessions}
                valid = await asyncio.to_thread(self._log_ins.still_valid, holders)
                revoked = [s for s in self.sessions if s.holder in holders - valid]
                for session in {*over, *revoked}:
                    await self._end(session)
                await self._log_failures()
            except Exception as error:
                # nothing may end this: it is what ends everything else
                log.error("log-ins cannot be checked: %s", describe_safely(error))

    async def _end(self, session: Session) -> None:
        if self.sessions.end(session):
            await self._record(lambda: self._log_ins.end(session.holder, session.address))

    async def _log_failures(self, *, final: bool = False) -> None:
        failures = self._failed.to_log(float("inf") if final else self._clock())
        if failures is not None:
            await self._record(lambda: self._log_ins.fail(*failures))

    async def _record(self, write: Callable[[], None]) -> None:
        """Write a line of the access log; an outage of the store is said in the service's log."""
        try:
            await asyncio.to_thread(write)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("the store cannot be reached: a log-in or its end is not logged")


def _number(text: str | None, default: int) -> int:
    try:
        return int(text or default)
    except ValueError:
        return default


async def _places(host: str, port: int) -> list[tuple[int, Any]]:
    """Return the addresses to listen on. Raises OSError for a host that there is not."""
    infos = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(dict.fromkeys((family, address) for family, *_kind, address in infos))


def _listener(family: int, address: Any) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.setblocking(False)
    listener.bind(address)
    listener.listen(128)
    return listener
