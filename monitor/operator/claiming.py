"""Claim a ticket for an operator, or let go of it."""

from models.i18n import _
from models.operations.claims import claim, release
from models.queries.claims import Claim
from models.rules.vocabulary import Permission
from monitor.collisions import claim_mark
from monitor.formatting import one_line
from monitor.operator.operator import Operator


async def switch_claim(operator: Operator, number: str, held: Claim | None) -> None:
    """Claim a ticket, or let go of it where `held`, its claim, is the operator's own."""
    if not await operator.may(Permission.ACT, number):
        return
    who, wall = operator.who, operator.wall()
    if held is not None and held.who == who.name:
        await operator.write(lambda session: release(session, who, number))
        text = _("You have let go of {ticket}").format(ticket=one_line(number))
    else:
        claimed = await operator.write(lambda session: claim(session, who, number, wall))
        text = _("{ticket} is yours").format(ticket=one_line(number))
        if claimed.who != who.name:
            text = _("{claim} works at it").format(claim=claim_mark(claimed))
    operator.app.notify(text, markup=False)
    operator.read_now()
