"""Sessions: who has logged in, until when, and with which tabs."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from models.rules.limits import SESSION_IDLE, SESSION_TIME, SESSIONS_OF_PERSON
from models.security.tokens import Token, digest_of


class Tab(Protocol):
    """A tab of a session."""

    ended: asyncio.Event

    def end(self) -> None:
        """End the tab soon."""


@dataclass(eq=False, slots=True)
class Session:
    """A log-in of one person. Its token is kept for the processes of its tabs."""

    holder: Token
    token: str = field(repr=False)
    address: str
    began_at: float
    used_at: float
    tabs: list[Tab] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The person who has logged in."""
        return self.holder.name


class Sessions:
    """The sessions of a server, by the digest of what their cookies hold.

    `clock` gives seconds that only go forward. Without `idle_ends` a session ends by its length
    alone, as a wallboard's must.
    """

    def __init__(self, clock: Callable[[], float], *, idle_ends: bool = True) -> None:
        self._clock = clock
        self._idle_ends = idle_ends
        self._by_digest: dict[bytes, Session] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_digest.values()))

    def begin(self, holder: Token, token: str, address: str) -> str:
        """Begin a session; returns the secret of its cookie, which is always a new one."""
        now = self._clock()
        session = Session(holder, token, address, now, now)
        secret = secrets.token_urlsafe(32)
        self._by_digest[digest_of(secret)] = session
        return secret

    def find(self, secret: str) -> Session | None:
        """Return the session with this cookie, None where it has ended."""
        session = self._by_digest.get(digest_of(secret))
        return session if session is not None and not self._has_ended(session) else None

    def use(self, session: Session) -> None:
        """Note that somebody uses a session."""
        session.used_at = self._clock()

    def end(self, session: Session) -> bool:
        """End a session and its tabs; returns whether it had not ended before."""
        before = len(self._by_digest)
        self._by_digest = {k: v for k, v in self._by_digest.items() if v is not session}
        for tab in list(session.tabs):
            tab.end()
        return len(self._by_digest) < before

    def over(self) -> list[Session]:
        """Return the sessions that are to end: their time is over, or their person has too many."""
        by_name: dict[str, list[Session]] = {}
        for session in self:
            by_name.setdefault(session.name, []).append(session)
        surplus = {s for mine in by_name.values() for s in mine[:-SESSIONS_OF_PERSON]}
        return [session for session in self if session in surplus or self._has_ended(session)]

    def tabs_of(self, name: str) -> list[Tab]:
        """Return the tabs that a person has open, of each session the oldest first."""
        return [tab for session in self if session.name == name for tab in session.tabs]

    def _has_ended(self, session: Session) -> bool:
        now = self._clock()
        idle = self._idle_ends and now - session.used_at >= SESSION_IDLE.total_seconds()
        return idle or now - session.began_at >= SESSION_TIME.total_seconds()
