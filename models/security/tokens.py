"""Tokens, by which people and machines that have no user of the operating system are known."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from models.errors import HotlineError
from models.i18n import _
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import Sender, UserRole
from models.security.encryption import Cipher
from models.security.roles import Actor

_RANDOM_BYTES = 32


class TokenRefused(HotlineError):
    """A token is not known, has ended, or was revoked; the message never repeats it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its bearer, what he may do with it, and when it ends, None if it does not.

    `speaks` are those in whose name its bearer may send messages, empty for what his role allows;
    with a `unit` he speaks for this unit alone.
    """

    name: str
    role: UserRole
    speaks: tuple[Sender, ...]
    unit: str | None
    issued_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def actor(self) -> Actor:
        """The bearer, as somebody who acts."""
        return Actor(self.name, self.role, frozenset(self.speaks) or None, self.unit)

    def is_valid(self, now: datetime) -> bool:
        """Return whether it has neither ended nor been revoked."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def require_valid(self, now: datetime) -> None:
        """Raise TokenRefused where it has ended or was revoked."""
        if self.revoked_at is not None:
            raise TokenRefused(_("the token of {name} was revoked").format(name=self.name))
        if self.expires_at is not None and not self.is_valid(now):
            day = f"{self.expires_at.astimezone(SHANGHAI):%Y-%m-%d}"
            text = _("the token of {name} ended on {day}; a supervisor issues another one")
            raise TokenRefused(text.format(name=self.name, day=day))


def new_token() -> str:
    """Return a new random token."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def digest_of(token: str) -> bytes:
    """Return the digest by which a token is stored and holder.

    A token is 32 random bytes: nobody guesses them, so a plain SHA-256 is as good as a slow hash
    with a salt, which is for passwords that people choose.
    """
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def token_row_hash(cipher: Cipher, token: Token, digest: bytes) -> bytes:
    """Return the keyed hash of all of a stored token that decides anything."""
    covered = msgspec.json.encode(
        (
            token.name,
            digest.hex(),
            token.role,
            token.speaks,
            token.unit,
            *(
                at and at.astimezone(UTC)
                for at in (token.issued_at, token.expires_at, token.revoked_at)
            ),
        )
    )
    # a key of its own: letters choose what else is hashed with the store's key
    return hmac.digest(cipher.keyed_hash(b"tokens"), covered, "sha256")
