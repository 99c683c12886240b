"""Encryption of personal data in the store, with keys that are kept beside it, never in it."""

import hmac
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.i18n import _
from models.json_types import Json
from models.security.keys import KeyFile, KeyRing, KeyUnusable, new_key, parse_keys

__all__ = ["Cipher", "Encrypted", "KeyUnusable", "load_cipher"]

_NONCE_BYTES = 12
log = logging.getLogger("hotline.keys")


class Encrypted:
    """An encrypted value as it is stored; its text form shows nothing of it."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def __repr__(self) -> str:
        return "<encrypted>"

    @property
    def number(self) -> int:
        """The number of the key that decrypts it."""
        return self.raw[0]


class Cipher:
    """Encrypts and decrypts values by AES-256-GCM; follows changes of the key file.

    It also makes the keyed hashes that encrypted values are found by and that the logs are chained
    with. Their key is stored encrypted (`operations.keys.unlock` reads it), so that it outlives
    the keys of the file. Before that, and in stores of the first release, it is derived from the
    first key.
    """

    def __init__(self, keys: Sequence[bytes] | KeyRing, file: KeyFile | None = None) -> None:
        ring = keys if isinstance(keys, KeyRing) else KeyRing(tuple(keys), len(keys) - 1)
        self.file = file
        # a key that was generated but not saved: the store may already have another
        self.unsaved = False
        self._stamp = file.stamp() if file else None
        self._take(ring)
        self.use_hash_key(self.legacy_hash_key())

    @property
    def keyring(self) -> KeyRing:
        """The keys as they are now."""
        return self._held[0]

    def encrypt(self, value: Json) -> Encrypted:
        """Encrypt a JSON value: the number of the key, a nonce, the ciphertext."""
        return self._encrypt(msgspec.json.encode(value))

    def decrypt(self, encrypted: Encrypted) -> Json:
        """Decrypt to the JSON value; raises KeyUnusable where no key fits."""
        return msgspec.json.decode(self._decrypt(encrypted))

    def reencrypt(self, encrypted: Encrypted) -> Encrypted:
        """Encrypt the same value with the active key; raises KeyUnusable where no key fits."""
        return self._encrypt(self._decrypt(encrypted))

    def keyed_hash(self, plain: bytes) -> bytes:
        """Return a keyed hash: equal for equal values, and useless for guessing without the key."""
        return _hashed(self._hash, plain)

    def chain_hash(self, plain: bytes) -> bytes:
        """Return the keyed hash of a line of a log, which nobody can make with the store alone."""
        return _hashed(self._chain, plain)

    def commitment(self, plain: bytes) -> bytes:
        """Return what a line of a log keeps of its texts, by which they can be checked."""
        return _hashed(self._texts, plain)

    def outline_hash(self, plain: bytes) -> bytes:
        """Return the keyed hash of a message's outline, which nobody can make without the key."""
        return _hashed(self._outline, plain)

    def use_hash_key(self, key: bytes) -> None:
        """Use this key for keyed hashes from now on."""
        self._hash = hmac.new(key, digestmod="sha256")
        self._chain = hmac.new(_hashed(self._hash, b"log"), digestmod="sha256")
        self._texts = hmac.new(_hashed(self._hash, b"texts"), digestmod="sha256")
        self._outline = hmac.new(_hashed(self._hash, b"outline"), digestmod="sha256")

    def legacy_hash_key(self) -> bytes:
        """Return the key of the keyed hashes in a store of the first release."""
        first = self.keyring.keys[0]
        return hmac.digest(first, b"fingerprint", "sha256") if first else os.urandom(32)

    def refresh(self) -> None:
        """Read the key file again if it has changed; a file that cannot be read changes nothing.

        Called at the beginning of every transaction, so that a rotation needs no restart.
        """
        if self.file is None or (stamp := self.file.stamp()) in (None, self._stamp):
            return
        try:
            ring = self.file.read()
        except KeyUnusable as error:
            log.warning("%s", error)
            return
        self._stamp = stamp
        if self.unsaved or ring.continues(self.keyring):
            # where this one was not saved, another process has saved its own first
            self._take(ring)
            self.unsaved = False
        else:
            log.error("key file %s holds other keys than before: not used", self.file.path)

    def save_key(self) -> None:
        """Save a generated key to its file, for a new store."""
        if self.unsaved and self.file is not None:
            self.file.create(self.keyring)
            self._stamp = self.file.stamp()
            self._take(self.file.read())
            self.unsaved = False

    def _take(self, ring: KeyRing) -> None:
        # one assignment: other threads encrypt and decrypt meanwhile
        self._held = ring, [AESGCM(k) if k is not None else None for k in ring.keys]

    def _encrypt(self, plain: bytes) -> Encrypted:
        ring, ciphers = self._held
        number = ring.active
        cipher = ciphers[number]
        assert cipher is not None
        nonce = os.urandom(_NONCE_BYTES)
        return Encrypted(bytes([number]) + nonce + cipher.encrypt(nonce, plain, None))

    def _decrypt(self, encrypted: Encrypted) -> bytes:
        raw = encrypted.raw
        if self.unsaved or raw[0] >= len(self._held[1]):
            self.refresh()
        if self.unsaved and self.file is not None:
            text = _("the store is encrypted and its key is missing: put it back at {path}")
            raise KeyUnusable(text.format(path=self.file.path) + " (HOTLINE_KEY_FILE, HOTLINE_KEY)")
        try:
            cipher = self._held[1][raw[0]]
            if cipher is not None:
                nonce, rest = raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :]
                return cipher.decrypt(nonce, rest, None)
        except (InvalidTag, IndexError):
            pass
        text = _("no key decrypts this store: put back the key file that it was encrypted with")
        raise KeyUnusable(text + " (HOTLINE_KEY_FILE, HOTLINE_KEY)")


def _hashed(keyed: hmac.HMAC, plain: bytes) -> bytes:
    # a copy of a prepared one: hmac.digest releases the GIL at each call and then waits for it
    copy = keyed.copy()
    copy.update(plain)
    return copy.digest()


def load_cipher(path: Path, key_text: str | None = None) -> Cipher:
    """Return a cipher with the keys of this file, or with those of `key_text` instead.

    Where there is no file a key is generated, and saved when the store turns out to be new.
    Raises KeyUnusable.
    """
    if key_text:
        return Cipher(parse_keys(key_text, "HOTLINE_KEY"))
    file = KeyFile(path)
    if path.exists():
        return Cipher(file.read(), file)
    cipher = Cipher(KeyRing((new_key(),), 0), file)
    cipher.unsaved = True
    return cipher
