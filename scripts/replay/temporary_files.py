"""Files without a name, for what a replay does not keep in memory."""

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import IO

_BUFFER = 1 << 15


class TemporaryFiles:
    """So many files without a name, closed and gone with this object."""

    def __init__(self, count: int) -> None:
        stack = ExitStack()
        self._files: Sequence[IO[bytes]] = [
            stack.enter_context(tempfile.TemporaryFile(buffering=_BUFFER))  # noqa: SIM115
            for _file in range(count)
        ]
        weakref.finalize(self, stack.close)

    def __getitem__(self, number: int) -> IO[bytes]:
        """Return a file, to write to it."""
        return self._files[number]

    def flush(self) -> None:
        """Write what is in the files' buffers, so that other processes see it."""
        for file in self._files:
            file.flush()

    def lines(self, number: int) -> Iterator[bytes]:
        """Yield the lines of a file from its beginning."""
        file = self._files[number]
        file.seek(0)
        yield from file

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self._files)
