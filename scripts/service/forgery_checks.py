"""Check for what was altered past the service, and is not gone by: tickets and the rulebook."""

from collections.abc import Iterator

from models.database import Session
from models.i18n import _, render
from models.operations.ticket_work import has_forged_row
from models.queries.health import quarantined_tickets
from models.queries.own_tables import RULEBOOK, is_own
from models.queries.table_check import PLACES
from scripts.service.check_result import PROBLEM, CheckResult

_NAMED = 10


def check_forgeries(session: Session) -> Iterator[CheckResult]:
    """Check for tables that nothing goes by, and for quarantined tickets."""
    tables = [render(PLACES[kind]) for kind in RULEBOOK if not is_own(session, kind)]
    if tables:
        text = _(
            "not as the service wrote them: {tables}; who has not read them yet goes no further"
        )
        advice = _("`hotline log --verify` names the rows: put them back, or `hotline db accept`")
        yield CheckResult("rulebook", PROBLEM, text.format(tables=", ".join(tables)), advice)
    for number in quarantined_tickets(session, _NAMED):
        if has_forged_row(session, number):
            text = _(
                "the row of {ticket} is not as the service wrote it; its messages and levels wait"
            )
            advice = _("`hotline log {ticket} --verify`, then `hotline db rebuild {ticket}`")
        else:
            text = _(
                "{ticket} could not be carried on by its log and its messages; these wait, as do "
                "its levels, and are tried again every ten minutes"
            )
            advice = _(
                "`hotline log {ticket} --verify` names what was altered: restore a backup; where "
                "it names nothing, that has been put back"
            )
        what = {"ticket": number}
        yield CheckResult("ticket", PROBLEM, text.format(**what), advice.format(**what))
