"""Add policies, units, declared days and years to the store."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import func, select

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.operations.changes import record_table
from models.rules.calendar import DeclaredDay
from models.rules.policy import Policy, lacking_terms, load_policy, load_stored_policy
from models.security.heads import HeadKind
from models.sql_types import SelectedRow
from models.tables.core import DAY, POLICY, YEAR

_ID_LENGTH = 16


class PolicyImportedMeanwhile(HotlineError):
    """Another import was made at the same moment."""

    def __init__(self) -> None:
        super().__init__(_("another policy was imported at the same moment; try again"))


def add_policy(session: Session, text: str, name: str, now: datetime) -> tuple[int | None, Policy]:
    """Add this policy as a new version; running tickets stay under theirs (Regulation 7.2).

    Returns its number, None where the version that holds from the same day has the same values, and
    the policy. Raises InvalidPolicy where the text of the file `name` is no policy.
    """
    policy = load_policy(text, name)
    rows = list(session.execute(select(POLICY).order_by(POLICY.c.number)))
    if _holds(policy, rows):
        return None, policy
    number = max((row.number for row in rows), default=0) + 1
    # a text may come again after others: it is a version of its own then
    id_ = _digest(text)
    if id_ in {row.id for row in rows}:
        id_ = _digest(f"{number}\n{text}")
    row = {
        "id": id_,
        "number": number,
        "valid_from": policy.valid_from,
        "body": text,
        "added_at": now,
    }
    insert = session.insert(POLICY).values(row).on_conflict_do_nothing()
    if session.execute(insert.returning(POLICY.c.id)).first() is None:
        # two processes that set up a new store import the same file
        if _holds(policy, session.execute(select(POLICY).order_by(POLICY.c.number)).all()):
            return None, policy
        raise PolicyImportedMeanwhile
    record_table(session, HeadKind.POLICY)
    return number, policy


def _holds(policy: Policy, rows: Sequence[SelectedRow]) -> bool:
    """Return whether the version that holds from the policy's first day has its values."""
    holding = [row for row in rows if row.valid_from == policy.valid_from and not row.withdrawn_at]
    if not holding:
        return False
    stored = load_stored_policy(holding[-1].body, f"policy {holding[-1].number}")
    return stored == policy and lacking_terms(stored) == lacking_terms(policy)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_LENGTH]


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
        record_table(session, HeadKind.DAY)
    return len(rows)


def declare_year(session: Session, year: int, document: str, now: datetime) -> bool:
    """Declare the arrangement of a whole year; returns whether that is new.

    Days of it that nobody declares follow the law's rule from then on, and are no guess.
    """
    rows = {row.year: row for row in session.execute(select(YEAR))}
    if year in rows and rows[year].document == document:
        return False
    version = max((row.version for row in rows.values()), default=0) + 1
    row = {"year": year, "document": document, "version": version, "declared_at": now}
    insert = session.insert(YEAR).values(row)
    new = {k: insert.excluded[k] for k in ("document", "version", "declared_at")}
    session.execute(insert.on_conflict_do_update(index_elements=["year"], set_=new))
    record_table(session, HeadKind.YEAR)
    return True
