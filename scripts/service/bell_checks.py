"""Check that a bell is set for everything that waits."""

from collections.abc import Iterator

from models.database import Session
from models.i18n import _
from models.operations.missing_bells import all_unrung
from models.rules.text import one_line
from scripts.service.check_result import PROBLEM, CheckResult

_NAMED = 5
"""The most tickets without a bell that are named."""


def check_bells(session: Session) -> Iterator[CheckResult]:
    """Check that the timekeeper will ring for everything that waits."""
    count, tickets = 0, set[str]()
    for row in all_unrung(session):
        count += 1
        if len(tickets) < _NAMED:
            tickets.add(row.ticket)
    if count:
        text = _("{n} rows wait without a bell, so nobody looks at them: {names}")
        text = text.format(n=count, names=one_line(", ".join(sorted(tickets))))
        advice = _(
            "a running timekeeper sets their bells within minutes; find out who deletes rows "
            "of the database"
        )
        yield CheckResult("bells", PROBLEM, text, advice)
