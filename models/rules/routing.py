"""Which unit a matter belongs to (Regulation 3.1): the city's word, then places and keywords."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from models.errors import HotlineError
from models.labels import say
from models.rules.messages import HOTLINE, UNIT_FIELDS, Message, Route

_STREET = "street"


class UnitsWrong(HotlineError):
    """The units file cannot be used; the message names the unit and what is wrong."""


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


class UnitsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A district's units, and the words that say that a place lies in the district."""

    unit: tuple[Unit, ...]
    territory: tuple[str, ...] = ()


def load_units(text: str, name: str) -> UnitsFile:
    """The units that the TOML `text` of the file `name` holds; raises UnitsWrong."""
    try:
        found = msgspec.convert(tomllib.loads(text), UnitsFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as wrong:
        raise UnitsWrong(f"{name}: {wrong}") from wrong
    owners: dict[str, str] = {}
    for unit in found.unit:
        for word in dict.fromkeys((unit.name, *unit.aliases)):
            if (owner := owners.setdefault(word, unit.name)) != unit.name:
                raise UnitsWrong(
                    f"{name}: {word!r} names both {owner} and {unit.name}; remove it from one"
                )
    for unit in found.unit:
        if unit.parent and unit.parent not in owners:
            raise UnitsWrong(f"{name}: parent {unit.parent!r} of {unit.name} is not in the file")
    return found


class Directory:
    """The units as routing needs them: found by any of their names, and by what speaks for them."""

    def __init__(self, units: Sequence[Unit], territory: Sequence[str] = ()) -> None:
        self.units = {u.name: u for u in units}
        self._names = {a: u.name for u in units for a in u.aliases} | {n: n for n in self.units}
        self._places: dict[str, str | None] = dict.fromkeys(territory)
        for unit in units:
            if unit.kind == _STREET:
                self._places |= dict.fromkeys(unit.streets, unit.name)
        self._keywords = {
            word: unit.name for unit in units if unit.kind != _STREET for word in unit.keywords
        }
        self.place = _any_of(self._places)
        self._word = _any_of(self._keywords)

    def resolve(self, name: str) -> str | None:
        """The full name of the unit that goes by `name`, or None."""
        return self._names.get(name.strip())

    def route(self, body: Mapping[str, Any]) -> Route:
        """The unit of a received ticket, with the reason; or none, with the reason for that."""
        if named := str(body.get("unit") or "").strip():
            if unit := self.resolve(named):
                return Route(unit, say("named by the city: {name}", name=named))
            return Route(None, say("unit {name} is not known", name=named), named)
        text = f"{body.get('title', '')}\n{body.get('content', '')}"
        street = self.resolve(str(body.get("street") or ""))
        where = f"{body.get('address') or ''}\n{body.get('street') or ''}\n{text}"
        places = list(dict.fromkeys(self.place.findall(where)))
        if street is None and not places:
            return Route(None, say("no place in the district is named"))
        place = places[0] if places else str(street)
        if best := self._bureau(text):
            unit, words = best
            return Route(unit, say("place {place}, words {words}", place=place, words=words))
        streets = [street, *(self._places[p] for p in places)]
        for unit_name in (s for s in streets if s):
            words = "、".join(w for w in self.units[unit_name].keywords if w in text)
            if words:
                why = say("place {place}, words {words}", place=place, words=words)
                return Route(unit_name, why)
        if street:
            return Route(street, say("the ticket's street: {street}", street=street))
        return Route(None, say("no rule's words are in the letter"))

    def resolved(self, message: Message) -> Message:
        """The message with its units under their full names, and with its route if it is new."""
        body = dict(message.body)
        unknown = []
        if message.type == "ticket.received":
            return msgspec.structs.replace(message, route=self.route(body))
        for field in (*UNIT_FIELDS, "suggested_unit"):
            name = body.get(field)
            if isinstance(name, str) and name and name != HOTLINE:
                if full := self.resolve(name):
                    body[field] = full
                else:
                    unknown.append(name)
        if isinstance(units := body.get("units"), list):
            body["units"] = [self.resolve(str(u)) or str(u) for u in units]
            unknown += [u for u in body["units"] if u not in self.units]
        return msgspec.structs.replace(message, body=body, unknown=tuple(unknown))

    def _bureau(self, text: str) -> tuple[str, str] | None:
        found: dict[str, list[str]] = {}
        for word in dict.fromkeys(self._word.findall(text)):
            found.setdefault(self._keywords[word], []).append(word)
        if not found:
            return None
        best = max(found, key=lambda unit: sum(map(len, found[unit])))
        return best, "、".join(found[best])


def _any_of(words: Mapping[str, Any]) -> re.Pattern[str]:
    longest_first = sorted((w for w in words if w), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
