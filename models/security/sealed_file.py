"""Files that only the store's key opens, written and read piece by piece.

AES-256-GCM under a key that is derived for each file. Every piece is numbered and the last one is
marked, so that no piece can be altered, taken away, repeated or exchanged, and no end cut off.
"""

import io
import os
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.errors import HotlineError
from models.i18n import _
from models.security.binding import expand
from models.security.encryption import no_key
from models.security.keyed_hash import KeyedHash
from models.security.keys import KeyRing

_MAGIC = b"hotline sealed 1\n"
_SALT_BYTES, _TAG_BYTES = 32, 16
_HEAD_BYTES = len(_MAGIC) + 1 + _SALT_BYTES
_PIECE_BYTES = 1 << 16
_COUNT_BYTES = 11


class SealBroken(HotlineError):
    """A sealed file is none, or was altered or cut short."""

    def __init__(self) -> None:
        super().__init__(_("the file is no backup, or was cut short or altered"))


class SealingWriter(io.RawIOBase):
    """Encrypts what is written to it into `file`; without `finish` the file opens nowhere."""

    def __init__(self, file: IO[bytes], ring: KeyRing) -> None:
        self._file, self._count, self._waiting = file, 0, bytearray()
        self._head = _MAGIC + bytes([ring.active]) + os.urandom(_SALT_BYTES)
        self._aead = _derived(ring, self._head)
        file.write(self._head)

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Take some more bytes."""
        self._waiting += data
        # the last piece is written by `finish` alone
        while len(self._waiting) > _PIECE_BYTES:
            self._write_piece(bytes(self._waiting[:_PIECE_BYTES]), last=False)
            del self._waiting[:_PIECE_BYTES]
        return len(data)

    def finish(self) -> None:
        """Write the last piece, which says that it is the last."""
        self._write_piece(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _write_piece(self, piece: bytes, *, last: bool) -> None:
        self._file.write(self._aead.encrypt(_nonce(self._count, last=last), piece, self._head))
        self._count += 1


class UnsealingReader(io.RawIOBase):
    """Gives the content of a sealed file.

    Raises SealBroken, and KeyUnusable where the key that it was sealed with is not in the ring.
    """

    def __init__(self, file: IO[bytes], ring: KeyRing) -> None:
        self._file, self._count, self._ready = file, 0, b""
        head = file.read(_HEAD_BYTES)
        if len(head) < _HEAD_BYTES or not head.startswith(_MAGIC):
            raise SealBroken
        self._head, self._aead = head, _derived(ring, head)
        self._next = file.read(_PIECE_BYTES + _TAG_BYTES)
        self._ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Put the next bytes into a buffer; returns how many, 0 at the end."""
        while not self._ready and not self._ended:
            self._ready = self._open_piece()
        count = min(len(buffer), len(self._ready))
        buffer[:count], self._ready = self._ready[:count], self._ready[count:]
        return count

    def _open_piece(self) -> bytes:
        piece, self._next = self._next, self._file.read(_PIECE_BYTES + _TAG_BYTES)
        self._ended = not self._next
        nonce = _nonce(self._count, last=self._ended)
        try:
            opened = self._aead.decrypt(nonce, piece, self._head)
        except InvalidTag as error:
            # of another key not even the first piece opens
            raise (SealBroken() if self._count else no_key()) from error
        self._count += 1
        return opened


def _derived(ring: KeyRing, head: bytes) -> AESGCM:
    """Return what encrypts the file with this head, whose byte before the salt names the key."""
    number = head[len(_MAGIC)]
    key = ring.keys[number] if number < len(ring.keys) else None
    if key is None:
        raise no_key()
    return AESGCM(expand(KeyedHash(key.secret), b"sealed file " + head))


def _nonce(count: int, *, last: bool) -> bytes:
    return count.to_bytes(_COUNT_BYTES, "big") + bytes([last])
