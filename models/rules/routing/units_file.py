"""The units file: who handles what, checked before anything is routed by it (Regulation 1.3)."""

import difflib
import re
import tomllib
from collections.abc import Iterator

import msgspec

from models.errors import HotlineError
from models.i18n import _

STREET = "street"

_UNIT_LINE = re.compile(r"\s*\[\[\s*unit\s*\]\]")
_PATH = re.compile(r"\$\.unit\[(\d+)\](?:\.(\w+))?")
_UNKNOWN_FIELD = re.compile(r"unknown field `(\w+)`")


_Placed = list[tuple[int, "Unit"]]


class InvalidUnitsFile(HotlineError):
    """The units file cannot be used; the message names the line, the unit and what to do."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule for letters of a unit: any word of each list that is given, and none of `unless`."""

    words: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    streets: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


class Unit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A unit (承办单位): its people, the names it goes by, and what speaks for it."""

    name: str
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
"""The fields of a unit that speak for it; the others but `name`, `kind`, `parent` are people's."""


class UnitsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A district's units, and the words that say that a place lies in the district."""

    unit: tuple[Unit, ...]
    territory: tuple[str, ...] = ()


def load_units(text: str, name: str) -> UnitsFile:
    """Read the units from the TOML `text` of the file `name`; raises InvalidUnitsFile."""
    try:
        file = msgspec.convert(tomllib.loads(text), UnitsFile)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidUnitsFile(f"{name}: {error}") from error
    except msgspec.ValidationError as error:
        raise InvalidUnitsFile(_describe(text, name, str(error))) from error
    for index, word, why in _errors(file):
        raise InvalidUnitsFile(f"{_place(text, name, index, word)}: {why}")
    return file


def _errors(file: UnitsFile) -> Iterator[tuple[int, str, str]]:
    """Yield each error: the index of the unit, the word to look for there, and what to do."""
    for index, unit in enumerate(file.unit):
        if not unit.name.strip():
            yield index, "name", _("a unit without a name; write its full name")
        for field in WORDS[:-1]:
            if any(not word.strip() for word in getattr(unit, field)):
                why = _("{unit}: an empty word among its {field}; remove it")
                yield index, field, why.format(unit=unit.name, field=field)
        if any(not (rule.words or rule.topics or rule.streets) for rule in unit.rule):
            why = _("{unit}: a rule without words, topics or streets; give it one")
            yield index, "unit.rule", why.format(unit=unit.name)
    every = list(enumerate(file.unit))
    streets = [(n, u) for n, u in every if u.kind == STREET]
    bureaus = [(n, u) for n, u in every if u.kind != STREET]
    yield from _twice(every)
    yield from _shared(every, "name", "aliases")
    yield from _shared(streets, "streets")
    yield from _shared(bureaus, "keywords")
    yield from _shared(every, "topics")
    known = {word for unit in file.unit for word in (unit.name, *unit.aliases)}
    for index, unit in enumerate(file.unit):
        if unit.parent and unit.parent not in known:
            why = _("parent {parent} of {unit} is not in the file; add it or mend the name")
            yield index, "parent", why.format(parent=unit.parent, unit=unit.name)


def _twice(units: _Placed) -> Iterator[tuple[int, str, str]]:
    seen: set[str] = set()
    for index, unit in units:
        if unit.name in seen:
            yield index, unit.name, _("{unit} stands here twice; remove one").format(unit=unit.name)
        seen.add(unit.name)


def _shared(units: _Placed, *fields: str) -> Iterator[tuple[int, str, str]]:
    """Words that two units claim: only one of them can be meant."""
    owners: dict[str, str] = {}
    for index, unit in units:
        for field in fields:
            value = getattr(unit, field)
            for word in [value] if isinstance(value, str) else value:
                if (owner := owners.setdefault(word, unit.name)) != unit.name:
                    why = _("{word} names both {owner} and {unit}; remove it from one")
                    yield index, word, why.format(word=word, owner=owner, unit=unit.name)


def _describe(text: str, name: str, error: str) -> str:
    path = _PATH.search(error)
    field = _UNKNOWN_FIELD.search(error)
    index = int(path[1]) if path else None
    word = field[1] if field else (path[2] or "") if path else ""
    hint = ""
    if field:
        known = Rule if ".rule" in error else Unit if path else UnitsFile
        near = difflib.get_close_matches(field[1], known.__struct_fields__, 1)
        hint = "; " + _("did you mean `{field}`?").format(field=near[0]) if near else ""
    return f"{_place(text, name, index, word)}: {error}{hint}"


def _place(text: str, name: str, index: int | None, word: str) -> str:
    """Return the file, and the line where `word` stands in this unit if it can be found."""
    lines = text.splitlines()
    starts = [n for n, line in enumerate(lines) if _UNIT_LINE.match(line)]
    if index is None:
        starts, index = [0, *starts[:1]], 0
    if index >= len(starts):
        return name
    lines_of_unit = range(
        starts[index], starts[index + 1] if index + 1 < len(starts) else len(lines)
    )
    whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)") if word else _UNIT_LINE
    line = next((n for n in lines_of_unit if whole.search(lines[n])), starts[index])
    return _("{file} line {n}").format(file=name, n=line + 1)
