"""Names that units had before, and units that are no more: who is meant by an old name today."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from models.rules.routing.naming import UnitNames
from models.rules.routing.units_file import Unit


class FormerName(NamedTuple):
    """A name that a unit had until a moment."""

    unit_id: str
    name: str
    until: datetime


class RetiredUnit(NamedTuple):
    """A unit that has left the units file; `successor` is the id of the unit it was merged into."""

    id: str
    name: str
    aliases: tuple[str, ...]
    retired_at: datetime
    successor: str | None = None


@dataclass(frozen=True)
class UnitHistory:
    """The former names of units, and the retired units."""

    former: tuple[FormerName, ...] = ()
    retired: tuple[RetiredUnit, ...] = ()


class Succession(NamedTuple):
    """A ticket's passing on from one unit to another, each under its name of that time."""

    unit: str
    successor: str
    at: datetime


def new_unit_id(name: str, taken: Collection[str]) -> str:
    """Return an id for a new unit: the same in every store that begins with the same file."""
    number = 0
    while True:
        text = f"{name}/{number}" if number else name
        unit_id = f"u{hashlib.sha256(text.encode()).hexdigest()[:10]}"
        if unit_id not in taken:
            return unit_id
        number += 1


class PastNames:
    """Finds units by the names that they no longer have."""

    def __init__(
        self, units: Sequence[Unit], history: UnitHistory, territory: Iterable[str]
    ) -> None:
        self._present = {unit.id: unit.name for unit in units if unit.id}
        self._ids = {unit.name: unit.id for unit in units if unit.id}
        self._retired = {unit.id: unit for unit in history.retired}
        self._former: dict[str, list[FormerName]] = {}
        for former in sorted(history.former, key=lambda f: f.until):
            self._former.setdefault(former.unit_id, []).append(former)
        names = {alias: unit.id for unit in history.retired for alias in unit.aliases}
        names |= {former.name: former.unit_id for former in history.former}
        names |= {unit.name: unit.id for unit in history.retired}
        self._names = UnitNames(names, territory)
        self._given_up = {f.name for f in history.former} | {r.name for r in history.retired}
        ends = [f.until for f in history.former] + [r.retired_at for r in history.retired]
        self.changed_at = max(ends, default=None)
        """When a unit last gave up a name; None if none ever did."""

    def has(self, name: str) -> bool:
        """Return whether a unit had exactly this name and gave it up."""
        return name in self._given_up

    def present_name(self, name: str) -> str | None:
        """Return the unit that is meant by a past name today; None where there is none."""
        unit_id = self._names.find(name)
        names = self._names_of(unit_id) if unit_id else []
        return names[-1][0] if names and names[-1][0] in self._ids else None

    def retired_name(self, name: str) -> str | None:
        """Return the full name of the retired unit that goes by `name` and has no successor."""
        unit_id = self._names.find(name)
        names = self._names_of(unit_id) if unit_id else []
        return names[-1][0] if names and names[-1][0] not in self._ids else None

    def all_names(self, name: str) -> list[str]:
        """Return the names that a present unit has had, its present one first."""
        former = self._former.get(self._ids.get(name, ""), ())
        return list(dict.fromkeys([name, *(each.name for each in reversed(former))]))

    def name_at(self, written: str, full: str | None, at: datetime) -> str | None:
        """Return the name that the unit had at a moment, which a message of that time named.

        `full` is the present unit that goes by `written`, if there is one.
        """
        # the name may have been another unit's then
        holders = (f for names in self._former.values() for f in names if f.name == written)
        then = min((f for f in holders if f.until >= at), key=lambda f: f.until, default=None)
        unit_id = then.unit_id if then else self._ids.get(full or "") or self._names.find(written)
        names = self._names_of(unit_id) if unit_id else []
        return next((name for name, until in names if until is None or until >= at), full)

    def name_in_ticket(
        self, written: str, full: str, at: datetime, passed_on: Iterable[Succession]
    ) -> str:
        """Return the name by which a ticket knew a unit at a moment before it was passed on.

        What a unit said before it was renamed or merged, it said under its name of that time.
        """
        unit_ids = {self._ids.get(full), self._names.find(written)} - {None, ""}
        meant = {name for unit_id in unit_ids for name, _until in self._names_of(str(unit_id))}
        name = full
        for succession in sorted(passed_on, key=lambda s: s.at, reverse=True):
            if at <= succession.at and succession.successor == name and succession.unit in meant:
                name = succession.unit
        return name

    def _names_of(self, unit_id: str) -> list[tuple[str, datetime | None]]:
        """Return the names of a unit and of its successors, each until when it had it."""
        names: list[tuple[str, datetime | None]] = []
        since: datetime | None = None
        met: set[str] = set()
        following: str | None = unit_id
        while following is not None and following not in met:
            met.add(following)
            names += [
                (f.name, f.until)
                for f in self._former.get(following, ())
                if since is None or f.until > since
            ]
            if (present := self._present.get(following)) is not None:
                return [*names, (present, None)]
            retired = self._retired.get(following)
            if retired is None:
                return names
            ends = retired.retired_at if retired.successor else None
            names.append((retired.name, ends))
            since, following = retired.retired_at, retired.successor
        return names
