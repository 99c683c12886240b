"""The channels that are always there: a file in the home, and the process's own log."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from models.file_append import append_lines
from models.operations.notices.record import ChannelFailed, OutgoingNotice
from models.rules.calendar import SHANGHAI

log = logging.getLogger("hotline.notices")

RenderNotice = Callable[[OutgoingNotice], str]
"""Gives what a notice says."""

BuiltInChannel = Callable[[Sequence[OutgoingNotice], RenderNotice], None]
"""Takes letters, all or none of them; raises ChannelFailed."""


class FileChannel:
    """Appends notices to a file, one JSON object a line; each line goes in whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, letters: Sequence[OutgoingNotice], tell: RenderNotice) -> None:
        """Write the letters and see them on the disk; raises ChannelFailed."""
        lines = b"".join(msgspec.json.encode(_line(one, tell)) + b"\n" for one in letters)
        try:
            append_lines(self._path, lines)
        except OSError as wrong:
            raise ChannelFailed(f"{self._path.name}: {wrong.strerror}") from wrong


def log_channel(letters: Sequence[OutgoingNotice], tell: RenderNotice) -> None:
    """Writes notices to the log of the worker, a line each."""
    for letter in letters:
        log.info("%s %s %s", letter.id, letter.recipient, tell(letter))


def _line(letter: OutgoingNotice, tell: RenderNotice) -> dict[str, Any]:
    return {
        "id": letter.id,
        "kind": letter.kind,
        "to": f"{letter.unit}/{letter.role}" if letter.unit else letter.role,
        "text": tell(letter),
        "queued_at": letter.queued_at.astimezone(SHANGHAI),
    }
