"""Show which operator works at a ticket, and warn another one of it."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from rich.cells import cell_len

from models.i18n import _
from models.queries.claims import Claim
from models.queries.detail import TicketDetail
from models.rules.calendar import SHANGHAI
from models.rules.events import ContactRecorded
from models.rules.vocabulary import ContactOutcome, Status, label
from monitor.formatting import format_duration, one_line, shorten

_JUST = timedelta(minutes=30)
"""The time for which a contact is told to whoever is about to call again."""


LONGEST_NAME = 8
"""Cells of a name in a list."""

_LEAST_NAME = 2
_SESSION = re.compile(r" \([^()]*\)$")
"""The suffix of a name that says which user's session it is."""


def claim_mark(claim: Claim) -> str:
    """Return who works at a ticket since when: `林小燕 (desk1) 10:42`."""
    return f"{one_line(claim.who)} {claim.at.astimezone(SHANGHAI):%H:%M}"


def brief_claim_mark(claim: Claim, room: int) -> str:
    """Return who works at a ticket, without whose session it is, and since when if it has room.

    It takes at most `room` cells, but never fewer than one Han character.
    """
    name = _SESSION.sub("", one_line(claim.who))
    name = shorten(name, max(_LEAST_NAME, min(room, LONGEST_NAME)))
    timed = f"{name} {claim.at.astimezone(SHANGHAI):%H:%M}"
    return timed if cell_len(timed) <= room else name


def warnings(ticket: TicketDetail, claim: Claim | None, who: str, now: datetime) -> Iterator[str]:
    """Yield what `who` should know before they act on a ticket at `now`."""
    if claim is not None and claim.who != who:
        yield _at_work(claim)
    for line in reversed(ticket.log):
        if isinstance(line.event, ContactRecorded) and timedelta() <= now - line.moment < _JUST:
            name = one_line(line.by or str(line.event.unit or ""))
            ago = format_duration(now - line.moment)
            yield _("Attention: {name} contacted the claimant {span} ago").format(
                name=name, span=ago
            )
            return


def ticket_changes(before: TicketDetail, after: TicketDetail, who: str) -> Iterator[str]:
    """Yield what others than `who` did with a ticket between two reads of it.

    That are its unit, its status, and each contact that they recorded.
    """
    for was, now_is in (
        (before.unit, after.unit),
        (label(Status, before.status), label(Status, after.status)),
    ):
        if was != now_is:
            yield f"{one_line(was or '-')} -> {one_line(now_is or '-')}"
    known = {line.seq for line in before.log}
    for line in after.log:
        if line.seq in known or line.by == who or not isinstance(line.event, ContactRecorded):
            continue
        yield _("Attention: {name} recorded a contact meanwhile: {outcome}").format(
            name=one_line(line.by or str(line.event.unit or "")),
            outcome=label(ContactOutcome, line.event.outcome or None),
        )


def new_claim(before: Claim | None, after: Claim | None, who: str) -> Iterator[str]:
    """Yield that another than `who` works at a ticket, if that was not so before."""
    if after is not None and after.who != who and (before is None or before.who != after.who):
        yield _at_work(after)


def _at_work(claim: Claim) -> str:
    return _("Attention: {claim} works at it").format(claim=claim_mark(claim))
