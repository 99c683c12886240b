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
from models.security.binding import (
    Binding,
    DerivedKeys,
    ForgedValue,
    RowLike,
    TextsErased,
    associated_data,
)
from models.security.keyed_hash import KeyedHash
from models.security.keys import MAX_KEYS, Key, KeyFile, KeyRing, KeyUnusable, new_key, parse_keys

__all__ = [
    "Binding",
    "Cipher",
    "DerivedKeys",
    "Encrypted",
    "ForgedValue",
    "KeyUnusable",
    "TextsErased",
    "load_cipher",
    "no_key",
]

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
        """The number of the key that decrypts it; one that no key has where it is empty."""
        return self.parts()[0]

    def parts(self) -> tuple[int, bytes, bytes]:
        """Return the number of its key, the nonce, and the ciphertext."""
        raw, begin = self.raw, 1 + _NONCE_BYTES
        return raw[0] if raw else MAX_KEYS, raw[1:begin], raw[begin:]


class Cipher:
    """Encrypts and decrypts values by AES-256-GCM; follows changes of the key file.

    A key that binds encrypts nothing itself: from it a key is derived for each purpose and ticket,
    and a value decrypts only where it was written (`Binding`). Keys of earlier releases encrypt and
    decrypt as those did. Which of the two a value is, only its key decides.

    It also makes the keyed hashes that encrypted values are found by and that the logs are chained
    with. Their key is stored encrypted (`operations.store_secret` reads it), so that it outlives
    the keys of the file. Before that, and in stores of the first release, it is derived from the
    first key. `store_id` is made with it too: 16 digits that tell this store from others.
    """

    def __init__(self, keys: Sequence[bytes] | KeyRing, file: KeyFile | None = None) -> None:
        if not isinstance(keys, KeyRing):
            keys = KeyRing(tuple(map(Key, keys)), len(keys) - 1)
        self.file = file
        # a key that was generated but not saved: the store may already have another
        self.unsaved = False
        self._stamp = file.stamp() if file else None
        self._take(keys)
        self.use_hash_key(self.legacy_hash_key())

    @property
    def keyring(self) -> KeyRing:
        """The keys as they are now."""
        return self._held[0]

    def encrypt(
        self,
        binding: Binding,
        value: Json,
        row: RowLike,
        ticket: str = "",
        derived: DerivedKeys | None = None,
    ) -> Encrypted:
        """Encrypt a JSON value for its place: the number of the key, a nonce, the ciphertext.

        A session's own `encrypt` knows binding, ticket and salt of a column; this is for it, and
        for values outside the database. Raises TextsErased where `derived` lacks the ticket's salt.
        """
        plain, nonce = msgspec.json.encode(value), os.urandom(_NONCE_BYTES)
        ring, held = self._held
        number = ring.active
        key = held[number]
        assert key is not None
        head = bytes([number]) + nonce
        if isinstance(key, AESGCM):
            return Encrypted(head + key.encrypt(nonce, plain, None))
        aead = (derived or DerivedKeys()).of(number, key, binding, ticket)
        data = associated_data(number, binding, ticket, row)
        return Encrypted(head + aead.encrypt(nonce, plain, data))

    def decrypt(
        self,
        binding: Binding,
        encrypted: Encrypted,
        row: RowLike,
        ticket: str = "",
        derived: DerivedKeys | None = None,
    ) -> Json:
        """Decrypt the JSON value of this place.

        Raises KeyUnusable where its key is not there, ForgedValue where it is no value of this
        place, TextsErased where `derived` lacks the ticket's salt.
        """
        number, nonce, rest = encrypted.parts()
        key = self._key(number)
        try:
            if isinstance(key, AESGCM):
                return msgspec.json.decode(key.decrypt(nonce, rest, None))
            aead = (derived or DerivedKeys()).of(number, key, binding, ticket)
            data = associated_data(number, binding, ticket, row)
            return msgspec.json.decode(aead.decrypt(nonce, rest, data))
        except (InvalidTag, ValueError) as error:
            # the store would not be open with a wrong key: but of the old ones nothing is known
            if isinstance(key, AESGCM):
                raise no_key() from error
            raise ForgedValue(binding.place(ticket, row)) from error

    def keyed_hash(self, plain: bytes) -> bytes:
        """Return a keyed hash: equal for equal values, and useless for guessing without the key."""
        return self._hash(plain)

    def chain_hash(self, plain: bytes) -> bytes:
        """Return the keyed hash of a line of a log, which nobody can make with the store alone."""
        return self._chain(plain)

    def commitment(self, plain: bytes) -> bytes:
        """Return what a line of a log keeps of its texts, by which they can be checked."""
        return self._texts(plain)

    def outline_hash(self, plain: bytes) -> bytes:
        """Return the keyed hash of a message's outline, which nobody can make without the key."""
        return self._outline(plain)

    def id_hash(self, plain: bytes) -> bytes:
        """Return the keyed hash that stands for a digest of a message in its id."""
        return self._ids(plain)

    def use_hash_key(self, key: bytes) -> None:
        """Use this key for keyed hashes from now on."""
        keyed = self._hash = KeyedHash(key)
        self._chain = KeyedHash(keyed(b"log"))
        self._texts = KeyedHash(keyed(b"texts"))
        self._outline = KeyedHash(keyed(b"outline"))
        self._ids = KeyedHash(keyed(b"message ids"))
        self.store_id = keyed(b"store id").hex()[:16]

    def legacy_hash_key(self) -> bytes:
        """Return the key of the keyed hashes in a store of the first release."""
        first = self.keyring.keys[0]
        return hmac.digest(first.secret, b"fingerprint", "sha256") if first else os.urandom(32)

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
        self._held = ring, [_prepared(key) for key in ring.keys]

    def _key(self, number: int) -> "AESGCM | KeyedHash":
        """Return the key of this number, prepared; raises KeyUnusable where there is none."""
        if self.unsaved or number >= len(self._held[1]):
            self.refresh()
        if self.unsaved and self.file is not None:
            text = _("the store is encrypted and its key is missing: put it back at {path}")
            raise KeyUnusable(text.format(path=self.file.path) + " (HOTLINE_KEY_FILE, HOTLINE_KEY)")
        held = self._held[1]
        key = held[number] if number < len(held) else None
        if key is None:
            raise no_key()
        return key


def _prepared(key: Key | None) -> "AESGCM | KeyedHash | None":
    """Return a key ready for use: one that binds derives others, one of before encrypts."""
    if key is None:
        return None
    return KeyedHash(key.secret) if key.binds else AESGCM(key.secret)


def no_key() -> KeyUnusable:
    """Return the error of a store whose keys are not here."""
    text = _("no key decrypts this store: put back the key file that it was encrypted with")
    return KeyUnusable(text + " (HOTLINE_KEY_FILE, HOTLINE_KEY)")


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
