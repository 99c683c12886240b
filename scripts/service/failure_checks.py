"""Check for what was refused or given up, and name the latest of it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from models.database import Session
from models.i18n import N_, _, counted
from models.operations.notices.record import MAX_TRIES
from models.queries.failures import MESSAGE, Failure, failures, stuck_notices
from scripts.failures import failure_line
from scripts.service.check_result import NOTE, PROBLEM, CheckResult

_NAMED = 3
"""The latest refusals and notices that are named."""
_LONGEST_WAIT = timedelta(days=14)
"""Longer than any holidays, over which notices may wait."""
_BYTES_AT_ONCE = 1 << 20


def check_stuck_notices(session: Session, now: datetime) -> Iterator[CheckResult]:
    """Check for notices that are neither recorded nor given up, however often they are tried."""
    if tickets := stuck_notices(session, MAX_TRIES, now - _LONGEST_WAIT):
        text = counted(
            len(tickets),
            N_("{n} notice waits that cannot be read, sent or recorded"),
            N_("{n} notices wait that cannot be read, sent or recorded"),
        )
        named = list(dict.fromkeys(tickets))[:_NAMED]
        advice = _(
            "the workers' log says why (`notice postponed`); `hotline log --verify` names what was "
            "altered"
        )
        yield CheckResult("notices", PROBLEM, f"{text}: {', '.join(named)}", advice)


def check_failures(session: Session, home: Path) -> Iterator[CheckResult]:
    """Check for notices given up, messages that workers refused, and rows that feeds refused."""
    failed = failures(session, _NAMED)
    again = _("`hotline refused` lists all, `hotline resend` sends one again, as it was or mended")
    if failed.notices:
        text = counted(
            failed.notices,
            N_("{n} notice could not be delivered"),
            N_("{n} notices could not be delivered"),
        )
        rows = [row for row in failed.rows if row.sort != MESSAGE]
        advice = _("mend the channel, then send them again: `hotline resend`")
        yield CheckResult("notices", PROBLEM, text + _names(rows), advice)
    if failed.messages:
        text = counted(
            failed.messages, N_("{n} message was refused"), N_("{n} messages were refused")
        )
        rows = [row for row in failed.rows if row.sort == MESSAGE]
        yield CheckResult("refused", NOTE, text + _names(rows), again)
    if count := _lines(home / "refused.jsonl"):
        text = counted(
            count, N_("{n} row of feeds was refused"), N_("{n} rows of feeds were refused")
        )
        advice = _("`hotline refused` lists them; mend the feed, then feed it again")
        yield CheckResult("refused", NOTE, text, advice)


def _names(rows: Sequence[Failure]) -> str:
    return ": " + "; ".join(map(failure_line, rows))


def _lines(path: Path) -> int:
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(part.count(b"\n") for part in iter(lambda: file.read(_BYTES_AT_ONCE), b""))
