"""The channels that are always there: a file in the home, and the process's own log."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from models.file_append import append_lines
from models.operations.notices.outgoing import ChannelFailed, OutgoingNotice
from models.rules.calendar import SHANGHAI

log = logging.getLogger("hotline.notices")

RenderNotice = Callable[[OutgoingNotice], str]
"""Returns the text of a notice."""

BuiltInChannel = Callable[[Sequence[OutgoingNotice], RenderNotice], None]
"""Takes notices, all or none of them; raises ChannelFailed."""


class FileChannel:
    """Appends notices to a file, one JSON object a line; each line goes in whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, notices: Sequence[OutgoingNotice], render: RenderNotice) -> None:
        """Write the notices and flush them to the disk; raises ChannelFailed."""
        lines = b"".join(msgspec.json.encode(_record(n, render)) + b"\n" for n in notices)
        try:
            append_lines(self._path, lines)
        except OSError as error:
            raise ChannelFailed(f"{self._path.name}: {error.strerror}") from error


def log_channel(notices: Sequence[OutgoingNotice], render: RenderNotice) -> None:
    """Write notices to the log of the worker, a line each."""
    for notice in notices:
        log.info("%s %s %s", notice.id, notice.recipient, render(notice))


def _record(notice: OutgoingNotice, render: RenderNotice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "kind": notice.kind,
        "to": notice.recipient,
        "text": render(notice),
        "queued_at": notice.queued_at.astimezone(SHANGHAI),
    }
