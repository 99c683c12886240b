"""The web server that takes messages: who may send, how much, and what he is answered."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from models.clock import Now, monotonic
from models.database import Store
from models.errors import describe_safely
from models.rulebook import has_policies
from models.schema import WrongSchema
from models.security.tokens import Token
from models.serving.addresses import visitor_address
from models.serving.connections import Connections
from models.serving.languages import preferred_language
from models.serving.web_server import ListeningServer, listening, schema_changed, until_stopped
from models.store_errors import is_store_fault
from scripts.listen.answer import Answer
from scripts.listen.callers import Callers
from scripts.listen.intake import Intake
from scripts.listen.pages import Pages
from scripts.listen.problems import (
    BAD_REQUEST,
    FAILED,
    NOT_FOUND,
    STOPPING,
    STORE_AWAY,
    WRONG_METHOD,
    Problem,
)
from scripts.listen.receiving import Receiver
from scripts.listen.responses import LANGUAGE, REQUEST_ID, Responses, request_id

log = logging.getLogger("hotline.listen")
requests_log = logging.getLogger("hotline.listen.requests")
"""Has a line for each request with a good token; what anybody can cause is limited in the other."""

_STOP_TIMEOUT = 15.0
_FRAMES = 8
_WRITERS = 2
"""Batches that are committed at one time; the others wait in their order."""
_HEALTH_INTERVAL = 1.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ListenServer:
    """Takes messages into a store; refused ones are kept in the file `refused`, too.

    `public` is the address that senders use, if it is not the one that the server listens on:
    there is a proxy then, which is believed on whose behalf it asks. `now` is the clock by which
    tokens end. Raises QuietInFuture.
    """

    def __init__(
        self,
        store: Store,
        now: Now,
        refused: Path,
        *,
        language: str,
        public: str = "",
        quiet_before: date | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store, self._clock = store, clock
        self._language, self._public = language, public
        self._folder = urlsplit(public).path.rstrip("/")
        self._intake = Intake(store, now, refused, quiet_before)
        self._callers = Callers(store, now, clock)
        self._connections = Connections()
        self._responses = Responses(self._connections)
        self._pages = Pages(public)
        self._writers = ThreadPoolExecutor(_WRITERS, "intake")
        self._receiver = Receiver(self._writers)
        self._healthy_at = float("-inf")

    async def run(self, host: str, port: int, on_ready: Callable[[str], None]) -> None:
        """Serve until the process is told to stop; `on_ready` is told the address."""
        async with self._serving(host, port) as server:
            on_ready(server.address)
            await until_stopped(server.failed(), schema_changed(self._store))

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[str]:
        """Serve while this is open; gives the address. Raises OSError where it cannot listen."""
        async with self._serving(host, port) as server:
            yield server.address

    @asynccontextmanager
    async def _serving(self, host: str, port: int) -> AsyncIterator[ListeningServer]:
        try:
            async with listening(
                self._application(),
                self._connections,
                host,
                port,
                logger=log.name,
                clock=self._clock,
                stop_timeout=_STOP_TIMEOUT,
                auto_decompress=False,
            ) as server:
                try:
                    yield server
                finally:
                    await server.stop_accepting()
                    # requests finish what they have, and are answered
                    self._receiver.stop()
            await self._callers.record_failures(final=True)
        finally:
            self._writers.shutdown(wait=False)

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard()], logger=log)
        # a proxy may leave the path of the public address before ours, or take it away
        for folder in {"", self._folder}:
            messages = application.router.add_resource(f"{folder}/messages")
            messages.add_route("POST", self._take_messages, expect_handler=_expected_later)
            application.add_routes(
                [
                    web.get(f"{folder}/healthz", self._answer_health),
                    web.get(f"{folder}/openapi.json", self._pages.document),
                    web.get(f"{folder}/", self._pages.manual),
                ]
            )
        return application

    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._connections.keep(request.transport)
            request[REQUEST_ID] = request_id(request)
            request[LANGUAGE] = preferred_language(
                request.headers.get("Accept-Language", ""), self._language
            )
            try:
                response = await handler(request)
            except web.HTTPException as error:
                kinds = {404: NOT_FOUND, 405: WRONG_METHOD}
                response = self._responses.problem(
                    request, Problem(kinds.get(error.status, BAD_REQUEST))
                )
                if "Allow" in error.headers:
                    response.headers["Allow"] = error.headers["Allow"]
            except Exception as error:
                response = self._responses.problem(request, _problem_of(error))
            # an answer, and the next request, have a time to come
            self._connections.request_began(request.transport)
            return response

        return guard

    async def _take_messages(self, request: web.Request) -> web.StreamResponse:
        if self._receiver.is_stopping:
            raise Problem(STOPPING)
        address = visitor_address(request, has_proxy=bool(self._public))
        authorization = request.headers.get("Authorization", "")
        holder = await self._callers.identify(authorization, address)
        only = request.query.get("results") == "refused"
        with Answer(request[REQUEST_ID], request[LANGUAGE], refused_only=only) as answer:
            problem = None
            try:
                taking = self._intake.begin(holder, request[REQUEST_ID], answer)
                await self._receiver.receive(request, taking)
            except ConnectionError:
                _log_request(request, holder, answer, "cut")
                raise
            except Exception as error:
                problem = _problem_of(error)
            _log_request(request, holder, answer, problem.kind.code if problem else "done")
            return await self._responses.answer(request, answer, problem)

    async def _answer_health(self, request: web.Request) -> web.StreamResponse:
        if self._receiver.is_stopping:
            raise Problem(STOPPING)
        # asked of the store now and then only: anybody may ask here
        if self._clock() >= self._healthy_at + _HEALTH_INTERVAL:
            await asyncio.to_thread(self._ask_store)
            self._healthy_at = self._clock()
        return self._responses.plain(request, {"status": "ok"})

    def _ask_store(self) -> None:
        with self._store.reading() as session:
            has_policies(session)


async def _expected_later(_request: web.Request) -> None:
    """Say nothing yet to `Expect: 100-continue`: first it is seen who asks, and for what."""


def _problem_of(error: Exception) -> Problem:
    """Return the problem that an error is; one of ours is logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ConnectionError):
        # nobody is there to read it
        return Problem(BAD_REQUEST)
    if is_store_fault(error) or isinstance(error, (OSError, WrongSchema)):
        log.warning("the store cannot be reached: %s", describe_safely(error))
        return Problem(STORE_AWAY)
    log.error("a request failed: %s", describe_safely(error, _FRAMES))
    return Problem(FAILED)


def _log_request(request: web.Request, holder: Token, answer: Answer, outcome: str) -> None:
    """Log a request: numbers and names of ours, nothing that was sent."""
    counts: dict[str, object] = {each.value: n for each, n in answer.counts.items()}
    named = {"request": request[REQUEST_ID], "source": holder.name, "outcome": outcome}
    requests_log.info("messages taken", extra={**named, "read": answer.read, **counts})
