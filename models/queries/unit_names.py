"""The units under which the bulletin counts: their present names, and the bodies of each parent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.rules.vocabulary import HOTLINE_HOLDERS
from models.tables.core import CLOCK, FORMER_UNIT_NAME, UNIT

if TYPE_CHECKING:
    from models.rules.routing.directory import Directory


class ReusedName(NamedTuple):
    """A name that another unit has by now, and the unit that had it until a moment."""

    name: str
    until: datetime
    present: str


@dataclass(frozen=True)
class UnitNames:
    """The present name of every unit that had another one, and the bodies of each parent (1.3).

    What a unit did that was merged or has left the units file stands under its own last name: it
    is among the `retired`. `reused` are in the order of their moments.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    bodies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reused: Sequence[ReusedName] = ()
    retired: frozenset[str] = frozenset()

    def present(self, name: str, at: datetime | None = None) -> str:
        """Return the present name of the unit that had this one at a moment, or has it now."""
        if at is not None:
            for reused in self.reused:
                if reused.name == name and at <= reused.until:
                    return reused.present
        return self.renamed.get(name, name)

    def all_names(self, name: str) -> list[str]:
        """Return every name under which a unit may have held something."""
        present = self.present(name)
        former = [old for old, new in self.renamed.items() if new == present]
        former += [reused.name for reused in self.reused if reused.present == present]
        return list(dict.fromkeys([present, *former]))


class UnknownUnit(HotlineError):
    """A name that no unit has or had, and nobody who owed anything."""

    def __init__(self, name: str) -> None:
        text = _("unit {unit} is not known; `hotline units find` shows who is meant by a name")
        super().__init__(text.format(unit=name))


def asked_unit(session: Session, names: UnitNames, directory: "Directory", name: str) -> str:
    """Return the unit that is asked about by any of its names; one that is no more by its own.

    Raises UnknownUnit.
    """
    if name in names.retired or name in names.renamed or name in HOTLINE_HOLDERS:
        return name
    if (present := directory.resolve(name)) is not None:
        return present
    # what left the file before units were kept
    held = select(CLOCK.c.ticket_id).where(CLOCK.c.holder == name).limit(1)
    if session.scalar(held) is None:
        raise UnknownUnit(name)
    return name


def load_unit_names(session: Session) -> UnitNames:
    """Read the names of units, those that they had before, and the parents of present units."""
    columns = select(UNIT.c.id, UNIT.c.name, UNIT.c.parent, UNIT.c.words, UNIT.c.retired_at)
    rows = session.execute(columns.order_by(UNIT.c.position)).all()
    units = [row for row in rows if row.retired_at is None]
    parents = {alias: unit.name for unit in units for alias in unit.words["aliases"]}
    parents |= {unit.name: unit.name for unit in units}
    bodies: dict[str, tuple[str, ...]] = {}
    for unit in units:
        if unit.parent:
            parent = parents.get(unit.parent, unit.parent)
            bodies[parent] = (*bodies.get(parent, ()), unit.name)
    last_names = {row.id: row.name for row in rows}
    taken = set(last_names.values())
    holders: dict[str, list[ReusedName]] = {}
    former = select(FORMER_UNIT_NAME.c.name, FORMER_UNIT_NAME.c.unit_id, FORMER_UNIT_NAME.c.until)
    for name, unit_id, until in session.execute(former.order_by(FORMER_UNIT_NAME.c.until)):
        holders.setdefault(name, []).append(ReusedName(name, until, last_names[unit_id]))
    # of a name that no unit has now, the last one that had it is meant
    renamed = {name: had.pop().present for name, had in holders.items() if name not in taken}
    reused = [each for had in holders.values() for each in had]
    retired = frozenset(taken) - {unit.name for unit in units}
    return UnitNames(renamed, bodies, reused, retired)
