"""The rulebook: the policies, calendar and units in the store, by which tickets are decided."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, func, select

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.queries.own_tables import RULEBOOK, ForgedTable, require_own
from models.queries.routing_models import MODEL_IN_USE, load_model
from models.queries.topics import load_topics
from models.rules.calendar import Calendar, DeclaredDay
from models.rules.policy import Policy, in_force, load_stored_policy
from models.rules.routing.directory import Directory, Unit
from models.rules.routing.unit_history import FormerName, RetiredUnit, UnitHistory
from models.rules.state import RuleContext
from models.store_errors import is_store_fault, outage_reason
from models.tables.core import DAY, FORMER_UNIT_NAME, POLICY, TERRITORY, TOPIC, UNIT, YEAR

RulebookVersion = tuple[int, int, int, int, int]


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
        return RuleContext(policy, self.calendar, self.directory.parents)

    def policy_at(self, received_at: datetime) -> str:
        """Return the id of the policy in force for a ticket received at this moment (7.2)."""
        policy = in_force(list(self.policies.values()), received_at)
        return next(i for i, p in self.policies.items() if p is policy)


_CALENDAR_VERSION = select(
    select(func.coalesce(func.max(DAY.c.version), 0)).scalar_subquery()
    + select(func.coalesce(func.max(YEAR.c.version), 0)).scalar_subquery()
)
"""A number that counts up with every change of the calendar."""

_VERSION = select(
    # every import adds a version, and a version is withdrawn once
    select(func.count() + func.count(POLICY.c.withdrawn_at)).select_from(POLICY).scalar_subquery(),
    _CALENDAR_VERSION.scalar_subquery(),
    select(func.coalesce(func.max(UNIT.c.version), 0)).scalar_subquery(),
    MODEL_IN_USE.scalar_subquery(),
    select(func.coalesce(func.max(TOPIC.c.version), 0)).scalar_subquery(),
)


def rulebook_version(session: Session) -> RulebookVersion:
    """Return a value that changes with each new policy, day, unit, topic or model; cheap to ask."""
    row = session.execute(_VERSION).one()
    return row[0], row[1], row[2], row[3], row[4]


def calendar_version(session: Session) -> int:
    """Return a number that counts up with every change of the calendar."""
    version: int = session.execute(_CALENDAR_VERSION).scalar_one()
    return version


def has_policies(session: Session) -> bool:
    """Return whether the store holds any policy."""
    return session.execute(select(POLICY.c.id).limit(1)).first() is not None


def has_units(session: Session) -> bool:
    """Return whether the store holds any unit."""
    return session.execute(select(UNIT.c.id).limit(1)).first() is not None


def load_rulebook(session: Session) -> Rulebook:
    """Load the rulebook from the store. Raises ForgedTable."""
    require_own(session, RULEBOOK)
    version = rulebook_version(session)
    policies, withdrawn = dict[str, Policy](), dict[str, Policy]()
    for row in session.execute(select(POLICY).order_by(POLICY.c.valid_from, POLICY.c.number)):
        held = policies if row.withdrawn_at is None else withdrawn
        held[row.id] = load_stored_policy(row.body, f"policy {row.number}")
    calendar = load_calendar(session)
    units, territory = stored_units(session), stored_territory(session)
    model, history = load_model(session), unit_history(session)
    directory = Directory(units, territory, model, history, load_topics(session))
    return Rulebook(version, policies, calendar, directory, withdrawn)


def stored_units(session: Session) -> list[Unit]:
    """Return the present units, in the order of the last imported file."""
    query = select(UNIT).where(UNIT.c.retired_at.is_(None)).order_by(UNIT.c.position)
    return [unit_of_row(session, row) for row in session.execute(query)]


def stored_territory(session: Session) -> list[str]:
    """Return the words by which a place is known to lie in the district."""
    return list(session.scalars(select(TERRITORY.c.word).order_by(TERRITORY.c.word)))


def unit_of_row(session: Session, row: Row[Any]) -> Unit:
    """Return a row of the units as a unit."""
    fields = {"name": row.name, "id": row.id, "kind": row.kind, "parent": row.parent}
    return msgspec.convert(fields | row.words | session.decrypt(UNIT.c.people, row), Unit)


def unit_history(session: Session) -> UnitHistory:
    """Return the names that units had before, and the units that have left the file."""
    former = session.execute(
        select(FORMER_UNIT_NAME.c.unit_id, FORMER_UNIT_NAME.c.name, FORMER_UNIT_NAME.c.until)
    )
    retired = session.execute(
        select(UNIT.c.id, UNIT.c.name, UNIT.c.words, UNIT.c.retired_at, UNIT.c.successor)
        .where(UNIT.c.retired_at.is_not(None))
        .order_by(UNIT.c.retired_at, UNIT.c.id)
    )
    return UnitHistory(
        tuple(FormerName(*row) for row in former),
        tuple(
            RetiredUnit(r.id, r.name, tuple(r.words["aliases"]), r.retired_at, r.successor)
            for r in retired
        ),
    )


def load_calendar(session: Session) -> Calendar:
    """Load the calendar with the days and the years that operators have declared."""
    overlay = {
        row.day: DeclaredDay(row.working, row.document) for row in session.execute(select(DAY))
    }
    years = {row.year: row.document for row in session.execute(select(YEAR))}
    return Calendar(overlay, calendar_version(session), years)


_CHANGES = 5_412_345
"""The key of PostgreSQL's advisory lock on the rulebook."""


def hold_rulebook(session: Session, *, to_change: bool = False) -> None:
    """Let nobody change the rulebook until this transaction ends; to change it, let none use it.

    Otherwise a worker could give a ticket to a unit that is being renamed, when all of the unit's
    tickets have been passed on. SQLite has one writer at a time.
    """
    if session.dialect == "postgresql":
        lock = func.pg_advisory_xact_lock if to_change else func.pg_advisory_xact_lock_shared
        session.execute(select(lock(_CHANGES)))


class RulebookUnusable(HotlineError):
    """The rulebook cannot be had: by none nobody is judged, and everything waits."""


class RulebookCache:
    """Keeps the rulebook of a process, and loads it again when the store has a newer one."""

    def __init__(self) -> None:
        self._rulebook: Rulebook | None = None

    def current(self, session: Session) -> Rulebook:
        """Return the rulebook as of this transaction. Raises ForgedTable and RulebookUnusable."""
        rulebook = self._rulebook
        if rulebook is None or rulebook.version != rulebook_version(session):
            rulebook = self._rulebook = _load_or_say(session)
        return rulebook


def _load_or_say(session: Session) -> Rulebook:
    """Load the rulebook; raises RulebookUnusable for whatever is wrong with it."""
    try:
        return load_rulebook(session)
    except Exception as error:
        if isinstance(error, ForgedTable) or is_store_fault(error):
            raise
        text = _("the rulebook cannot be used: {why}").format(why=outage_reason(error))
        raise RulebookUnusable(text) from error
