"""The keys that personal data is sealed with, as they lie in a file or in the environment.

One key a line, 32 bytes in base64, numbered from the first line on. The last one seals, every one
opens. A line `next:` and a key opens but does not seal yet, so that every machine can be given it
before the first one seals with it; a line `-` stands for a key that is no longer needed, so that
the others keep their numbers.
"""

import base64
import contextlib
import fcntl
import hmac
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from models.errors import HotlineError
from models.i18n import _

KEY_BYTES = 32
MAX_KEYS = 256
"""A sealed value says in one byte which key opens it."""

_NEXT, _GONE = "next:", "-"


class KeyUnusable(HotlineError):
    """The keys cannot be read, or are not those that the store was sealed with."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """Keys by number, None for one that is gone; `sealing` is the number of the one that seals."""

    keys: tuple[bytes | None, ...]
    sealing: int

    def __repr__(self) -> str:
        return f"<{len(self.keys)} keys>"

    @property
    def waiting(self) -> bool:
        """Whether the last key is one that does not seal yet."""
        return self.sealing < len(self.keys) - 1

    def with_next(self, key: bytes) -> "KeyRing":
        """The ring with one more key that opens but does not seal yet."""
        if len(self.keys) >= MAX_KEYS:
            raise KeyUnusable(_("the key file is full: no more than {n} keys").format(n=MAX_KEYS))
        return KeyRing((*self.keys, key), self.sealing)

    def rotated(self) -> "KeyRing":
        """The ring with its last key sealing."""
        return KeyRing(self.keys, len(self.keys) - 1)

    def without_old(self) -> "KeyRing":
        """The ring without the keys before the one that seals."""
        gone = (None,) * self.sealing
        return KeyRing((*gone, *self.keys[self.sealing :]), self.sealing)

    def continues(self, older: "KeyRing") -> bool:
        """Whether this ring opens all that `older` seals: the same file, later."""
        same = zip(older.keys, self.keys, strict=False)
        return len(self.keys) >= len(older.keys) and all(
            new is None or old is None or hmac.compare_digest(old, new) for old, new in same
        )


def new_key() -> bytes:
    """A key that nobody has had before."""
    return os.urandom(KEY_BYTES)


def key_name(key: bytes) -> str:
    """Eight letters by which people tell keys apart; nothing can be learned from them."""
    return hmac.digest(key, b"name", "sha256").hex()[:8]


def parse_keys(text: str, where: str) -> KeyRing:
    """The ring that a text holds, its keys separated by white space. Raises KeyWrong."""
    keys: list[bytes | None] = []
    sealing = None
    for number, word in enumerate(text.split()):
        if word == _GONE:
            keys.append(None)
            continue
        try:
            key = base64.b64decode(word.removeprefix(_NEXT), validate=True)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            told = _("{where}: key {n} must be {size} bytes in base64 (openssl rand -base64 32)")
            raise KeyUnusable(told.format(where=where, n=number, size=KEY_BYTES))
        keys.append(key)
        if not word.startswith(_NEXT):
            sealing = number
    if sealing is None or len(keys) > MAX_KEYS:
        raise KeyUnusable(_("{where}: there is no key that seals").format(where=where))
    return KeyRing(tuple(keys), sealing)


def format_keys(ring: KeyRing) -> str:
    """The text that `parse` reads."""
    lines = []
    for number, key in enumerate(ring.keys):
        mark = _NEXT if number > ring.sealing else ""
        lines.append(_GONE if key is None else mark + base64.b64encode(key).decode())
    return "\n".join(lines) + "\n"


class KeyFile:
    """A key file: made once, and changed whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def stamp(self) -> tuple[int, int, int] | None:
        """What changes whenever the file does; None where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def read(self) -> KeyRing:
        """The keys in it. Raises KeyWrong."""
        try:
            text = self.path.read_text("ascii")
        except OSError as wrong:
            told = _("key file {path}: {why}")
            raise KeyUnusable(told.format(path=self.path, why=wrong.strerror)) from wrong
        except UnicodeDecodeError:
            text = "?"
        return parse_keys(text, str(self.path))

    def create(self, ring: KeyRing) -> None:
        """Write the file unless another process has; then that one's stands."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._draft(ring)
        # a link appears whole or not at all, and only the first of several starting processes wins
        with contextlib.suppress(FileExistsError):
            os.link(draft, self.path)
        draft.unlink()

    def replace(self, ring: KeyRing) -> None:
        """Put other keys in it, whole. Raises KeyWrong where it cannot be written."""
        try:
            self._draft(ring).replace(self.path)
        except OSError as wrong:
            told = _("key file {path} cannot be written ({why}): change it where it comes from")
            raise KeyUnusable(told.format(path=self.path, why=wrong.strerror)) from wrong

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from changing the file meanwhile."""
        lock = self.path.with_name(self.path.name + ".lock")
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as wrong:
            told = _("key file {path} cannot be written ({why}): change it where it comes from")
            raise KeyUnusable(told.format(path=self.path, why=wrong.strerror)) from wrong
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _draft(self, ring: KeyRing) -> Path:
        handle, draft = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(format_keys(ring))
            file.flush()
            os.fsync(file.fileno())
        return Path(draft)
