"""Policies, units and declared days come into the store."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import delete, func, select

from models.database import Session
from models.rules.calendar import Declared
from models.rules.policy import digest, load_policy
from models.rules.units import WORDS, UnitsFile
from models.tables.core import DAY, POLICY, TERRITORY, UNIT

_ID_LENGTH = 16


def add_policy(session: Session, text: str, name: str, now: datetime) -> bool:
    """Keep this policy as a new version unless it is there; running tickets stay under theirs.

    Raises PolicyWrong where the text of the file `name` is no policy (Regulation 7.2).
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


def replace_units(session: Session, units: UnitsFile) -> int:
    """Make the file's units the district's units; returns how many there are now."""
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
            "people": session.sealer.seal({k: getattr(unit, k) for k in people}),
        }
        for position, unit in enumerate(units.unit)
    ]
    if rows:
        session.execute(session.insert(UNIT), rows)
    if units.territory:
        session.execute(session.insert(TERRITORY), [{"word": w} for w in units.territory])
    return len(rows)


def declare_days(session: Session, days: Mapping[date, Declared], now: datetime) -> int:
    """Keep an arrangement of working days; a later one for the same day replaces the earlier.

    Returns how many days are now declared otherwise than before.
    """
    version = session.scalar(select(func.coalesce(func.max(DAY.c.version), 0))) or 0
    kept = session.execute(select(DAY.c.day, DAY.c.working, DAY.c.document))
    before = {row.day: Declared(row.working, row.document) for row in kept}
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
