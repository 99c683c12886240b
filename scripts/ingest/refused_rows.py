"""The file of refused rows: what a feed held that is not in the inbox, and why.

One JSON object a line. What citizens wrote is encrypted here as everywhere.
"""

import base64
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from models.clock import system_clock
from models.errors import HotlineError
from models.file_append import append_lines
from models.i18n import _, render
from models.operations.access import record_access
from models.rules.limits import REFUSED_BYTES
from models.rules.text import clean, redact_numbers
from models.rules.vocabulary import Permission
from models.security.encryption import Cipher, Encrypted
from models.settings import load_settings
from scripts.bootstrap import require_permission, use_store
from scripts.ingest.records import FeedRecord
from scripts.output import print_json


def append_refused(path: Path, feed: str, records: Sequence[FeedRecord], cipher: Cipher) -> None:
    """Append the refused records of a feed to the file.

    A file that is full lists them without their content: the feed has it still.
    """
    if not records:
        return
    is_full = path.exists() and path.stat().st_size > REFUSED_BYTES
    lines = [
        msgspec.json.encode(
            {
                "feed": feed,
                "source": record.source,
                "line": record.line,
                "why": redact_numbers(clean(render(record.why))) if record.why else "",
                "sealed": cipher.encrypt(
                    None if is_full else msgspec.to_builtins(record.raw, enc_hook=str)
                ).raw,
            }
        )
        for record in records
    ]
    append_lines(path, b"".join(line + b"\n" for line in lines))


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


def show_refused(file: Path | None, *, in_clear: bool, as_json: bool) -> None:
    """Show refused rows; in clear only to who may see them, and logged. Raises HotlineError."""
    settings = load_settings()
    path = file or settings.home / "refused.jsonl"
    rows = _read_refused(path) if path.exists() else []
    if in_clear:
        actor = require_permission(settings, Permission.REVEAL)
        with use_store(settings) as store:
            with store.writing() as session:
                record_access(
                    session, actor, Permission.REVEAL, None, ["refused rows"], system_clock()
                )
            for row in rows:
                row["raw"] = store.cipher.decrypt(Encrypted(base64.b64decode(row["sealed"])))
    for row in rows:
        del row["sealed"]
        if as_json:
            print_json(row)
            continue
        raw = f"  {row['raw']!r}" if in_clear else ""
        sys.stdout.write(f"{row['feed']}:{row['line']}  {row['why']}{raw}\n")


def _read_refused(path: Path) -> list[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in path.read_bytes().splitlines()]
        return [r | {k: r[k] for k in ("feed", "line", "why", "sealed")} for r in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = _("{path} is no file of refused rows")
        raise HotlineError(text.format(path=path)) from error
