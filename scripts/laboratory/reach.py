"""The reach of a variant: tickets that it cannot touch need not be folded again.

What a fold comes to depends on the ticket's messages, on its policy, and on what the calendar
answers to it. So a ticket fares the same where the policies differ in nothing that its fold reads,
and no day between those that its fold asked about is declared otherwise.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date, datetime, time

from models.queries.ticket_lives import TicketLife
from models.rules.calendar import Calendar
from models.rules.policy import Policy, Terms
from models.rules.vocabulary import Category
from scripts.laboratory.variants import RuleSet

_TOLD_ALONE = "overridden"
"""The part of a policy that only explanations read."""


@dataclass(frozen=True)
class WatchedCalendar(Calendar):
    """A calendar that notes the first and the last day that it was asked about, as ordinals.

    A working day counted from another depends on the days between them alone.
    """

    asked: list[int] = field(default_factory=lambda: [date.max.toordinal(), 0], compare=False)

    def forget(self) -> None:
        """Forget what was asked so far."""
        self.asked[:] = date.max.toordinal(), 0

    def is_working(self, day: date) -> bool:
        """Return whether `day` counts as a working day."""
        self._note(day, day)
        return super().is_working(day)

    def instant(self, day: date, n: int, hour: time) -> datetime:
        """The instant at `hour` (Asia/Shanghai) of the `n`-th working day after `day`."""
        at = super().instant(day, n, hour)
        self._note(day, at)
        return at

    def provisional(self, first: date, last: date) -> bool:
        """Return whether any day from `first` to `last` is only a guess."""
        self._note(first, last)
        return super().provisional(first, last)

    def _note(self, begin: date, end: date) -> None:
        asked, first, last = self.asked, begin.toordinal(), end.toordinal()
        if last < first:
            first, last = last, first
        asked[0] = min(asked[0], first)
        asked[1] = max(asked[1], last)


class Reach:
    """The tickets that a variant can touch, beside today's rules."""

    def __init__(self, today: RuleSet, variant: RuleSet) -> None:
        self._days = sorted(day.toordinal() for day in variant.days)
        self._categories = {
            policy_id: changed_categories(context.policy, variant.contexts[policy_id].policy)
            for policy_id, context in today.contexts.items()
        }

    def includes(self, life: TicketLife, calendar: WatchedCalendar) -> bool:
        """Return whether a ticket may fare otherwise.

        `calendar` has noted its fold under today's rules. A ticket that keeps former days has a
        calendar of its own, and may.
        """
        categories = self._categories[life.policy_id]
        if life.days_kept or categories is None:
            return True
        if categories and any(
            getattr(message.content, "category", None) in categories for message in life.messages
        ):
            return True
        first, last = calendar.asked
        place = bisect_left(self._days, first)
        return place < len(self._days) and self._days[place] <= last


def changed_categories(before: Policy, after: Policy) -> frozenset[str] | None:
    """Return the categories whose terms alone differ between two policies; None if more does."""
    fields = Policy.model_fields.keys() - {_TOLD_ALONE, "terms"}
    if any(getattr(before, name) != getattr(after, name) for name in fields):
        return None
    terms = {
        name
        for name in Terms.model_fields
        if getattr(before.terms, name) != getattr(after.terms, name)
    }
    return frozenset(terms) if terms <= set(Category) else None
