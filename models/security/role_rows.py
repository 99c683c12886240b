"""The keyed hash of a stored role, which nobody can make with the database alone."""

import hmac
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import msgspec

from models.rules.vocabulary import UserRole
from models.security.encryption import Cipher

OWNER = "owner"
"""Stands in place of a role for whoever used a store on a server first."""


class HeldRole(NamedTuple):
    """A role as a user was given it; an empty one allows nothing."""

    role: UserRole | Literal[""]
    at: datetime
    by: str


def role_row_hash(cipher: Cipher, name: str, role: str, at: datetime, by: str) -> bytes:
    """Return the keyed hash of a stored role."""
    covered = msgspec.json.encode((name, role, at.astimezone(UTC), by))
    # a key of its own: letters choose what else is hashed with the store's key
    return hmac.digest(cipher.keyed_hash(b"roles"), covered, "sha256")
