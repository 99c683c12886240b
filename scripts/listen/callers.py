"""Callers: whose token a request shows, and whether he may send messages now."""

import asyncio
from collections.abc import Callable

from models.clock import Now
from models.database import Store
from models.operations.access_log import record_denial
from models.operations.tokens import use_token
from models.rules.limits import KNOWN_ADDRESSES, LISTEN_REQUESTS_A_MINUTE
from models.rules.speaking import OWN_SOURCES
from models.rules.vocabulary import Permission, UserRole, label
from models.security.roles import NotAllowed
from models.security.tokens import Token, TokenRefused, digest_of
from models.serving.log_in_failures import LogInFailures, TooManyTries
from models.serving.tries import Tries
from scripts.listen.problems import (
    NO_TOKEN,
    NOT_ALLOWED,
    RESERVED,
    TOKEN_REFUSED,
    TOO_MANY_REQUESTS,
    TOO_MANY_TRIES,
    Problem,
)

_SCHEME = "bearer"


class Callers:
    """The bearers of tokens who send messages; `now` is the clock by which tokens end."""

    def __init__(self, store: Store, now: Now, clock: Callable[[], float]) -> None:
        self._store, self._now, self._clock = store, now, clock
        self._failures = LogInFailures(store, now, clock)
        self._requests = Tries(LISTEN_REQUESTS_A_MINUTE, 60 / LISTEN_REQUESTS_A_MINUTE)
        self._seen: dict[bytes, None] = {}

    async def identify(self, authorization: str, address: str) -> Token:
        """Return the token of a request. Raises Problem, and the store's error where it is away.

        An address from which many unknown tokens came has to wait; but not for one that was good
        before: behind one address there may be others.
        """
        scheme, _blank, token = authorization.strip().partition(" ")
        token = token.strip()
        if scheme.lower() != _SCHEME or not token:
            raise Problem(NO_TOKEN)
        digest = digest_of(token)
        if digest not in self._seen:
            try:
                self._failures.require_try(address)
            except TooManyTries as error:
                raise Problem(
                    TOO_MANY_TRIES, retry_after=error.seconds, seconds=error.seconds
                ) from error
        try:
            holder = await asyncio.to_thread(use_token, self._store, token, self._now())
        except TokenRefused as error:
            self._seen.pop(digest, None)
            await self._failures.add(address)
            raise Problem(TOKEN_REFUSED) from error
        self._remember(digest)
        await self._require_right(holder)
        self._require_pace(holder)
        return holder

    async def record_failures(self, *, final: bool = False) -> None:
        """Log how many requests showed no good token, at most once a minute."""
        await self._failures.record(final=final)

    def _remember(self, digest: bytes) -> None:
        self._seen[digest] = None
        if len(self._seen) > KNOWN_ADDRESSES:
            del self._seen[next(iter(self._seen))]

    async def _require_right(self, holder: Token) -> None:
        if holder.name in OWN_SOURCES:
            raise Problem(RESERVED, name=holder.name)
        if not holder.actor.may(Permission.FEED):
            denied = NotAllowed(holder.actor, Permission.FEED, None, ["hotline listen"])
            await asyncio.to_thread(record_denial, self._store, denied, self._now())
            raise Problem(NOT_ALLOWED, name=holder.name, role=label(UserRole, holder.role))

    def _require_pace(self, holder: Token) -> None:
        if seconds := self._requests.pause(holder.name, self._clock()):
            raise Problem(TOO_MANY_REQUESTS, retry_after=seconds, seconds=seconds)
        self._requests.add(holder.name, self._clock())
