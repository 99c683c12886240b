"""Import a policy, see what it would change, and withdraw one that was imported by mistake."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, update

from models.database import Session
from models.errors import HotlineError
from models.i18n import _, lazy
from models.operations.changes import record_table
from models.operations.refold import refold_changed
from models.operations.rulebook import add_policy
from models.operations.rulebook_change import (
    FormerRulebook,
    MovedClock,
    RulebookChange,
    affected_tickets,
    chunks,
    moved_clocks,
    refold_tickets,
)
from models.operations.ticket_work import TicketWork, lock_tickets
from models.queries.policies import (
    PolicyVersion,
    PolicyVersionNotFound,
    policy_versions,
    version_at,
)
from models.rulebook import hold_rulebook, load_rulebook
from models.rules.policy import Policy, ValueChange, changed_values
from models.rules.vocabulary import OPEN
from models.security.heads import HeadKind
from models.tables.core import POLICY, TICKET

_CANDIDATE = "candidate"


class LastPolicyVersion(HotlineError):
    """The only version that is left cannot be withdrawn: every ticket runs under one."""

    def __init__(self, number: int) -> None:
        self.number = number
        text = _("version {n} is the only one left; import another one before you withdraw it")
        super().__init__(text.format(n=number))


class PolicyAlreadyWithdrawn(HotlineError):
    """The version has been withdrawn before."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(_("version {n} was withdrawn before").format(n=number))


@dataclass(frozen=True, slots=True)
class PolicyImport:
    """The result of an import: the version it made, None where the store has these values.

    `compared` is the version that held for the new one's first day, and `changes` are the values
    that differ from it.
    """

    number: int | None
    compared: PolicyVersion | None
    changes: list[ValueChange]


def import_policy(session: Session, text: str, name: str, now: datetime) -> PolicyImport:
    """Import the policy file `name` as a version of its own; running tickets keep theirs (7.2).

    Nothing is imported where the same values hold from that day on already. Raises InvalidPolicy.
    """
    hold_rulebook(session, to_change=True)
    before = policy_versions(session)
    number, policy = add_policy(session, text, name, now)
    compared = version_at(before, policy.begins_at)
    changes = changed_values(compared.policy, policy) if compared else []
    return PolicyImport(number, compared, changes)


def clocks_under(session: Session, policy: Policy, now: datetime) -> Iterator[MovedClock]:
    """Yield the clocks of open tickets that would be due otherwise, had this policy held for them.

    It never will: a ticket keeps the policy that was in force when it was received (7.2).
    """
    former = load_rulebook(session)
    rulebook = replace(former, policies={**former.policies, _CANDIDATE: policy})
    which = TICKET.c.status.in_(OPEN)
    numbers = session.scalars(select(TICKET.c.number).where(which).order_by(TICKET.c.number))
    why = lazy("another policy")
    for chunk in chunks(numbers.all()):
        for work in lock_tickets(session, chunk, wait=True):
            candidate = replace(work, row=work.row._replace(policy_id=_CANDIDATE))
            former_policy = former.context_for(work.row.policy_id).policy
            before = replace(former, policies={_CANDIDATE: former_policy})
            append = refold_changed(session, candidate, rulebook, before, now, why, {})
            if append is not None:
                yield from moved_clocks(work.row.number, work.before, append.state.clocks)


def withdraw_policy(session: Session, number: int, now: datetime) -> RulebookChange:
    """Withdraw a version: its tickets are folded again under the one that holds without it.

    The version itself is kept. Raises PolicyVersionNotFound, PolicyAlreadyWithdrawn or
    LastPolicyVersion.
    """
    # so that two at once cannot withdraw the last two, either
    hold_rulebook(session, to_change=True)
    versions = {version.number: version for version in policy_versions(session)}
    version = versions.get(number)
    if version is None:
        raise PolicyVersionNotFound(number, versions)
    if version.withdrawn_at is not None:
        raise PolicyAlreadyWithdrawn(number)
    if sum(v.withdrawn_at is None for v in versions.values()) == 1:
        raise LastPolicyVersion(number)
    former = load_rulebook(session)
    session.execute(update(POLICY).where(POLICY.c.number == number).values(withdrawn_at=now))
    record_table(session, HeadKind.POLICY)
    rulebook = load_rulebook(session)
    # a ticket that is folded again has the id of its new policy already
    policies = dict.fromkeys(former.policies, former.policies[version.id])
    before = FormerRulebook(replace(former, policies=policies))

    def policy_of(work: TicketWork) -> str:
        assert work.state.received_at is not None
        return rulebook.policy_at(work.state.received_at)

    result = RulebookChange()
    which = affected_tickets() & (TICKET.c.policy_id == version.id)
    document = version.policy.document
    why = lazy("policy {n} was withdrawn: {document}", n=number, document=document)
    refold_tickets(session, which, before, why, now, result, policy_of)
    return result
