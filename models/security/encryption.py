"""Personal data at rest: sealed with a key that lies beside the store, never in it."""

import hmac
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.i18n import _
from models.security.keys import KeyFile, KeyRing, KeyUnusable, new_key, parse_keys

__all__ = ["Cipher", "Encrypted", "KeyUnusable", "load_cipher"]

_NONCE_BYTES = 12
log = logging.getLogger("hotline.keys")


class Encrypted:
    """A sealed value as it lies in the store: opaque, and shown as nothing."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def __repr__(self) -> str:
        return "<sealed>"

    @property
    def number(self) -> int:
        """The number of the key that opens it."""
        return self.raw[0]


class Cipher:
    """Seals and opens values with AES-256-GCM, with the keys of a file as it is just now.

    What sealed values are found by, and what the log is chained with, are keyed hashes. Their key
    lies in the store, sealed like all the rest (`unlock` takes it out), so it outlives the keys of
    the file; until then it follows from the first key, as in the stores of the first release.
    """

    def __init__(self, keys: Sequence[bytes] | KeyRing, file: KeyFile | None = None) -> None:
        ring = keys if isinstance(keys, KeyRing) else KeyRing(tuple(keys), len(keys) - 1)
        self.file = file
        # a key that has only been thought of, for a store that may already have another
        self.unsaved = False
        self._stamp = file.stamp() if file else None
        self._take(ring)
        self.use_hash_key(self.legacy_hash_key())

    @property
    def ring(self) -> KeyRing:
        """The keys as they are just now."""
        return self._held[0]

    def encrypt(self, value: Any) -> Encrypted:
        """The sealed form of a JSON value: which key, a nonce, the ciphertext."""
        return self._encrypt(msgspec.json.encode(value))

    def decrypt(self, encrypted: Encrypted) -> Any:
        """The JSON value that was sealed; raises KeyWrong where no key fits."""
        return msgspec.json.decode(self._decrypt(encrypted))

    def reencrypt(self, encrypted: Encrypted) -> Encrypted:
        """The same value under the key that seals now; raises KeyWrong where no key opens it."""
        return self._encrypt(self._decrypt(encrypted))

    def keyed_hash(self, plain: bytes) -> bytes:
        """A keyed hash: equal for equal values, and nothing can be guessed from it."""
        return _hashed(self._hash, plain)

    def chain_hash(self, plain: bytes) -> bytes:
        """The keyed hash of a line of a log: who has the store alone cannot make one."""
        return _hashed(self._chain, plain)

    def use_hash_key(self, key: bytes) -> None:
        """Make keyed hashes with this key from now on."""
        self._hash = hmac.new(key, digestmod="sha256")
        self._chain = hmac.new(_hashed(self._hash, b"log"), digestmod="sha256")

    def legacy_hash_key(self) -> bytes:
        """The key of keyed hashes in a store of the first release."""
        first = self.ring.keys[0]
        return hmac.digest(first, b"fingerprint", "sha256") if first else os.urandom(32)

    def refresh(self) -> None:
        """Take up keys that have been added to the file; one that cannot be read changes nothing.

        Called at the beginning of every transaction, so that a rotation needs no restart.
        """
        if self.file is None or (stamp := self.file.stamp()) in (None, self._stamp):
            return
        try:
            ring = self.file.read()
        except KeyUnusable as wrong:
            log.warning("%s", wrong)
            return
        self._stamp = stamp
        if self.unsaved or ring.continues(self.ring):
            # where this one was a draft, another process was first to keep one
            self._take(ring)
            self.unsaved = False
        else:
            log.error("key file %s holds other keys than before: not used", self.file.path)

    def save_key(self) -> None:
        """Write a key that has only been thought of into its file, for a store that is new."""
        if self.unsaved and self.file is not None:
            self.file.create(self.ring)
            self._stamp = self.file.stamp()
            self._take(self.file.read())
            self.unsaved = False

    def _take(self, ring: KeyRing) -> None:
        # one assignment: other threads seal and open meanwhile
        self._held = ring, [AESGCM(k) if k is not None else None for k in ring.keys]

    def _encrypt(self, plain: bytes) -> Encrypted:
        ring, ciphers = self._held
        number = ring.sealing
        cipher = ciphers[number]
        assert cipher is not None
        nonce = os.urandom(_NONCE_BYTES)
        return Encrypted(bytes([number]) + nonce + cipher.encrypt(nonce, plain, None))

    def _decrypt(self, encrypted: Encrypted) -> bytes:
        raw = encrypted.raw
        if self.unsaved or raw[0] >= len(self._held[1]):
            self.refresh()
        if self.unsaved and self.file is not None:
            told = _("the store is sealed, and its key is missing: put it back at {path}")
            raise KeyUnusable(told.format(path=self.file.path) + " (HOTLINE_KEY_FILE, HOTLINE_KEY)")
        try:
            cipher = self._held[1][raw[0]]
            if cipher is not None:
                nonce, rest = raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :]
                return cipher.decrypt(nonce, rest, None)
        except (InvalidTag, IndexError):
            pass
        told = _("no key opens this store: put back the key file that it was sealed with")
        raise KeyUnusable(told + " (HOTLINE_KEY_FILE, HOTLINE_KEY)")


def _hashed(keyed: hmac.HMAC, plain: bytes) -> bytes:
    # a copy, since hmac.digest lets other threads in at each call, and then waits for them
    begun = keyed.copy()
    begun.update(plain)
    return begun.digest()


def load_cipher(path: Path, given: str | None = None) -> Cipher:
    """The sealer with the keys of this file, or with those `given` instead of one.

    Where there is no file a key is thought of, and kept when the store turns out to be new.
    Raises KeyWrong.
    """
    if given:
        return Cipher(parse_keys(given, "HOTLINE_KEY"))
    file = KeyFile(path)
    if path.exists():
        return Cipher(file.read(), file)
    cipher = Cipher(KeyRing((new_key(),), 0), file)
    cipher.unsaved = True
    return cipher
