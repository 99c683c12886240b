"""Change the district's units: their tickets pass on to whoever takes over from them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import delete, func, select

from models.bulk import insert_rows
from models.database import Session, columns_to_decrypt
from models.errors import HotlineError
from models.i18n import _
from models.operations.changes import record_table
from models.operations.inbox import add_messages
from models.rulebook import (
    hold_rulebook,
    load_rulebook,
    stored_territory,
    unit_history,
    unit_of_row,
)
from models.rules.routing.unit_history import new_unit_id
from models.rules.routing.units_file import PEOPLE, STREET, WORDS, Unit, UnitsFile
from models.rules.speaking import UNITS
from models.rules.vocabulary import MessageType, Status
from models.security.heads import HeadKind
from models.tables.core import FORMER_UNIT_NAME, INBOX, TERRITORY, TICKET, UNIT
from models.tables.inbox import WAITING

_CLOSED = (Status.ARCHIVED, Status.DECLINED)


class UnitChangeRefused(HotlineError):
    """Units cannot be changed like this; the message says what to do."""


@dataclass
class UnitsChange:
    """The changes of the district's units, by names.

    `renamed` and `merged` have the name before with the one that takes over. `retired` are units
    that have left the file without a successor, with their open tickets; `passed_on` counts the
    tickets that pass on from a unit.
    """

    count: int
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    retired: dict[str, list[str]] = field(default_factory=dict)
    passed_on: dict[str, int] = field(default_factory=dict)


class _Known(NamedTuple):
    """A unit of the store, present or retired."""

    unit: Unit
    position: int
    retired_at: datetime | None
    successor: str | None


def replace_units(session: Session, file: UnitsFile, now: datetime) -> UnitsChange:
    """Replace the district's units by those of a file.

    A unit of the file is the one with its id; without one, that of its name, or one that has left
    the file and whose name is among its aliases, or the other way round. A unit that has left the
    file is merged into the one that has its name as an alias; else it is retired.

    Raises UnitChangeRefused where units change names with one another.
    """
    known = _known_units(session)
    matched = _match(session, file.unit, known)
    after: list[Unit] = []
    taken = set(known)
    for place, unit in enumerate(file.unit):
        unit_id = matched.get(place) or (unit.id if unit.id not in taken else "")
        unit_id = unit_id or new_unit_id(unit.name, taken)
        taken.add(unit_id)
        after.append(replace(unit, id=unit_id))
    return _store(session, known, after, file.territory, now)


def rename_unit(session: Session, name: str, new_name: str, now: datetime) -> UnitsChange:
    """Rename a unit; its old name becomes an alias. Raises UnitChangeRefused."""
    known = _known_units(session)
    units = [k.unit for k in known.values() if k.retired_at is None]
    unit = _present(session, name)
    new_name = new_name.strip()
    if not new_name:
        raise UnitChangeRefused(_("a unit without a name; write its full name"))
    owner = next((u for u in units if new_name in (u.name, *u.aliases)), None)
    if unit.name == new_name:
        raise UnitChangeRefused(_("{unit} is already called so").format(unit=unit.name))
    if owner is not None and owner.id != unit.id:
        if owner.name == new_name:
            text = _(
                "{new} is a unit already; to put them together: "
                "hotline units merge {unit} --into {new}"
            )
        else:
            text = _("{new} is an alias of {owner}; remove it there first")
        raise UnitChangeRefused(text.format(new=new_name, unit=unit.name, owner=owner.name))
    renamed = replace(unit, name=new_name, aliases=_names([*unit.aliases, unit.name], {new_name}))
    after = [renamed if u.id == unit.id else _with_parent(u, unit.name, new_name) for u in units]
    return _store(session, known, after, stored_territory(session), now)


def merge_units(session: Session, name: str, into: str, now: datetime) -> UnitsChange:
    """Merge a unit into another, which takes over its tickets, names, words and bodies.

    Raises UnitChangeRefused.
    """
    known = _known_units(session)
    successor = _present(session, into)
    merged = _unit_to_merge(session, name, known, now)
    if merged.id == successor.id:
        text = _("{name} and {into} are the same unit: {unit}")
        raise UnitChangeRefused(text.format(name=name, into=into, unit=merged.name))
    after = []
    present = [k.unit for k in known.values() if k.retired_at is None]
    for unit in present:
        if unit.id == successor.id:
            parent = merged.parent if unit.parent == merged.name else unit.parent
            others = [u for u in present if u.id not in (unit.id, merged.id)]
            after.append(_with_words_of(replace(unit, parent=parent), merged, others))
        elif unit.id != merged.id:
            after.append(_with_parent(unit, merged.name, successor.name))
    if known[merged.id].successor is not None:
        text = _("{unit} has been merged already")
        raise UnitChangeRefused(text.format(unit=merged.name))
    return _store(session, known, after, stored_territory(session), now)


def _known_units(session: Session) -> dict[str, _Known]:
    """Read all units, and let nobody use or change them before this transaction ends."""
    hold_rulebook(session, to_change=True)
    rows = session.execute(select(UNIT).order_by(UNIT.c.position)).all()
    return {
        row.id: _Known(unit_of_row(session, row), row.position, row.retired_at, row.successor)
        for row in rows
    }


def _present(session: Session, name: str) -> Unit:
    directory = load_rulebook(session).directory
    full = directory.resolve(name)
    if full is None:
        text = _("unit {unit} is not known; `hotline units find` shows who is meant by a name")
        raise UnitChangeRefused(text.format(unit=name))
    return directory.units[full]


def _unit_to_merge(session: Session, name: str, known: dict[str, _Known], now: datetime) -> Unit:
    """Return the unit of a name, present or retired; or one that only tickets know still."""
    retired = [k.unit for k in known.values() if k.retired_at is not None and k.unit.name == name]
    if not any(k.unit.name == name and k.retired_at is None for k in known.values()):
        if retired:
            return retired[-1]
        if _tickets_of(session, name):
            # it left the file before units were kept
            unit = Unit(name, id=new_unit_id(name, known))
            known[unit.id] = _Known(unit, len(known), now, None)
            return unit
    return _present(session, name)


def _with_parent(unit: Unit, parent: str, successor: str) -> Unit:
    return replace(unit, parent=successor) if unit.parent == parent else unit


def _with_words_of(unit: Unit, merged: Unit, others: Sequence[Unit]) -> Unit:
    """Return a unit with the names of one that is merged into it, and what spoke for that one.

    What speaks for one of the others by now stays theirs.
    """
    names = {word for other in others for word in (other.name, *other.aliases)}
    aliases = _names([*unit.aliases, merged.name, *merged.aliases], names | {unit.name})
    topics = {word for other in others for word in other.topics}
    unit = replace(
        unit,
        aliases=aliases,
        topics=_names([*unit.topics, *merged.topics], topics),
        rule=(*unit.rule, *merged.rule),
    )
    if unit.kind != merged.kind:
        return unit
    bureaus = [other for other in others if STREET not in (other.kind, unit.kind)]
    keywords = {word for other in bureaus for word in other.keywords}
    streets = {word for other in others if other.kind == STREET for word in other.streets}
    return replace(
        unit,
        keywords=_names([*unit.keywords, *merged.keywords], keywords),
        streets=_names([*unit.streets, *merged.streets], streets),
    )


def _names(words: Iterable[str], but: Collection[str] = ()) -> tuple[str, ...]:
    return tuple(word for word in dict.fromkeys(words) if word not in but)


def _match(session: Session, units: Sequence[Unit], known: Mapping[str, _Known]) -> dict[int, str]:
    """Return the ids of the known units that these units are, by their place in the file."""
    matched = {place: unit.id for place, unit in enumerate(units) if unit.id in known}
    free = {k: v for k, v in known.items() if k not in matched.values()}

    def match(names: Mapping[str, str], words_of: Sequence[Sequence[str]]) -> None:
        """Match units by the first of their words that is the name of a free unit."""
        for place, words in enumerate(words_of):
            unit_id = next((names[w] for w in words if names.get(w) in free), None)
            if place not in matched and unit_id is not None:
                matched[place] = unit_id
                del free[unit_id]

    present = [k.unit for k in free.values() if k.retired_at is None]
    match({u.name: u.id for u in present}, [[unit.name] for unit in units])
    others = {a: u.id for u in present for a in u.aliases}
    others |= {f.name: f.unit_id for f in unit_history(session).former if f.unit_id in free}
    match(others, [[unit.name] for unit in units])
    match({u.name: u.id for u in present}, [unit.aliases for unit in units])
    retired = {k.unit.name: k.unit.id for k in free.values() if k.retired_at is not None}
    match(retired, [[unit.name] for unit in units])
    return matched


def _store(
    session: Session,
    known: Mapping[str, _Known],
    after: Sequence[Unit],
    territory: Sequence[str],
    now: datetime,
) -> UnitsChange:
    """Write the units as they are from now on, and pass on the tickets of those that change."""
    present = {unit.id: unit for unit in after}
    change = UnitsChange(len(after))
    renamed: dict[str, str] = {}
    retired: list[_Known] = []
    heirs = {alias: unit for unit in after for alias in unit.aliases} | {u.name: u for u in after}
    for unit_id, before in known.items():
        unit = before.unit
        if (now_unit := present.get(unit_id)) is not None:
            if before.retired_at is not None:
                change.added.append(now_unit.name)
            elif now_unit.name != unit.name:
                renamed[unit.name] = now_unit.name
            elif now_unit != unit:
                change.changed.append(unit.name)
            continue
        successor = before.successor if before.successor in {*present, *known} else None
        if successor is None and (heir := heirs.get(unit.name)) is not None:
            successor = heir.id
            change.merged[unit.name] = heir.name
        elif before.retired_at is None:
            change.retired[unit.name] = _tickets_of(session, unit.name)
        retired.append(before._replace(retired_at=before.retired_at or now, successor=successor))
    change.renamed = renamed
    change.added += [unit.name for unit in after if unit.id not in known]
    version = (session.scalar(select(func.coalesce(func.max(UNIT.c.version), 0))) or 0) + 1
    for unit_name, successor_name in _in_order(renamed, change.merged):
        tickets = _tickets_of(session, unit_name)
        if tickets and unit_name != successor_name:
            _pass_on(session, tickets, unit_name, successor_name, version, now)
            change.passed_on[unit_name] = len(tickets)
    _write(session, after, retired, territory, version)
    former = [
        {"unit_id": unit_id, "until": now, "name": before.unit.name}
        for unit_id, before in known.items()
        if before.unit.name in renamed and before.retired_at is None
    ]
    insert_rows(session.connection(), FORMER_UNIT_NAME, former)
    for kind in (HeadKind.UNIT, HeadKind.TERRITORY, HeadKind.FORMER_NAME):
        record_table(session, kind)
    return change


def _in_order(renamed: Mapping[str, str], merged: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the successions in an order in which no ticket is passed on twice."""
    waiting = {**renamed, **merged}
    ordered: list[tuple[str, str]] = []
    while waiting:
        # a name must have been given up before another unit takes it
        free = [n for n, s in waiting.items() if s == n or s not in waiting]
        if not free:
            text = _(
                "units change names with one another: {names}; rename one to a third name first"
            )
            raise UnitChangeRefused(text.format(names="、".join(waiting)))
        ordered += [(name, waiting.pop(name)) for name in free]
    return ordered


def _write(
    session: Session,
    units: Sequence[Unit],
    retired: Sequence[_Known],
    territory: Sequence[str],
    version: int,
) -> None:
    session.execute(delete(UNIT))
    session.execute(delete(TERRITORY))
    kept = [_Known(unit, position, None, None) for position, unit in enumerate(units)] + [*retired]
    rows = [
        {
            "id": each.unit.id,
            "name": each.unit.name,
            "kind": each.unit.kind,
            "parent": each.unit.parent,
            "position": each.position,
            "version": version,
            "words": {k: getattr(each.unit, k) for k in WORDS},
            "people": session.encrypt(
                UNIT.c.people, {k: getattr(each.unit, k) for k in PEOPLE}, {"id": each.unit.id}
            ),
            "retired_at": each.retired_at,
            "successor": each.successor,
        }
        for each in kept
    ]
    if rows:
        session.execute(session.insert(UNIT), rows)
    if territory:
        session.execute(session.insert(TERRITORY), [{"word": word} for word in territory])


def _tickets_of(session: Session, unit: str) -> list[str]:
    """Return the tickets that are not closed and in which this unit has a part."""
    named = msgspec.json.encode(unit).decode()
    rows = session.scalars(
        select(TICKET.c.number).where(
            TICKET.c.status.not_in(_CLOSED), TICKET.c.state.contains(named, autoescape=True)
        )
    )
    # to some the unit may be on its way still
    passing = session.execute(
        select(*columns_to_decrypt(INBOX.c.body))
        .where(INBOX.c.type == MessageType.UNIT_SUCCEEDED)
        .where(INBOX.c.state == WAITING, INBOX.c.current)
    ).all()
    passed_on = zip(passing, session.decrypt_all(INBOX.c.body, passing), strict=True)
    soon = [row.ticket for row, body in passed_on if body["successor"] == unit]
    return sorted({*rows, *soon})


def _pass_on(
    session: Session,
    tickets: Sequence[str],
    unit: str,
    successor: str,
    version: int,
    now: datetime,
) -> None:
    """Put a message into the inbox for each ticket: its unit is succeeded by another."""
    messages = [
        {
            "id": f"{version}/{unit}/{ticket}",
            "at": now.isoformat(),
            "type": MessageType.UNIT_SUCCEEDED,
            "ticket": ticket,
            "unit": unit,
            "successor": successor,
        }
        for ticket in tickets
    ]
    added = add_messages(session, UNITS, messages, now)
    assert not added.refused and not added.known, added
