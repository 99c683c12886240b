"""The versions of the policy in the store, and when each of them holds."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest

from sqlalchemy import case, func, select

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.rules.policy import Policy, in_force, load_stored_policy
from models.rules.vocabulary import OPEN
from models.tables.core import POLICY, TICKET


class PolicyVersionNotFound(HotlineError):
    """The store holds no version of this number."""

    def __init__(self, number: int, known: Collection[int]) -> None:
        self.number = number
        text = _("there is no version {n} of the policy; there are: {known}")
        super().__init__(text.format(n=number, known=", ".join(map(str, sorted(known)))))


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A version of the policy in the store.

    It holds for tickets received from `holds_from` until before `holds_until`; both are None where
    it holds for none, because it was withdrawn or `replaced_by` a later import for the same day.
    """

    number: int
    id: str
    policy: Policy
    text: str
    added_at: datetime
    withdrawn_at: datetime | None
    holds_from: date | None = None
    holds_until: date | None = None
    replaced_by: int | None = None


def policy_versions(session: Session) -> list[PolicyVersion]:
    """Return all versions in the order of their import."""
    rows = list(session.execute(select(POLICY).order_by(POLICY.c.number)))
    # the last import of a day holds from that day on
    winners = {row.valid_from: row.number for row in rows if row.withdrawn_at is None}
    days = sorted(winners)
    until = dict(zip_longest(days, days[1:]))
    versions = []
    for row in rows:
        winner = winners.get(row.valid_from)
        holds = row.number == winner
        versions.append(
            PolicyVersion(
                number=row.number,
                id=row.id,
                policy=load_stored_policy(row.body, f"policy {row.number}"),
                text=row.body,
                added_at=row.added_at,
                withdrawn_at=row.withdrawn_at,
                holds_from=row.valid_from if holds else None,
                holds_until=until[row.valid_from] if holds else None,
                replaced_by=None if holds or row.withdrawn_at is not None else winner,
            )
        )
    return versions


def version_at(versions: Sequence[PolicyVersion], received_at: datetime) -> PolicyVersion | None:
    """Return the version in force for a ticket received at this moment; None where there is none.

    A moment before the first version is judged by the first (7.2).
    """
    holding = [version for version in versions if version.holds_from is not None]
    if not holding:
        return None
    policy = in_force([version.policy for version in holding], received_at)
    return next(version for version in holding if version.policy is policy)


def tickets_by_policy(session: Session) -> dict[str, tuple[int, int]]:
    """Count the tickets under each policy, by its id: all of them, and the open ones."""
    is_open = case((TICKET.c.status.in_(OPEN), 1), else_=0)
    rows = session.execute(
        select(TICKET.c.policy_id, func.count(), func.sum(is_open)).group_by(TICKET.c.policy_id)
    )
    return {row[0]: (row[1], row[2]) for row in rows if row[0] is not None}
