"""Anchors: signed roots over the feed of changes, each chained to the anchor before.

An anchor covers the packed heads of each transaction since the one before as the leaves of a
Merkle tree (RFC 6962: leaves and nodes are hashed apart). Whoever has the public key can check it
without the store's key.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_LEAF, _NODE = b"\0", b"\1"
_POSITION_BYTES = 8


class Anchor(msgspec.Struct, frozen=True):
    """An anchor: `changes` rows of the feed up to position `through`, and their `root`."""

    number: int
    at: datetime
    through: int
    changes: int
    root: bytes
    previous: bytes
    signature: bytes = b""

    def signed(self) -> bytes:
        """Return what the signature covers."""
        at = self.at.astimezone(UTC).isoformat()
        return msgspec.json.encode(
            (
                self.number,
                at,
                self.through,
                self.changes,
                self.root.hex(),
                self.previous.hex(),
            )
        )

    def digest(self) -> bytes:
        """Return what the next anchor is chained to."""
        return hashlib.sha256(self.signed() + self.signature).digest()

    def sign(self, key: Ed25519PrivateKey) -> "Anchor":
        """Return it with its signature."""
        return msgspec.structs.replace(self, signature=key.sign(self.signed()))

    def is_signed_by(self, key: bytes) -> bool:
        """Return whether the signature is of this public key."""
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(self.signature, self.signed())
        except (InvalidSignature, ValueError):
            return False
        return True


def leaf(position: int, heads: bytes) -> bytes:
    """Return the hash of a row of the feed as a leaf of the tree."""
    place = position.to_bytes(_POSITION_BYTES, "big")
    return hashlib.sha256(_LEAF + place + heads).digest()


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaves in their order; a level's odd last node moves up as it is."""
    level = list(leaves)
    if not level:
        return hashlib.sha256(b"").digest()
    while len(level) > 1:
        level = _level_above(level)
    return level[0]


def _level_above(level: list[bytes]) -> list[bytes]:
    pairs = zip(level[::2], level[1::2], strict=False)
    above = [hashlib.sha256(_NODE + left + right).digest() for left, right in pairs]
    return above + level[len(above) * 2 :]


def merkle_path(leaves: Iterable[bytes], place: int) -> list[bytes | None]:
    """Return what leads from a leaf to the root: at each level its neighbour, None for none."""
    level, path = list(leaves), list[bytes | None]()
    while len(level) > 1:
        neighbour = place ^ 1
        path.append(level[neighbour] if neighbour < len(level) else None)
        level, place = _level_above(level), place // 2
    return path


def root_by_path(node: bytes, place: int, path: Iterable[bytes | None]) -> bytes:
    """Return the root that a leaf and its path lead to."""
    for neighbour in path:
        if neighbour is not None:
            pair = neighbour + node if place % 2 else node + neighbour
            node = hashlib.sha256(_NODE + pair).digest()
        place //= 2
    return node


def public_key(private: bytes) -> bytes:
    """Return the public key of a private one, both as 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def private_key(private: bytes) -> Ed25519PrivateKey:
    """Return the private key of its 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(private)
