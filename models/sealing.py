"""Personal data at rest: sealed with a key that lies beside the store, never in it."""

import base64
import contextlib
import hashlib
import hmac
import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.errors import HotlineError

_KEY_BYTES = 32
_NONCE_BYTES = 12


class KeyWrong(HotlineError):
    """The key file is unreadable, or is not the one that the store was sealed with."""


class Sealed:
    """A sealed value as it lies in the store: opaque, and shown as nothing."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def __repr__(self) -> str:
        return "<sealed>"


class Sealer:
    """Seals and opens values with AES-256-GCM.

    The last key seals, every key opens; the first also makes the fingerprints by which sealed
    values are found again and the log is chained, so it stays when newer keys are added.
    """

    def __init__(self, keys: list[bytes]) -> None:
        if not keys or any(len(k) != _KEY_BYTES for k in keys):
            raise KeyWrong("a key must be 32 bytes, base64; one a line, at least one")
        self._keys = keys
        self._ciphers = [AESGCM(k) for k in keys]
        self._fingerprint_key = hmac.digest(keys[0], b"fingerprint", "sha256")

    def seal(self, value: Any) -> Sealed:
        """The sealed form of a JSON value: which key, a nonce, the ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        number = len(self._keys) - 1
        plain = msgspec.json.encode(value)
        return Sealed(bytes([number]) + nonce + self._ciphers[number].encrypt(nonce, plain, None))

    def open(self, sealed: Sealed) -> Any:
        """The JSON value that was sealed; raises KeyWrong where no key fits."""
        raw = sealed.raw
        nonce, rest = raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :]
        try:
            return msgspec.json.decode(self._ciphers[raw[0]].decrypt(nonce, rest, None))
        except (InvalidTag, IndexError):
            raise KeyWrong(
                "the key does not open this store: put back the key file it was sealed with "
                "(HOTLINE_KEY_FILE)"
            ) from None

    def fingerprint(self, plain: bytes) -> bytes:
        """A keyed hash: equal for equal values, and nothing can be guessed from it."""
        return hmac.digest(self._fingerprint_key, plain, hashlib.sha256)


def load_sealer(path: Path) -> Sealer:
    """The sealer with the keys of this file, which is made at the first start (mode 600)."""
    if not path.exists():
        _make(path)
    return Sealer(_read(path))


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64encode(os.urandom(_KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    # a link appears whole or not at all, and only the first of several starting processes wins
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()


def _read(path: Path) -> list[bytes]:
    try:
        return [base64.b64decode(line, validate=True) for line in path.read_bytes().split()]
    except (OSError, ValueError) as wrong:
        raise KeyWrong(f"key file {path}: {wrong}") from wrong
