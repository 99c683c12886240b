"""The copy of the anchors outside of the store, which whoever writes to the database cannot reach.

A file of one JSON object a line, appended to and never changed.
"""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from models.file_append import append_lines
from models.security.anchors import Anchor

_LONGEST_LINE = 4_096


class AnchorLine(msgspec.Struct, frozen=True):
    """An anchor as it is written outside, with the public key that it is signed with."""

    number: int
    at: datetime
    through: int
    changes: int
    root: str
    previous: str
    signature: str
    key: str

    def anchor(self) -> Anchor:
        """Return the anchor. Raises ValueError where it holds something else."""
        root, previous, signature = map(bytes.fromhex, (self.root, self.previous, self.signature))
        return Anchor(self.number, self.at, self.through, self.changes, root, previous, signature)


def as_line(anchor: Anchor, key: bytes) -> AnchorLine:
    """Return an anchor as it is written outside."""
    return AnchorLine(
        anchor.number,
        anchor.at,
        anchor.through,
        anchor.changes,
        anchor.root.hex(),
        anchor.previous.hex(),
        anchor.signature.hex(),
        key.hex(),
    )


class AnchorFile:
    """The file of anchors in a folder outside of the store."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "anchors.jsonl"

    def append(self, lines: Iterable[AnchorLine]) -> None:
        """Append lines and flush them to the disk. Raises OSError, and then adds none of them."""
        packed = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        if packed:
            append_lines(self.path, packed)

    def last(self) -> AnchorLine | None:
        """Return the last line, None where there is no file or nothing to read in its last line.

        Raises OSError.
        """
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _LONGEST_LINE))
                lines = file.read().splitlines()
        except FileNotFoundError:
            return None
        return _read(lines[-1]) if lines else None

    def rename(self, now: datetime) -> Path | None:
        """Rename the file, so that a new one is begun; returns its name, None where there is none.

        Raises OSError.
        """
        older = self.path.with_name(f"anchors-{now.astimezone(UTC):%Y%m%dT%H%M%S}.jsonl")
        try:
            self.path.rename(older)
        except FileNotFoundError:
            return None
        return older

    def lines(self) -> Iterator[AnchorLine | None]:
        """Yield the lines, None for one that cannot be read. Raises OSError."""
        try:
            with self.path.open("rb") as file:
                for line in file:
                    yield _read(line)
        except FileNotFoundError:
            return


def _read(line: bytes) -> AnchorLine | None:
    try:
        return msgspec.json.decode(line, type=AnchorLine)
    except msgspec.DecodeError:
        return None
