"""Fold the store's tickets under several sets of rules, and compare how they fare."""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

from models.database import Session, Store
from models.queries.policies import policy_versions
from models.queries.ticket_lives import TicketChoice, TicketLife, chosen_tickets, ticket_lives
from models.queries.unit_names import load_unit_names
from models.rulebook import Rulebook, load_rulebook
from models.rules.calendar import Calendar
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.outcome import TicketOutcome, outcome_of
from models.rules.policy import PolicyFile
from models.rules.routing.directory import Directory
from models.rules.state import EDITION, Clock, RuleContext, State
from scripts.laboratory.comparison import Comparison, TicketDifference
from scripts.laboratory.reach import Reach, WatchedCalendar
from scripts.laboratory.variants import TODAY, RuleSet, Variant
from scripts.replay.processes import end_with_parent, rare_collections

_FAR = datetime.max.replace(tzinfo=UTC)
_AT_ONCE = 500
"""Tickets that are read and folded at a time, and all that a process has in memory."""


class DifferenceList:
    """Differences of tickets, by variant: those that tip first, and never more than `most`."""

    def __init__(self, sides: int, most: int) -> None:
        self.most = most
        self._tipped: list[list[TicketDifference]] = [[] for _side in range(sides)]
        self._moved: list[list[TicketDifference]] = [[] for _side in range(sides)]

    def add(self, difference: TicketDifference) -> bool:
        """Add a difference if there is room for it; return whether there was."""
        held = (self._tipped if difference.tips else self._moved)[difference.variant]
        if len(held) < self.most:
            held.append(difference)
            return True
        return False

    def of(self, variant: int) -> list[TicketDifference]:
        """Return the differences of a variant, those that tip first."""
        return [*self._tipped[variant], *self._moved[variant]][: self.most]


class ComparedTickets(NamedTuple):
    """Tickets compared: the rules, the counts, and the differences that are listed.

    `refused_lines` are how many lines of a replayed file each side refused; none for a store.
    """

    rules: Sequence[RuleSet]
    comparison: Comparison
    differences: DifferenceList
    refused_lines: Sequence[int] = ()


class StoreFolds:
    """The tickets of a store, folded up to `now` under each of several sets of rules.

    `most` is how many differences of each variant are kept.
    """

    def __init__(
        self, rules: Sequence[RuleSet], directory: Directory, now: datetime, most: int
    ) -> None:
        self.rules = rules
        today, *variants = rules
        parents = directory.parents
        self._calendar = _watched(today)
        self._today = replace(
            today,
            contexts={
                policy_id: RuleContext(context.policy, self._calendar, parents)
                for policy_id, context in today.contexts.items()
            },
        )
        self._reaches = [Reach(today, variant) for variant in variants]
        self._directory = directory
        self._now = now
        self._kept = DifferenceList(len(rules), most)

    def outcomes(self, session: Session, ids: Sequence[int]) -> Iterator[list[TicketOutcome]]:
        """Yield how each of these tickets fares, under one set of rules after the other.

        Under a variant that cannot touch it, a ticket has the very outcome that it has today.
        """
        variants = list(zip(self._reaches, self.rules[1:], strict=True))
        for life in ticket_lives(session, ids, self._directory):
            self._calendar.forget()
            today = self._fold(life, self._today)
            yield [
                today,
                *(
                    self._fold(life, rules) if reach.includes(life, self._calendar) else today
                    for reach, rules in variants
                ),
            ]

    def compare(
        self, session: Session, ids: Sequence[int]
    ) -> tuple[Comparison, list[TicketDifference]]:
        """Compare these tickets; of their differences those are returned that there is room for."""
        comparison, listed = Comparison(len(self.rules)), list[TicketDifference]()
        for outcomes in self.outcomes(session, ids):
            listed += filter(self._kept.add, comparison.add(outcomes))
        return comparison, listed

    def _fold(self, life: TicketLife, rules: RuleSet) -> TicketOutcome:
        days = rules.days_kept(life.days_kept) if life.days_kept else {}
        # nobody is told of what is only assumed
        state = State(life.number, EDITION, days_kept=days, quiet_before=_FAR)
        past = list[Clock]()
        context = rules.contexts[life.policy_id]
        events = fold(state, life.messages, context, self._now, past=past)
        log = [(event.data, event.cause) for event in events]
        return outcome_of(state, past, log, life.policy_id, days)


def _watched(rules: RuleSet) -> WatchedCalendar:
    """Return the one calendar of a set of rules as one that is watched."""
    calendar = next((context.calendar for context in rules.contexts.values()), Calendar())
    return WatchedCalendar(calendar.overlay, calendar.version, calendar.years)


def compare_store(
    store: Store,
    choice: TicketChoice,
    variants: Sequence[Variant],
    now: datetime,
    most: int,
    processes: int | None = None,
) -> ComparedTickets:
    """Compare how the chosen tickets fare by `now` under the store's rules and under variants.

    They are folded in as many processes as there are cores if `processes` does not say otherwise.
    The store's connections are closed meanwhile. Raises HotlineError.
    """
    with store.reading() as session:
        ids = chosen_tickets(session, choice)
        rulebook = load_rulebook(session)
        rules = rule_sets(session, rulebook, variants)
        names = load_unit_names(session)
    folds = StoreFolds(rules, rulebook.directory, now, most)
    parts = [ids[first : first + _AT_ONCE] for first in range(0, len(ids), _AT_ONCE)]
    comparison, kept = Comparison(len(rules)), DifferenceList(len(rules), most)
    # a connection must not be used on both sides of a fork
    store.close()
    with rare_collections():
        for part, listed in _compared_parts(
            store, folds, parts, processes or _processes(len(parts))
        ):
            comparison.merge(part)
            for difference in listed:
                kept.add(difference)
    comparison.complete()
    for total in comparison.totals:
        total.rename_units(names.present)
    return ComparedTickets(rules, comparison, kept)


_Part: TypeAlias = tuple[Comparison, list[TicketDifference]]


def _processes(parts: int) -> int:
    return max(1, min(parts, len(os.sched_getaffinity(0))))


def _compared_parts(
    store: Store, folds: StoreFolds, parts: Sequence[Sequence[int]], processes: int
) -> Iterator[_Part]:
    if processes == 1:
        for part in parts:
            with store.reading() as session:
                yield folds.compare(session, part)
        return
    # forked, so that the rules and the keys need not be sent to the processes
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, context, _begin, (store, folds, os.getpid())) as pool:
        yield from pool.map(_compare_part, parts)


_worker: tuple[Store, StoreFolds] | None = None


def _begin(store: Store, folds: StoreFolds, parent: int) -> None:
    """Open the store for this process."""
    end_with_parent(parent)
    global _worker  # noqa: PLW0603  (the pool hands nothing else on to what it runs)
    _worker = Store(store.url, store.cipher), folds


def _compare_part(ids: Sequence[int]) -> _Part:
    assert _worker is not None
    store, folds = _worker
    with store.reading() as session:
        return folds.compare(session, ids)


def rule_sets(session: Session, rulebook: Rulebook, variants: Sequence[Variant]) -> list[RuleSet]:
    """Return the rules of the store as they stand, and those of each variant. Raises HotlineError.

    A variant holds for every ticket, whatever the day from which its policy file holds.
    """
    versions = policy_versions(session)

    def under(variant: Variant) -> RuleSet:
        calendar = variant.calendar(rulebook.calendar)
        contexts = {
            version.id: RuleContext(
                variant.policy(PolicyFile(version.text, f"policy {version.number}")),
                calendar,
                rulebook.directory.parents,
            )
            for version in versions
        }
        return RuleSet(variant.name, contexts, variant.days, variant.words)

    return [under(variant) for variant in (TODAY, *variants)]
