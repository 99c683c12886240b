"""The rulebook: the policies, calendar and units in the store, by which tickets are decided."""

from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from sqlalchemy import Select, func, select

from models.database import Session
from models.queries.routing_models import load_model, model_in_use
from models.rules.calendar import Calendar, DeclaredDay
from models.rules.policy import Policy, in_force, load_stored_policy
from models.rules.routing.directory import Directory, Unit
from models.rules.state import RuleContext
from models.tables.core import DAY, POLICY, TERRITORY, UNIT, YEAR

RulebookVersion = tuple[int, int, int, int]


@dataclass(frozen=True)
class Rulebook:
    """Policies by id, the calendar, and the directory of units, as of one `version`.

    `withdrawn` are the policies that were withdrawn: archived tickets may still refer to them.
    """

    version: RulebookVersion
    policies: dict[str, Policy]
    calendar: Calendar
    directory: Directory
    withdrawn: dict[str, Policy] = field(default_factory=dict)

    def context_for(self, policy_id: str) -> RuleContext:
        """Return what a ticket under this policy is decided by."""
        policy = self.policies.get(policy_id) or self.withdrawn[policy_id]
        return RuleContext(policy, self.calendar)

    def policy_at(self, received_at: datetime) -> str:
        """Return the id of the policy in force for a ticket received at this moment (7.2)."""
        policy = in_force(list(self.policies.values()), received_at)
        return next(i for i, p in self.policies.items() if p is policy)


def rulebook_version(session: Session) -> RulebookVersion:
    """Return a value that changes with every new policy, day, units file or model; cheap to ask."""
    row = session.execute(
        select(
            # every import adds a version, and a version is withdrawn once
            select(func.count() + func.count(POLICY.c.withdrawn_at))
            .select_from(POLICY)
            .scalar_subquery(),
            calendar_version().scalar_subquery(),
            select(func.coalesce(func.max(UNIT.c.version), 0)).scalar_subquery(),
            model_in_use().scalar_subquery(),
        )
    ).one()
    return row[0], row[1], row[2], row[3]


def calendar_version() -> Select[tuple[int]]:
    """Return the query for a number that counts up with every change of the calendar."""
    days = select(func.coalesce(func.max(DAY.c.version), 0)).scalar_subquery()
    years = select(func.coalesce(func.max(YEAR.c.version), 0)).scalar_subquery()
    return select(days + years)


def has_policies(session: Session) -> bool:
    """Return whether the store holds any policy."""
    return session.execute(select(POLICY.c.id).limit(1)).first() is not None


def has_units(session: Session) -> bool:
    """Return whether the store holds any unit."""
    return session.execute(select(UNIT.c.name).limit(1)).first() is not None


def load_rulebook(session: Session) -> Rulebook:
    """Load the rulebook from the store."""
    version = rulebook_version(session)
    policies, withdrawn = dict[str, Policy](), dict[str, Policy]()
    for row in session.execute(select(POLICY).order_by(POLICY.c.valid_from, POLICY.c.number)):
        held = policies if row.withdrawn_at is None else withdrawn
        held[row.id] = load_stored_policy(row.body, f"policy {row.number}")
    calendar = load_calendar(session)
    territory = session.execute(select(TERRITORY.c.word).order_by(TERRITORY.c.word)).scalars().all()
    directory = Directory(stored_units(session), territory, load_model(session))
    return Rulebook(version, policies, calendar, directory, withdrawn)


def stored_units(session: Session) -> list[Unit]:
    """Return the units of the last imported file, in its order."""
    rows = session.execute(select(UNIT).order_by(UNIT.c.position))
    units = []
    for row in rows:
        fields = {"name": row.name, "kind": row.kind, "parent": row.parent}
        units.append(msgspec.convert(fields | row.words | session.cipher.decrypt(row.people), Unit))
    return units


def load_calendar(session: Session) -> Calendar:
    """Load the calendar with the days and the years that operators have declared."""
    overlay = {
        row.day: DeclaredDay(row.working, row.document) for row in session.execute(select(DAY))
    }
    years = {row.year: row.document for row in session.execute(select(YEAR))}
    return Calendar(overlay, session.execute(calendar_version()).scalar_one(), years)


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
