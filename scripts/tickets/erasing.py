"""Erase the texts of tickets one after the other, each in a transaction of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from models.clock import Now
from models.database import Store
from models.i18n import _, render
from models.operations.access import find
from models.operations.erasure import HeldBack, erase_texts
from models.queries.erasable_texts import Erasable, erasable
from models.rulebook import load_rulebook
from models.rules.policy import Policy, in_force
from models.rules.vocabulary import ErasureGround, Permission
from models.security.roles import Actor
from models.settings import Settings
from models.shared_clock import store_clock
from scripts.bootstrap import acting, require_store, use_store


@dataclass(frozen=True)
class Erasing:
    """Somebody who may erase, and the store and the policy that he does it under."""

    store: Store
    actor: Actor
    policy: Policy
    now: Now

    @classmethod
    @contextmanager
    def open(cls, settings: Settings) -> Iterator[Self]:
        """Open the store for whoever runs the command. Raises NotAllowed."""
        require_store(settings)
        with use_store(settings) as store, acting(store, settings, Permission.ERASE) as actor:
            now = store_clock(store)
            with store.reading() as session:
                policies = list(load_rulebook(session).policies.values())
            yield cls(store, actor, in_force(policies, now()), now)

    def tickets_of(self, kind: str, value: str) -> list[str]:
        """Return the tickets of a person, by the blind index; the search is logged."""
        with self.store.writing() as session:
            return find(session, self.actor, kind, value, self.now())

    def look(self, numbers: Sequence[str]) -> list[Erasable]:
        """Return what erasures would take away. Raises TicketNotFound."""
        with self.store.reading() as session:
            return list(erasable(session, numbers, self.policy, self.now()))

    def erase(self, number: str, ground: ErasureGround, asked_by: str) -> Erasable:
        """Erase the texts of a ticket, unless it is held back, which the result says."""
        try:
            with self.store.writing() as session:
                return erase_texts(
                    session, self.actor, number, ground, asked_by, self.policy, self.now()
                )
        except HeldBack:
            (held,) = self.look([number])
            return held

    def line_of(self, extent: Erasable, *, dry_run: bool) -> str:
        """Return the line that tells of a ticket."""
        if extent.held is not None:
            text = _("{ticket}: held back: {why}")
            return text.format(ticket=extent.ticket, why=render(extent.held))
        if extent.is_erased:
            return _("{ticket}: already erased").format(ticket=extent.ticket)
        text = _("{ticket}: erased the texts of {lines} lines and {messages} messages")
        if dry_run:
            text = _("{ticket}: would erase the texts of {lines} lines and {messages} messages")
        line = text.format(ticket=extent.ticket, lines=len(extent.lines), messages=extent.messages)
        if extent.notes:
            line += "; " + _("notes of shifts that name it: {n}").format(n=len(extent.notes))
        return line
