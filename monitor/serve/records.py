"""Log-ins as the store knows them: whose a token is, and the lines of the access log."""

from collections.abc import Collection

from models.clock import Now
from models.database import Store
from models.operations.access_log import record_access
from models.operations.tokens import use_token
from models.queries.tokens import is_token_valid
from models.rules.vocabulary import AccessAct
from models.security.tokens import Token


class LogInRecords:
    """Asks and writes the store; every method waits for it, so they belong into threads."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store, self._now = store, now

    def find(self, token: str) -> Token:
        """Return whose a token is, and note its use. Raises TokenRefused."""
        return use_token(self._store, token, self._now())

    def begin(self, holder: Token, address: str) -> None:
        """Log that somebody has logged in."""
        with self._store.writing() as session:
            record_access(session, holder.actor, AccessAct.LOG_IN, None, [address], self._now())

    def end(self, holder: Token, address: str) -> None:
        """Log that a log-in has ended."""
        with self._store.writing() as session:
            record_access(session, holder.actor, AccessAct.LOG_OUT, None, [address], self._now())

    def still_valid(self, holders: Collection[Token]) -> set[Token]:
        """Return those of these tokens that are still valid."""
        if not holders:
            return set()
        now = self._now()
        with self._store.reading() as session:
            return {h for h in holders if is_token_valid(session, h.name, h.issued_at, now)}
