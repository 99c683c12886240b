"""Add policies, units and declared days to the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, func, select

from models.database import Session
from models.rulebook import stored_units
from models.rules.calendar import DeclaredDay
from models.rules.policy import digest, load_policy
from models.rules.routing.units_file import WORDS, UnitsFile
from models.rules.vocabulary import OPEN
from models.tables.core import DAY, POLICY, TERRITORY, TICKET, UNIT

_ID_LENGTH = 16


def add_policy(session: Session, text: str, name: str, now: datetime) -> bool:
    """Add this policy as a new version unless it is there; running tickets stay under theirs.

    Raises InvalidPolicy where the text of the file `name` is no policy (Regulation 7.2).
    """
    policy = load_policy(text, name)
    row = {
        "id": digest(text)[:_ID_LENGTH],
        "valid_from": policy.valid_from,
        "body": text,
        "added_at": now,
    }
    insert = session.insert(POLICY).values(row).on_conflict_do_nothing()
    return session.execute(insert.returning(POLICY.c.id)).first() is not None


@dataclass(frozen=True, slots=True)
class UnitsChange:
    """The changes of a units file, by names; `holding` counts open tickets of units it removed."""

    count: int
    added: list[str]
    changed: list[str]
    removed: list[str]
    holding: dict[str, int]


def replace_units(session: Session, units: UnitsFile) -> UnitsChange:
    """Replace the district's units by the file's; tickets keep the units they have."""
    before = {unit.name: unit for unit in stored_units(session)}
    version = session.scalar(select(func.coalesce(func.max(UNIT.c.version), 0))) or 0
    session.execute(delete(UNIT))
    session.execute(delete(TERRITORY))
    people = ("contact", "office", "phone", "deputy_leader", "principal_leader")
    rows = [
        {
            "name": unit.name,
            "kind": unit.kind,
            "parent": unit.parent,
            "position": position,
            "version": version + 1,
            "words": {k: getattr(unit, k) for k in WORDS},
            "people": session.cipher.encrypt({k: getattr(unit, k) for k in people}),
        }
        for position, unit in enumerate(units.unit)
    ]
    if rows:
        session.execute(session.insert(UNIT), rows)
    if units.territory:
        session.execute(session.insert(TERRITORY), [{"word": w} for w in units.territory])
    after = {unit.name: unit for unit in units.unit}
    removed = [name for name in before if name not in after]
    return UnitsChange(
        len(rows),
        [name for name in after if name not in before],
        [name for name in after if name in before and after[name] != before[name]],
        removed,
        _holding(session, removed),
    )


def _holding(session: Session, units: Sequence[str]) -> dict[str, int]:
    """Count the open tickets of each of these units."""
    rows = session.execute(
        select(TICKET.c.unit, func.count())
        .where(TICKET.c.unit.in_(units), TICKET.c.status.in_(OPEN))
        .group_by(TICKET.c.unit)
        .order_by(TICKET.c.unit)
    )
    return {row[0]: row[1] for row in rows}


def declare_days(session: Session, days: Mapping[date, DeclaredDay], now: datetime) -> int:
    """Declare days working or off; a later declaration of the same day replaces the earlier.

    Returns how many days are declared otherwise than before.
    """
    version = session.scalar(select(func.coalesce(func.max(DAY.c.version), 0))) or 0
    stored = session.execute(select(DAY.c.day, DAY.c.working, DAY.c.document))
    before = {row.day: DeclaredDay(row.working, row.document) for row in stored}
    rows = [
        {
            "day": day,
            "working": declared.working,
            "document": declared.document,
            "version": version + 1,
            "declared_at": now,
        }
        for day, declared in days.items()
        if before.get(day) != declared
    ]
    if rows:
        insert = session.insert(DAY)
        new = {k: insert.excluded[k] for k in ("working", "document", "version", "declared_at")}
        session.execute(insert.on_conflict_do_update(index_elements=["day"], set_=new), rows)
    return len(rows)
