"""Suggest where a typed text leads: to a ticket, a unit's list, a saved view or a screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.i18n import render
from models.queries.find_tickets import FoundTicket
from models.queries.saved_views import SavedView
from models.rules.text import folded
from models.rules.vocabulary import Status, label
from monitor.commands import MAIN_SCREENS
from monitor.formatting import one_line

TICKET, UNIT, VIEW, SCREEN = "ticket", "unit", "view", "screen"

MOST_SUGGESTED = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Something that can be opened: its kind and key, what it is called, and more about it."""

    kind: str
    key: str
    name: str
    about: str = ""

    @property
    def entry(self) -> str:
        """What is remembered of it: no text that somebody wrote."""
        return f"{self.kind} {self.key}"


def ticket_place(ticket: FoundTicket) -> Place:
    """Return the place of a ticket."""
    about = f"{label(Status, ticket.status)} {one_line(ticket.title)}"
    return Place(TICKET, ticket.number, one_line(ticket.number), about)


class Places:
    """The places that are known without a look into the store."""

    def __init__(self, units: Mapping[str, Sequence[str]], views: Sequence[SavedView]) -> None:
        self._names: list[tuple[Place, list[str]]] = []
        for saved in views:
            about = one_line(saved.view.filter)
            self._add(Place(VIEW, str(saved.id), one_line(saved.view.name), about))
        for number, screen in enumerate(MAIN_SCREENS, 1):
            self._add(Place(SCREEN, screen.name, render(screen.title), str(number)), screen.name)
        for unit, others in units.items():
            self._add(Place(UNIT, unit, one_line(unit)), *others)

    def _add(self, place: Place, *others: str) -> None:
        self._names.append((place, [folded(name) for name in (place.name, *others)]))

    def suggest(self, text: str, tickets: Sequence[FoundTicket]) -> list[Place]:
        """List the places that a text fits, best first: a whole name, tickets, parts of names."""
        wanted = folded(text)
        if not wanted:
            return []
        exact = [place for place, names in self._names if wanted in names]
        parts = [place for place, names in self._names if any(wanted in name for name in names)]
        places = [*exact, *map(ticket_place, tickets), *parts]
        return list(dict.fromkeys(places))[:MOST_SUGGESTED]

    def recent(self, entries: Sequence[str]) -> list[Place]:
        """List places that were opened, the last first, then views and screens."""
        by_entry = {place.entry: place for place, _names in self._names}
        opened = (by_entry.get(entry) or _remembered_ticket(entry) for entry in entries)
        others = (place for place in by_entry.values() if place.kind != UNIT)
        places = [place for place in (*opened, *others) if place is not None]
        return list(dict.fromkeys(places))[:MOST_SUGGESTED]


def _remembered_ticket(entry: str) -> Place | None:
    kind, _space, number = entry.partition(" ")
    return Place(TICKET, number, one_line(number)) if kind == TICKET and number else None
