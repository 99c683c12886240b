"""Limit how many tickets' data one person sees in clear within an hour."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import select

from models.database import Session
from models.i18n import _
from models.operations.access_log import hold_access_log
from models.rulebook import load_rulebook
from models.rules.policy import in_force
from models.rules.vocabulary import AccessOutcome, Permission, UserRole
from models.security.roles import Actor, Denied
from models.tables.core import ACCESS

log = logging.getLogger("hotline.access")

_WITHIN = timedelta(hours=1)
_SEEN = (AccessOutcome.DONE, AccessOutcome.BEYOND)


class TooMuchRevealed(Denied):
    """Somebody has seen the data of as many tickets as he may within an hour."""

    outcome = AccessOutcome.STOPPED

    def __init__(
        self, actor: Actor, act: Permission, ticket: str | None, fields: list[str], most: int
    ) -> None:
        text = _("{name} may see the data of {n} tickets an hour; a supervisor may see more")
        super().__init__(text.format(name=actor.name, n=most), actor, act, ticket, fields)


def outcome_within_limit(
    session: Session,
    actor: Actor,
    act: Permission,
    ticket: str | None,
    fields: list[str],
    now: datetime,
    amount: int = 1,
) -> AccessOutcome:
    """Return whether a reveal is within the limit of the policy, or beyond it as a supervisor's.

    A ticket that was seen within the hour counts once. Calls that are due are counted apart. Raises
    TooMuchRevealed for anybody else.
    """
    policy = in_force(list(load_rulebook(session).policies.values()), now)
    limits = policy.personal_data
    most = limits.calls_an_hour if act == Permission.CALL else limits.reveals_an_hour
    # nobody reveals meanwhile, or two at once would each be the last one within the limit
    hold_access_log(session)
    rows = session.execute(
        select(ACCESS.c.ticket, ACCESS.c.amount).where(
            ACCESS.c.who == actor.name,
            ACCESS.c.at > now - _WITHIN,
            ACCESS.c.act == act,
            ACCESS.c.outcome.in_(_SEEN),
        )
    ).all()
    tickets = {row.ticket for row in rows if row.ticket is not None}
    before = len(tickets) + sum(row.amount for row in rows if row.ticket is None)
    if before + (0 if ticket in tickets else amount) <= most:
        return AccessOutcome.DONE
    log.warning("%s goes beyond %d tickets seen in clear within an hour", actor.name, most)
    if actor.role != UserRole.SUPERVISOR:
        raise TooMuchRevealed(actor, act, ticket, fields, most)
    return AccessOutcome.BEYOND
