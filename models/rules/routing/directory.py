"""Routing (Regulation 3.1): the city's own word first, then rules, then a model of past letters."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from models.i18n import PrivateText, lazy
from models.rules.messages import (
    CONTENT_TYPES,
    HOTLINE,
    UNIT_FIELDS,
    Content,
    DisputeOpened,
    Message,
    Refusal,
    Route,
    TicketAmended,
    TicketReceived,
    UnitSucceeded,
    refuse_unknown,
    said_topic,
)
from models.rules.papers import says_something
from models.rules.routing.naming import UnitNames, find_all
from models.rules.routing.predictions import LetterClassifier, Prediction, TopicProposer
from models.rules.routing.unit_history import PastNames, Succession, UnitHistory
from models.rules.routing.units_file import (
    STREET,
    InvalidUnitsFile,
    Rule,
    Unit,
    UnitsFile,
    load_units,
)
from models.rules.topics import TopicTree
from models.rules.vocabulary import MessageType

__all__ = [
    "Directory",
    "InvalidUnitsFile",
    "Unit",
    "UnitsFile",
    "load_units",
]


_ALL_NAMING_FIELDS = (*UNIT_FIELDS, "suggested_unit", "successor")

_NAMING_FIELDS = {
    kind: tuple(f for f in _ALL_NAMING_FIELDS if f in content.__struct_fields__)
    for kind, content in CONTENT_TYPES.items()
}
"""The fields of each type of message that name a unit."""

_GIVE_TO_UNIT = (
    MessageType.TICKET_ASSIGNED,
    MessageType.RETURN_REVIEWED,
    MessageType.DISPUTE_DECIDED,
    MessageType.REWORK_REQUESTED,
    MessageType.UNIT_JOINED,
)
"""Messages by which a unit is given a ticket: none goes to a unit that is no more."""


class _Letter(NamedTuple):
    """A letter as rules see it: the text, the topics that the city gave, and the places named."""

    text: str
    topics: tuple[str, ...]
    street: str | None
    places: tuple[str, ...]

    @property
    def place(self) -> str | None:
        """The place to name in a reason."""
        return self.places[0] if self.places else self.street


class Directory:
    """The units of a district, found by any of their names and by what speaks for them."""

    def __init__(
        self,
        units: Sequence[Unit],
        territory: Sequence[str] = (),
        classifier: LetterClassifier | None = None,
        history: UnitHistory | None = None,
        classification: TopicTree | None = None,
    ) -> None:
        self.units = {u.name: u for u in units}
        self._past = PastNames(units, history or UnitHistory(), territory)
        names = {a: u.name for u in units for a in u.aliases} | {n: n for n in self.units}
        self._names = UnitNames(names, territory)
        self._places: dict[str, str | None] = dict.fromkeys(territory)
        for unit in units:
            if unit.kind == STREET:
                self._places |= dict.fromkeys(unit.streets, unit.name)
        self._keywords = {
            word: unit.name for unit in units if unit.kind != STREET for word in unit.keywords
        }
        self._topics = {topic: unit.name for unit in units for topic in unit.topics}
        self._rules = [(rule, unit.name) for unit in units for rule in unit.rule]
        self._classifier = classifier
        self.classification = classification or TopicTree()
        self._topics_of_model = TopicProposer(classifier, self.classification)
        self.parents = {
            name: parent
            for unit in units
            if unit.parent and (parent := self.resolve(unit.parent))
            for name in self._past.all_names(unit.name)
        }
        """The parent of each unit that has one, under all names of the unit."""
        self.place_pattern = _any_of(self._places)
        self._word = _any_of(self._keywords)

    def resolve(self, name: str) -> str | None:
        """The full name of the unit that goes by `name`, in whatever spelling, or None.

        A name that a unit had before is its own still, and that of a unit that was merged is its
        successor's.
        """
        return self._names.find(name) or self._past.present_name(name)

    def knows(self, name: str) -> bool:
        """Return whether this is exactly the name of a unit, present or past, or the hotline's."""
        return name == HOTLINE or name in self.units or self._past.has(name)

    def all_names(self, name: str) -> list[str]:
        """Return the names that a unit has had, its present one first; of another name, itself."""
        present = self.resolve(name)
        return [name] if present is None else self._past.all_names(present)

    def names_changed_after(self, at: datetime) -> bool:
        """Return whether any unit has given up a name since this moment."""
        changed_at = self._past.changed_at
        return changed_at is not None and at <= changed_at

    def route(self, received: TicketReceived) -> Route:
        """Return the unit of a received ticket, with the reason; or none, with the reason for that.

        The city's word and the rules come first. A model is asked only where they say nothing; it
        decides where it is sure and the letter names a place of the district, else it proposes.
        """
        letter = self._read(received)
        if named := (received.unit or "").strip():
            ruled = self._by_name(named)
        elif letter.place is None:
            ruled = Route(None, lazy("no place in the district is named"))
        else:
            ruled = self._by_rules(letter, letter.place)
        if ruled.unit is not None or self._classifier is None:
            return ruled
        prediction = self._classifier.predict(received.title, received.content or "")
        return self._by_model(prediction, ruled, letter)

    def resolve_names(self, message: Message, passed_on: Sequence[Succession] = ()) -> Message:
        """Return the message with full names for its units, and the code of the topic it names.

        A new ticket gets its route, and a proposal where no topic is named. `passed_on` are the
        successions of its ticket: before one, the ticket knew the unit under the name that it had
        then.
        """
        content = message.content
        if isinstance(content, Refusal):
            return message
        if isinstance(content, TicketReceived):
            words = said_topic(content)
            named = says_something(words)
            return msgspec.structs.replace(
                message,
                route=self.route(content),
                topic=self.classification.find(words),
                proposed_topic=None if named else self._topics_of_model.propose(content),
            )
        if isinstance(content, TicketAmended):
            return msgspec.structs.replace(message, topic=self.classification.find(content.topic))
        if isinstance(content, UnitSucceeded):
            return self._resolve_succession(message, content)
        full_names: dict[str, str] = {}
        unknown = []
        for name in _names_in(content):
            full = self._full_name(name, message.type)
            if full is None:
                unknown.append(name)
                continue
            if passed_on:
                full = self._past.name_in_ticket(name, full, message.at, passed_on)
            if full != name:
                full_names[name] = full
        if not full_names and not unknown:
            return message
        return rename_units(refuse_unknown(message, unknown), full_names)

    def resolve_units_of_time(self, message: Message) -> Message:
        """Return the message with the names that its units had when it was sent."""
        content = message.content
        if isinstance(content, Refusal | TicketReceived):
            return message
        names = {
            n: self._past.name_at(n, self._names.find(n), message.at) for n in _names_in(content)
        }
        return rename_units(message, {name: full for name, full in names.items() if full})

    def _resolve_succession(self, message: Message, content: UnitSucceeded) -> Message:
        """Return it with the names that tickets know; one given up before stays as it is."""
        pair = (content.unit, content.successor)
        names = {n: n if self._past.has(n) else self._names.find(n) or n for n in pair}
        if names[content.unit] == names[content.successor]:
            names[content.unit] = content.unit
        unknown = [n for n in pair if self._full_name(n, message.type) is None]
        full_names = {name: full for name, full in names.items() if full != name}
        return rename_units(refuse_unknown(message, unknown), full_names)

    def _full_name(self, name: str, kind: MessageType) -> str | None:
        if full := self.resolve(name):
            return full
        # a unit that has left the units file keeps the tickets that it has
        return None if kind in _GIVE_TO_UNIT else self._past.retired_name(name)

    def _read(self, received: TicketReceived) -> _Letter:
        text = f"{received.title}\n{received.content or ''}"
        where = f"{received.address or ''}\n{received.street or ''}\n{text}"
        # a city says in any of these what a matter is about
        fields = (received.topic, received.topics, received.category_name)
        listed = [topic for field in fields for topic in _listed(field)]
        topics = [t.strip() for t in listed if isinstance(t, str) and t.strip()]
        if (code := self.classification.find(said_topic(received))) is not None:
            topics += self.classification.names(code)
        street = self.resolve(received.street or "")
        places = dict.fromkeys(self.place_pattern.findall(where))
        return _Letter(text, tuple(topics), street, tuple(places))

    def _by_name(self, named: str) -> Route:
        """The city's own word; where its cell names several units, the first leads (3.1)."""
        if units := find_all(named, self.resolve):
            why = lazy("named by the city: {name}", name="、".join(units))
            return Route(units[0], why, joined=tuple(units[1:]))
        unknown = PrivateText("unit")
        return Route(None, lazy("unit {name} is not known", name=unknown), unknown)

    def _by_rules(self, letter: _Letter, place: str) -> Route:
        streets = [s for s in (letter.street, *(self._places.get(p) for p in letter.places)) if s]
        for rule, unit in self._rules:
            if met := _holds(rule, letter, streets):
                return Route(unit, lazy("place {place}, rule for {words}", place=place, words=met))
        for topic in letter.topics:
            if owner := self._topics.get(topic):
                return Route(owner, lazy("topic given by the city: {topic}", topic=topic))
        if best := self._bureau(letter.text):
            unit, words = best
            return Route(unit, lazy("place {place}, words {words}", place=place, words=words))
        for street in streets:
            if words := "、".join(w for w in self.units[street].keywords if w in letter.text):
                why = lazy("place {place}, words {words}", place=place, words=words)
                return Route(street, why)
        if letter.street:
            return Route(letter.street, lazy("the ticket's street: {street}", street=letter.street))
        return Route(None, lazy("no rule's words are in the letter"))

    def _by_model(self, prediction: Prediction, ruled: Route, letter: _Letter) -> Route:
        named = self.resolve(prediction.label)
        unit = named or self._topics.get(prediction.label)
        if unit is None:
            return ruled
        why = prediction.reason(topic=None if named else prediction.label)
        if prediction.sure and letter.place is not None and ruled.named is None:
            return Route(unit, why)
        return msgspec.structs.replace(ruled, proposed=unit, proposal=why)

    def _bureau(self, text: str) -> tuple[str, str] | None:
        words_of: dict[str, list[str]] = {}
        for word in dict.fromkeys(self._word.findall(text)):
            words_of.setdefault(self._keywords[word], []).append(word)
        if not words_of:
            return None
        best = max(words_of, key=lambda unit: sum(map(len, words_of[unit])))
        return best, "、".join(words_of[best])


def rename_units(message: Message, names: Mapping[str, str]) -> Message:
    """Return the message with other names for the units that it names."""
    content = message.content
    if not names or isinstance(content, Refusal):
        return message
    changed: dict[str, str | tuple[str, ...]] = {
        field: names[name]
        for field in _NAMING_FIELDS.get(content.type, ())
        if (name := getattr(content, field)) in names
    }
    if isinstance(content, DisputeOpened):
        changed["units"] = tuple(names.get(unit, unit) for unit in content.units)
    if not changed:
        return message
    return msgspec.structs.replace(message, content=msgspec.structs.replace(content, **changed))


def _names_in(content: Content) -> Iterable[str]:
    """Return the names of units in a message, each once."""
    named = [getattr(content, field) for field in _NAMING_FIELDS.get(content.type, ())]
    if isinstance(content, DisputeOpened):
        named += content.units
    # a suggested unit that nobody knew when the message was read is a text of its source
    known = (name for name in named if not isinstance(name, PrivateText))
    return dict.fromkeys(name for name in known if name and name != HOTLINE)


def _holds(rule: Rule, letter: _Letter, streets: Sequence[str]) -> str | None:
    """Return the words of a rule that a letter has, or None where one of its lists is not met."""
    if any(word in letter.text for word in rule.unless):
        return None
    named = {*letter.places, *streets}
    met = (
        [w for w in rule.words if w in letter.text] if rule.words else None,
        [t for t in rule.topics if t in letter.topics] if rule.topics else None,
        [s for s in rule.streets if s in named] if rule.streets else None,
    )
    if any(words == [] for words in met):
        return None
    return "、".join(word for words in met for word in words or ())


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _any_of(words: Collection[str]) -> re.Pattern[str]:
    """A pattern of all the words, the longest first; by their first letters, or it is slow."""
    by_first: dict[str, list[str]] = {}
    for word in sorted(filter(None, words), key=len, reverse=True):
        by_first.setdefault(word[0], []).append(re.escape(word[1:]))
    if not by_first:
        return re.compile(r"(?!)")
    firsts = "".join(map(re.escape, by_first))
    branches = (f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in by_first.items())
    return re.compile(f"(?=[{firsts}])(?:{'|'.join(branches)})")
