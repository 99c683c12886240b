"""Show which operator works at a ticket, and warn another one of it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from models.i18n import _
from models.queries.claims import Claim
from models.queries.detail import TicketDetail
from models.rules.calendar import SHANGHAI
from models.rules.events import ContactRecorded
from monitor.formatting import format_duration, one_line, shorten

_JUST = timedelta(minutes=30)
"""The time for which a contact is told to whoever is about to call again."""


_LONGEST_NAME = 8
"""Cells of a name in a list."""


def claim_mark(claim: Claim, *, brief: bool = False) -> str:
    """Return who works at a ticket since when: `林小燕 10:42`; `brief` cuts a long name."""
    name = one_line(claim.who)
    name = shorten(name, _LONGEST_NAME) if brief else name
    return f"{name} {claim.at.astimezone(SHANGHAI):%H:%M}"


def warnings(ticket: TicketDetail, claim: Claim | None, who: str, now: datetime) -> Iterator[str]:
    """Yield what `who` should know before they act on a ticket at `now`."""
    if claim is not None and claim.who != who:
        yield _("Attention: {claim} works at it").format(claim=claim_mark(claim))
    for line in reversed(ticket.log):
        if isinstance(line.event, ContactRecorded) and timedelta() <= now - line.moment < _JUST:
            name = one_line(line.by or str(line.event.unit or ""))
            ago = format_duration(now - line.moment)
            yield _("Attention: {name} contacted the claimant {span} ago").format(
                name=name, span=ago
            )
            return
