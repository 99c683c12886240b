"""The units under which the bulletin counts: their present names, and the bodies of each parent."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select

from models.database import Session
from models.tables.core import UNIT


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
    """Read them from the units of the last imported file."""
    bodies: dict[str, tuple[str, ...]] = {}
    rows = session.execute(select(UNIT.c.name, UNIT.c.parent).order_by(UNIT.c.position))
    for name, parent in rows:
        if parent:
            bodies[parent] = (*bodies.get(parent, ()), name)
    return UnitNames({}, bodies)
