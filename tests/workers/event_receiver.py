"""A receiver of events on loopback: checks signatures, and can misbehave."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SECRET = "whsec_" + base64.b64encode(b"of the receiver, and long enough").decode()


@dataclass
class EventReceiver:
    """Takes pages; `answer` is the status that it gives, or nothing where it `hangs`.

    `on_page` is called before a page is answered; where it `loses_answer`, somebody on the way
    answers instead of it that it is away. What has come under a new id is in
    `events`, in its order; `pages` are the ids of all pages, and `most_at_once` how many of them
    it had to answer at the same time.
    """

    secret: str = SECRET
    answer: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    on_page: Callable[[], None] = lambda: None
    loses_answer: Callable[[], bool] = lambda: False
    url: str = ""
    pages: list[str] = field(default_factory=list)
    moments: list[int] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    unsigned: int = 0
    most_at_once: int = 0
    _at_once: int = 0
    _known: set[str] = field(default_factory=set)

    def of(self, ticket: str) -> list[int]:
        """The lines of a ticket that came, in the order in which they came."""
        return [event["seq"] for event in self.events if event["ticket"] == ticket]

    async def handle(self, request: web.Request) -> web.Response:
        """Take a page as docs/channels.md says."""
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            body = await request.read()
            page, moment = request.headers["webhook-id"], request.headers["webhook-timestamp"]
            if not self._is_signed(f"{page}.{moment}.".encode() + body, request):
                self.unsigned += 1
                return web.Response(status=401)
            self.pages.append(page)
            self.moments.append(int(moment))
            await asyncio.get_running_loop().run_in_executor(None, self.on_page)
            if self.hangs:
                await asyncio.sleep(30)
            if self.answer == 200:
                self._take(json.loads(body)["events"])
            if self.loses_answer():
                return web.Response(status=502)
            return web.Response(status=self.answer, headers=self.headers)
        finally:
            self._at_once -= 1

    def _is_signed(self, signed: bytes, request: web.Request) -> bool:
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{expected}" in request.headers["webhook-signature"].split(" ")

    def _take(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            if event["id"] in self._known:
                self.repeated.append(event["id"])
            else:
                self._known.add(event["id"])
                self.events.append(event)


@contextmanager
def event_receiver() -> Iterator[EventReceiver]:
    """Run a receiver."""
    receiver, loop = EventReceiver(), asyncio.new_event_loop()

    async def start() -> web.AppRunner:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_post("/events", receiver.handle)
        # a handler that hangs ends with its client
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
        return runner

    runner = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield receiver
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
