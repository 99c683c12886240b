"""The file of refused rows: what a feed held that is not in the inbox, and why.

One JSON object a line. What citizens wrote is encrypted here as everywhere.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from models.errors import HotlineError
from models.file_append import append_lines
from models.i18n import LazyText, _, render
from models.rules.limits import REFUSED_BYTES
from models.rules.redaction import redact_text
from models.rules.text import clean
from models.security.encryption import Binding, Cipher, Encrypted
from scripts.ingest.records import FeedRecord


def append_refused(path: Path, feed: str, records: Sequence[FeedRecord], cipher: Cipher) -> None:
    """Append the refused records of a feed to the file.

    A file that is full lists them without their content: the feed has it still.
    """
    if not records:
        return
    is_full = path.exists() and path.stat().st_size > REFUSED_BYTES
    lines = [_line(feed, record, cipher, with_content=not is_full) for record in records]
    append_lines(path, b"".join(line + b"\n" for line in lines))


def _line(feed: str, record: FeedRecord, cipher: Cipher, *, with_content: bool) -> bytes:
    """The line of a refused record: in clear is only what the sender has not written."""
    reason = record.why or _NO_REASON
    row: dict[str, Any] = {
        "feed": feed,
        "source": record.source,
        "line": record.line,
        "why": redact_text(clean(render(_without_words(reason)))),
    }
    raw = msgspec.to_builtins(record.raw, enc_hook=str) if with_content else None
    row["sealed"] = cipher.encrypt(SEALED["sealed"], raw, row).raw
    if _without_words(reason) != reason:
        row["reason"] = cipher.encrypt(SEALED["reason"], clean(render(reason)), row).raw
    return msgspec.json.encode(row)


SEALED = {
    name: Binding(f"refused.jsonl.{name}", ("feed", "source", "line"))
    for name in ("sealed", "reason")
}
"""The encrypted parts of a row, and what they are bound to."""


_NO_REASON = LazyText("", {})

_HARMLESS = frozenset(
    (
        *("allowed", "cells", "column", "columns", "field", "limit", "line", "mapping", "name"),
        *("names", "position", "senders", "user_role", "who", "year"),
    )
)
"""The placeholders of reasons that never hold what the sender wrote, but names and lists of ours.

A column is named by the header that the mapping knows.
"""


def _without_words(reason: LazyText) -> LazyText:
    """Return a reason with what the sender may have written left out."""
    args = {
        name: value if isinstance(value, int) or name in _HARMLESS else ".."
        for name, value in reason.args.items()
    }
    return LazyText(reason.text, args)


def require_refused_file(path: Path) -> None:
    """Raise HotlineError for a file that is there and holds anything but refused rows."""
    try:
        with path.open("rb") as file:
            beginning = file.read(1)
            rows = beginning == b"" or _ROW.match(beginning + file.read(_ROW_BEGINS))
    except FileNotFoundError:
        return
    except OSError as error:
        raise HotlineError(f"{path}: {error.strerror}") from error
    if not rows:
        text = _("{path} is there already and is no file of refused rows; name another file")
        raise HotlineError(text.format(path=path))


_ROW = re.compile(rb'\{"feed":')
_ROW_BEGINS = 10


class _RowShape(msgspec.Struct):
    """The parts that a row must have, and their types; bytes are written in base 64."""

    feed: str
    line: int
    why: str
    sealed: bytes
    reason: bytes | None = None


def read_row(line: bytes) -> dict[str, Any] | None:
    """Return the refused row that a line of a file is; None where it is damaged, or another line's.

    A machine that stopped in the middle leaves a part of one.
    """
    try:
        row: dict[str, Any] = msgspec.json.decode(line)
        msgspec.convert(row, _RowShape)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return row


def decrypted(cipher: Cipher, name: str, row: Mapping[str, Any]) -> Any:
    """Return what is encrypted under this name in a row."""
    # rows of earlier releases do not say their source
    place = {"source": None} | dict(row)
    return cipher.decrypt(SEALED[name], Encrypted(base64.b64decode(row[name])), place)
