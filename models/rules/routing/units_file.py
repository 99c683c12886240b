"""The units file: who handles what, checked before anything is routed by it (Regulation 1.3)."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from models.errors import HotlineError
from models.i18n import _
from models.rules.toml_files import Problem, load_toml

STREET = "street"

_STRICT = ConfigDict(extra="forbid")


class InvalidUnitsFile(HotlineError):
    """The units file cannot be used; the message names the line, the unit and what to do."""


@dataclass(frozen=True, config=_STRICT)
class Rule:
    """A rule for letters of a unit: any word of each list that is given, and none of `unless`."""

    words: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    streets: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, config=_STRICT)
class Unit:
    """A unit (承办单位): its people, the names it goes by, and what speaks for it.

    `id` stays the same when the unit is renamed; a file need not give it.
    """

    name: str
    id: str = ""
    kind: str = "bureau"
    parent: str = ""
    aliases: tuple[str, ...] = ()
    contact: str = ""
    office: str = ""
    phone: str = ""
    deputy_leader: str = ""
    principal_leader: str = ""
    streets: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    rule: tuple[Rule, ...] = ()


WORDS = ("aliases", "streets", "keywords", "topics", "rule")
"""The fields of a unit that speak for it."""
PEOPLE = ("contact", "office", "phone", "deputy_leader", "principal_leader")
"""The fields of a unit that are people's."""


@dataclass(frozen=True, config=_STRICT)
class UnitsFile:
    """A district's units, and the words that say that a place lies in the district."""

    unit: tuple[Unit, ...]
    territory: tuple[str, ...] = ()


def load_units(text: str, name: str) -> UnitsFile:
    """Read the units that the TOML `text` of the file `name` holds; raises InvalidUnitsFile."""
    return load_toml(text, name, UnitsFile, InvalidUnitsFile, _problems)


_Numbered: TypeAlias = Sequence[tuple[int, Unit]]
"""Units with their index in the file."""


def _problems(file: UnitsFile) -> Iterator[Problem]:
    """Yield mistakes in units taken together, or in several values of one."""
    units = list(enumerate(file.unit))
    for index, unit in units:
        yield from _problems_of(unit, index)
    streets = [(index, unit) for index, unit in units if unit.kind == STREET]
    bureaus = [(index, unit) for index, unit in units if unit.kind != STREET]
    yield from _repeated(units, "name")
    yield from _repeated(units, "id")
    yield from _shared_words(units, "name", "aliases")
    yield from _shared_words(streets, "streets")
    yield from _shared_words(bureaus, "keywords")
    yield from _shared_words(units, "topics")
    yield from _wrong_parents(units)


def _wrong_parents(units: _Numbered) -> Iterator[Problem]:
    """Yield parents that are not in the file, and bodies that are above themselves."""
    known = {word: unit for _index, unit in units for word in (unit.name, *unit.aliases)}
    for index, unit in units:
        if unit.parent and unit.parent not in known:
            why = _("parent {parent} of {unit} is not in the file; add it or mend the name")
            yield ("unit", index, "parent"), why.format(parent=unit.parent, unit=unit.name)
        above: list[str] = []
        following: Unit | None = unit
        while following is not None and following.name not in above:
            above.append(following.name)
            following = known.get(following.parent) if following.parent else None
        if following is unit:
            why = _("{unit} cannot be above itself; take the parent from one of: {names}")
            names = "、".join(above)
            yield ("unit", index, "parent"), why.format(unit=unit.name, names=names)


def _problems_of(unit: Unit, index: int) -> Iterator[Problem]:
    if not unit.name.strip():
        yield ("unit", index, "name"), _("a unit without a name; write its full name")
    for field in WORDS[:-1]:
        for place, word in enumerate(getattr(unit, field)):
            if not word.strip():
                why = _("{unit}: an empty word among its {field}; remove it")
                yield ("unit", index, field, place), why.format(unit=unit.name, field=field)
    for place, rule in enumerate(unit.rule):
        if not (rule.words or rule.topics or rule.streets):
            why = _("{unit}: a rule without words, topics or streets; give it one")
            yield ("unit", index, "rule", place), why.format(unit=unit.name)


def _repeated(units: _Numbered, field: str) -> Iterator[Problem]:
    """Yield names or ids that two units have."""
    values: set[str] = set()
    for index, unit in units:
        value = getattr(unit, field)
        if value and value in values:
            why = _("{unit} stands here twice; remove one")
            yield ("unit", index, field), why.format(unit=value)
        values.add(value)


def _shared_words(units: _Numbered, *fields: str) -> Iterator[Problem]:
    """Words that two units claim: only one of them can be meant."""
    owners: dict[str, str] = {}
    for index, unit in units:
        for field in fields:
            value = getattr(unit, field)
            for place, word in enumerate([value] if isinstance(value, str) else value):
                if (owner := owners.setdefault(word, unit.name)) != unit.name:
                    why = _("{word} names both {owner} and {unit}; remove it from one")
                    path = ("unit", index, field)
                    why = why.format(word=word, owner=owner, unit=unit.name)
                    yield path if isinstance(value, str) else (*path, place), why
