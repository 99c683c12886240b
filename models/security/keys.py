"""The keys that personal data is encrypted with, in a file or in the environment.

One key a line, 32 bytes in base64, numbered from the first line on. All of them decrypt, the last
one encrypts. A key after `next:` only decrypts for now, so that every machine can be given it
before the first one encrypts with it. A line `-` stands for a key that is no longer needed, so
that the others keep their numbers.

A key after `2:` binds: it makes and opens only values that are bound to their place in the store.
One without is of an earlier release; it makes and opens only values that are bound to nothing.
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
from models.private_files import is_open_to_others, make_private_folder, open_private

KEY_BYTES = 32
MAX_KEYS = 256
"""An encrypted value has one byte for the number of its key."""

_NEXT, _BINDS, _GONE = "next:", "2:", "-"


class KeyUnusable(HotlineError):
    """The keys cannot be read, or are not those that the store was encrypted with."""


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """A key; one that `binds` makes and opens only values that are bound to their place."""

    secret: bytes
    binds: bool = True

    def __repr__(self) -> str:
        return "<key>"

    @property
    def name(self) -> str:
        """Eight letters by which people tell keys apart; they reveal nothing of the key."""
        return hmac.digest(self.secret, b"name", "sha256").hex()[:8]

    def equals(self, other: "Key") -> bool:
        """Return whether this is the same key, in a time that tells nothing."""
        return self.binds == other.binds and hmac.compare_digest(self.secret, other.secret)


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """Keys by number, None for one that was removed; `active` is the one that encrypts."""

    keys: tuple[Key | None, ...]
    active: int

    def __repr__(self) -> str:
        return f"<{len(self.keys)} keys>"

    @property
    def has_next(self) -> bool:
        """Return whether the last key does not encrypt yet."""
        return self.active < len(self.keys) - 1

    @property
    def binding(self) -> list[int]:
        """The numbers of the keys that bind."""
        return [n for n, key in enumerate(self.keys) if key is not None and key.binds]

    @property
    def any_binds(self) -> bool:
        """Return whether a key opens values that are bound to their place."""
        return any(key is not None and key.binds for key in self.keys)

    @property
    def all_bind(self) -> bool:
        """Return whether no key opens values that are bound to nothing."""
        return all(key is None or key.binds for key in self.keys)

    def note(self) -> str:
        """Return what is to be done about keys that do not bind, for people; empty for none."""
        if self.all_bind:
            return ""
        text = _(
            "the store still opens values under a key of an earlier release, which are bound to "
            "nothing: run `hotline keys rotate`, and ten minutes later `hotline keys retire`"
        )
        active = self.keys[self.active]
        if active is None or not active.binds:
            return text
        return _(
            "the store still opens values that are bound to nothing: run `hotline keys retire`"
        )

    def with_next(self, key: Key) -> "KeyRing":
        """Return the keys and one more, which decrypts but does not encrypt yet."""
        if len(self.keys) >= MAX_KEYS:
            raise KeyUnusable(_("the key file is full: no more than {n} keys").format(n=MAX_KEYS))
        return KeyRing((*self.keys, key), self.active)

    def rotated(self) -> "KeyRing":
        """Return the same keys with the last one active."""
        return KeyRing(self.keys, len(self.keys) - 1)

    def without_old(self) -> "KeyRing":
        """Return the keys without those before the active one."""
        removed = (None,) * self.active
        return KeyRing((*removed, *self.keys[self.active :]), self.active)

    def continues(self, older: "KeyRing") -> bool:
        """Return whether these are the keys of `older` at a later time, so decrypt all it did."""
        same = zip(older.keys, self.keys, strict=False)
        return len(self.keys) >= len(older.keys) and all(
            new is None or old is None or old.equals(new) for old, new in same
        )


def new_key() -> Key:
    """Generate a key."""
    return Key(os.urandom(KEY_BYTES))


def parse_keys(text: str, where: str) -> KeyRing:
    """Parse keys that are separated by white space. Raises KeyUnusable."""
    keys: list[Key | None] = []
    active = None
    for number, word in enumerate(text.split()):
        if word == _GONE:
            keys.append(None)
            continue
        written = word.removeprefix(_NEXT)
        try:
            secret = base64.b64decode(written.removeprefix(_BINDS), validate=True)
        except ValueError:
            secret = b""
        if len(secret) != KEY_BYTES:
            text = _(
                "{where}: key {n} must be 2: and {size} bytes in base64 (openssl rand -base64 32)"
            )
            raise KeyUnusable(text.format(where=where, n=number, size=KEY_BYTES))
        keys.append(Key(secret, written.startswith(_BINDS)))
        if not word.startswith(_NEXT):
            active = number
    if active is None or len(keys) > MAX_KEYS:
        raise KeyUnusable(_("{where}: there is no key that encrypts").format(where=where))
    return KeyRing(tuple(keys), active)


def format_keys(ring: KeyRing) -> str:
    """Return the text that `parse_keys` reads."""
    lines = []
    for number, key in enumerate(ring.keys):
        if key is None:
            lines.append(_GONE)
            continue
        marks = _NEXT * (number > ring.active) + _BINDS * key.binds
        lines.append(marks + base64.b64encode(key.secret).decode())
    return "\n".join(lines) + "\n"


class KeyFile:
    """A key file: created once, and replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def stamp(self) -> tuple[int, int, int] | None:
        """Return a value that changes whenever the file does; None where there is no file."""
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    def read(self) -> KeyRing:
        """Read the keys. Raises KeyUnusable."""
        try:
            if is_open_to_others(self.path):
                text = _("key file {path}: others can read it; run: chmod 600 {path}")
                raise KeyUnusable(text.format(path=self.path))
            text = self.path.read_text("ascii")
        except OSError as error:
            text = _("key file {path}: {why}")
            raise KeyUnusable(text.format(path=self.path, why=error.strerror)) from error
        except UnicodeDecodeError:
            text = "?"
        return parse_keys(text, str(self.path))

    def create(self, ring: KeyRing) -> None:
        """Write the file unless another process has done so; then that one stays."""
        make_private_folder(self.path.parent)
        draft = self._draft(ring)
        # a link appears whole or not at all, and only the first of several starting processes wins
        with contextlib.suppress(FileExistsError):
            os.link(draft, self.path)
        draft.unlink()

    def replace(self, ring: KeyRing) -> None:
        """Replace the keys as a whole. Raises KeyUnusable where the file cannot be written."""
        try:
            self._draft(ring).replace(self.path)
        except OSError as error:
            text = _("key file {path} cannot be written ({why}): change it where it comes from")
            raise KeyUnusable(text.format(path=self.path, why=error.strerror)) from error

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from changing the file. Raises KeyUnusable."""
        lock = self.path.with_name(self.path.name + ".lock")
        try:
            handle = open_private(lock, os.O_RDWR)
        except OSError as error:
            text = _("key file {path} cannot be written ({why}): change it where it comes from")
            raise KeyUnusable(text.format(path=self.path, why=error.strerror)) from error
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
