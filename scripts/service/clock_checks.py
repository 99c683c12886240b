"""Compare the clocks of servers with this machine's."""

from datetime import datetime, timedelta

from models.clock import system_clock
from models.i18n import _
from scripts.service.check_result import GOOD, PROBLEM, CheckResult

MAX_SKEW = timedelta(seconds=2)


def check_clock(name: str, theirs: datetime, asked_at: datetime) -> CheckResult:
    """Compare a server's clock with ours; the answer may have come at any moment since asked."""
    answered_at = system_clock()
    skew = max(asked_at - theirs, theirs - answered_at, timedelta())
    text = _("{what} is {n} s off").format(what=name, n=round(skew.total_seconds(), 1))
    if skew > MAX_SKEW:
        return CheckResult("clock", PROBLEM, text, _("keep the clocks of all machines by NTP"))
    return CheckResult("clock", GOOD, text)
