"""Compare two replays of one file, as tickets of a store are compared under other rules."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from models.i18n import _
from models.rules.lifecycle.outcome import TicketOutcome
from models.rules.state import RuleContext
from scripts.laboratory.comparison import Comparison
from scripts.laboratory.store_comparison import ComparedTickets, DifferenceList
from scripts.laboratory.variants import RuleSet
from scripts.replay.replay import ReplaySetup, replay_outcomes


class PairedOutcomes(NamedTuple):
    """How each ticket fares on both sides, and how many lines of the file each side refused."""

    refused_lines: tuple[int, int]
    tickets: Iterator[list[TicketOutcome]]


class ReplayPair(NamedTuple):
    """Two replays of a file up to a moment: by one setup, and by another one, which has a name."""

    feed: Path
    setup: ReplaySetup
    other: ReplaySetup
    name: str
    until: datetime | None

    def outcomes(self) -> PairedOutcomes:
        """Play the file twice, and return how each ticket fares. Raises HotlineError."""
        was, would_be = (
            replay_outcomes(self.feed, setup, self.until) for setup in (self.setup, self.other)
        )
        refused = was.refused_lines, would_be.refused_lines
        return PairedOutcomes(refused, _paired(was.tickets, would_be.tickets))

    def rules(self) -> list[RuleSet]:
        """Return the rules of both sides. Raises HotlineError."""
        return [_rule_set(_("the replay's rules"), self.setup), _rule_set(self.name, self.other)]

    def compare(self, most: int) -> ComparedTickets:
        """Compare how the tickets fare; at most so many differences are kept."""
        comparison, kept = Comparison(2), DifferenceList(2, most)
        refused_lines, tickets = self.outcomes()
        for outcomes in tickets:
            for difference in comparison.add(outcomes):
                kept.add(difference)
        comparison.complete()
        return ComparedTickets(self.rules(), comparison, kept, refused_lines)


def _paired(
    was: Iterator[TicketOutcome], would_be: Iterator[TicketOutcome]
) -> Iterator[list[TicketOutcome]]:
    """Yield the outcomes of each ticket, which both sides have in the order of their numbers.

    A ticket that only one side has, as the other refused its receipt, has nothing on the other.
    """
    before, after = next(was, None), next(would_be, None)
    while before is not None or after is not None:
        if after is None or (before is not None and before.ticket < after.ticket):
            assert before is not None
            yield [before, _nothing(before.ticket)]
            before = next(was, None)
        elif before is None or after.ticket < before.ticket:
            yield [_nothing(after.ticket), after]
            after = next(would_be, None)
        else:
            yield [before, after]
            before, after = next(was, None), next(would_be, None)


def _nothing(ticket: str) -> TicketOutcome:
    return TicketOutcome(ticket, None, None, None, None, None, (), (), (), {})


def _rule_set(name: str, setup: ReplaySetup) -> RuleSet:
    calendar = setup.calendar()
    policies = setup.read_policies()
    contexts = {p.valid_from.isoformat(): RuleContext(p, calendar) for p in policies}
    return RuleSet(name, contexts, setup.days)
