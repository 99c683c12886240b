"""Remove files of a home, and lines of them, that the policy does not keep."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from models.file_append import filter_lines
from models.rules.policy import Keep
from models.rules.terms import Term

_WATCHED, _REFUSED, _SENT = "watched", "*refused.jsonl", "notices.jsonl"


class _SentNotice(msgspec.Struct):
    queued_at: datetime


def prune_files(home: Path, keep: Keep, now: datetime) -> int:
    """Remove fed files, refused rows and sent notices that are too old; returns how many.

    Rows that feeds refused go together, once none came for so long. Raises OSError.
    """
    count = 0
    for path in (*_old(home.rglob(_REFUSED), keep.refused_rows, now), *_fed(home, keep, now)):
        path.unlink(missing_ok=True)
        count += 1
    if keep.sent_notices is not None and (home / _SENT).exists():
        before = now - keep.sent_notices.span
        count += filter_lines(home / _SENT, lambda line: not _is_older(line, before))
    return count


def _fed(home: Path, keep: Keep, now: datetime) -> Iterator[Path]:
    files = (home / _WATCHED).glob("*/*/*")
    others = (path for path in files if not path.match(_REFUSED))
    return _old(others, keep.fed_files, now)


def _old(paths: Iterator[Path], term: Term | None, now: datetime) -> Iterator[Path]:
    """Yield the files that were written longer ago than this; none without a time."""
    if term is None:
        return
    before = now - term.span
    for path in paths:
        written_at = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
        if path.is_file() and not path.is_symlink() and written_at < before:
            yield path


def _is_older(line: bytes, before: datetime) -> bool:
    try:
        return msgspec.json.decode(line, type=_SentNotice).queued_at < before
    except (msgspec.DecodeError, msgspec.ValidationError, TypeError):
        # a line that was cut short stays
        return False
