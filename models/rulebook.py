"""The rulebook: the policies, calendar and units in the store, by which tickets are decided."""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import func, select

from models.database import Session
from models.queries.routing_models import load_model, model_in_use
from models.rules.calendar import Calendar, DeclaredDay
from models.rules.policy import Policy, in_force, load_policy
from models.rules.routing.directory import Directory, Unit
from models.rules.state import RuleContext
from models.tables.core import DAY, POLICY, TERRITORY, UNIT

RulebookVersion = tuple[int, int, int, int]


@dataclass(frozen=True)
class Rulebook:
    """Policies by id, the calendar, and the directory of units, as of one `version`."""

    version: RulebookVersion
    policies: dict[str, Policy]
    calendar: Calendar
    directory: Directory

    def context_for(self, policy_id: str) -> RuleContext:
        """Return what a ticket under this policy is decided by."""
        return RuleContext(self.policies[policy_id], self.calendar)

    def policy_at(self, received_at: datetime) -> str:
        """Return the id of the policy in force for a ticket received at this moment (7.2)."""
        policy = in_force(list(self.policies.values()), received_at)
        return next(i for i, p in self.policies.items() if p is policy)


def rulebook_version(session: Session) -> RulebookVersion:
    """Return a value that changes with every new policy, day, units file or model; cheap to ask."""
    row = session.execute(
        select(
            select(func.count()).select_from(POLICY).scalar_subquery(),
            select(func.coalesce(func.max(DAY.c.version), 0)).scalar_subquery(),
            select(func.coalesce(func.max(UNIT.c.version), 0)).scalar_subquery(),
            model_in_use().scalar_subquery(),
        )
    ).one()
    return row[0], row[1], row[2], row[3]


def has_policies(session: Session) -> bool:
    """Return whether the store holds any policy."""
    return session.execute(select(POLICY.c.id).limit(1)).first() is not None


def has_units(session: Session) -> bool:
    """Return whether the store holds any unit."""
    return session.execute(select(UNIT.c.name).limit(1)).first() is not None


def load_rulebook(session: Session) -> Rulebook:
    """Load the rulebook from the store."""
    version = rulebook_version(session)
    rows = session.execute(
        select(POLICY.c.id, POLICY.c.body).order_by(POLICY.c.valid_from, POLICY.c.added_at)
    )
    policies = {row.id: load_policy(row.body, f"policy {row.id}") for row in rows}
    calendar = load_calendar(session)
    territory = session.execute(select(TERRITORY.c.word).order_by(TERRITORY.c.word)).scalars().all()
    directory = Directory(stored_units(session), territory, load_model(session))
    return Rulebook(version, policies, calendar, directory)


def stored_units(session: Session) -> list[Unit]:
    """Return the units of the last imported file, in its order."""
    rows = session.execute(select(UNIT).order_by(UNIT.c.position))
    units = []
    for row in rows:
        fields = {"name": row.name, "kind": row.kind, "parent": row.parent}
        units.append(msgspec.convert(fields | row.words | session.cipher.decrypt(row.people), Unit))
    return units


def load_calendar(session: Session) -> Calendar:
    """Load the calendar with the days that operators have declared."""
    overlay, version = {}, 0
    for row in session.execute(select(DAY)):
        overlay[row.day] = DeclaredDay(row.working, row.document)
        version = max(version, row.version)
    return Calendar(overlay, version)


class RulebookCache:
    """Keeps the rulebook of a process, and loads it again when the store has a newer one."""

    def __init__(self) -> None:
        self._rulebook: Rulebook | None = None

    def current(self, session: Session) -> Rulebook:
        """Return the rulebook as of this transaction."""
        rulebook = self._rulebook
        if rulebook is None or rulebook.version != rulebook_version(session):
            rulebook = self._rulebook = load_rulebook(session)
        return rulebook
