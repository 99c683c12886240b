"""Post pages of events, each within the channel's time however slowly the receiver answers."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec

from models.json_types import JsonObject
from models.operations.notices.channel_state import LONGEST_REST
from workers.events.config import EventsChannelConfig
from workers.events.signature import signed_headers

if TYPE_CHECKING:
    import aiohttp

_LATER = frozenset((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS))
"""Answers below 500 that refuse nothing for good."""


@dataclass(frozen=True)
class PageFailure:
    """Why a page was not taken, and how long the channel is to rest at least."""

    why: str
    rest: timedelta = timedelta()


class PagePoster:
    """Posts pages to one receiver; connections are kept between them, while it is open."""

    def __init__(self, name: str, channel: EventsChannelConfig) -> None:
        self._name, self._channel = name, channel
        self._runner = asyncio.Runner()
        self._session: aiohttp.ClientSession | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            self._runner.run(self._session.close())
        self._runner.close()

    def post(self, events: Sequence[JsonObject], now: datetime) -> PageFailure | None:
        """Post a page; returns None if it was taken. The same page always has the same id."""
        body = msgspec.json.encode({"channel": self._name, "events": events})
        message = hashlib.sha256(body).hexdigest()
        headers = signed_headers(self._channel.secrets, message, now, body)
        headers["Content-Type"] = "application/json"
        return self._runner.run(self._post(body, headers))

    async def _post(self, body: bytes, headers: dict[str, str]) -> PageFailure | None:
        # imported here: only a channel of events needs it
        import aiohttp  # noqa: PLC0415

        if self._session is None:
            # the time is that of the whole exchange, so nobody can drip it away
            timeout = aiohttp.ClientTimeout(total=self._channel.timeout)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=True)
        try:
            # what it answers beside the status is not read: it may repeat what it was sent
            async with self._session.post(
                self._channel.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return _failure(answer.status, answer.headers.get("Retry-After", ""))
        except TimeoutError:
            return PageFailure("it did not answer in time")
        except (aiohttp.ClientError, OSError) as error:
            # an address may hold a password, so the text of the error is left out
            return PageFailure(f"it cannot be reached ({type(error).__name__})")


def _failure(status: int, retry_after: str) -> PageFailure | None:
    """Return what an answer means: taken, not now, or refused as it is, which somebody must mend.

    A refused page is tried again as seldom as possible, and never passed over.
    """
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        digits = retry_after.isascii() and retry_after.isdigit()
        seconds = min(int(retry_after[:9]), LONGEST_REST.total_seconds()) if digits else 0
        return PageFailure(f"it answered HTTP {status}", timedelta(seconds=seconds))
    return PageFailure(f"it refused the page: HTTP {status}", LONGEST_REST)
