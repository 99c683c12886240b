"""The units under which the bulletin counts: their present names, and the bodies of each parent."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select

from models.database import Session
from models.tables.core import FORMER_UNIT_NAME, UNIT


@dataclass(frozen=True)
class UnitNames:
    """The present name of every unit that had another one, and the bodies of each parent (1.3)."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    bodies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def present(self, name: str) -> str:
        """Return the present name of a unit."""
        return self.renamed.get(name, name)

    def all_names(self, name: str) -> list[str]:
        """Return every name under which a unit may have held something."""
        present = self.present(name)
        return [present, *(old for old, new in self.renamed.items() if new == present)]


def load_unit_names(session: Session) -> UnitNames:
    """Read the names of the present units, those that they had before, and their parents."""
    columns = select(UNIT.c.id, UNIT.c.name, UNIT.c.parent).order_by(UNIT.c.position)
    units = session.execute(columns.where(UNIT.c.retired_at.is_(None))).all()
    names = {unit.id: unit.name for unit in units}
    bodies: dict[str, tuple[str, ...]] = {}
    for unit in units:
        if unit.parent:
            bodies[unit.parent] = (*bodies.get(unit.parent, ()), unit.name)
    former = session.execute(
        select(FORMER_UNIT_NAME.c.name, FORMER_UNIT_NAME.c.unit_id).order_by(
            FORMER_UNIT_NAME.c.until
        )
    )
    present = set(names.values())
    # a name that another unit has by now is that unit's
    renamed = {
        row.name: names[row.unit_id]
        for row in former
        if row.unit_id in names and row.name not in present
    }
    return UnitNames(renamed, bodies)
