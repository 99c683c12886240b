"""Show how a term is counted."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from models.i18n import LazyText, _, render
from models.rules.calendar import SHANGHAI
from models.rules.explain import Explanation
from models.rules.vocabulary import Level, label
from scripts.output import format_instant, weekday
from scripts.screen import Screen
from scripts.tables import Table


def day_table(days: Iterable[tuple[date, bool, LazyText]]) -> Table:
    """Days for people: whether each counts, and why."""
    rows = [
        (str(day), weekday(day), _("counts") if counts else _("does not count"), render(why))
        for day, counts, why in days
    ]
    return Table((_("day"), _("weekday"), _("working day"), _("why")), rows, whole=(3,))


def print_deadline(page: Screen, why: Explanation) -> None:
    """Print the deadline for people: every day, then the expiry, its term and the levels."""
    page.table(day_table((day.day, day.counts, day.why) for day in why.days))
    note = "  " + _("provisional") if why.provisional else ""
    page.line(f"{_('due')}  {format_instant(why.due)}{note}")
    term = _("term: {term} (Regulation {clause})")
    page.line(term.format(term=render(why.term_text), clause=why.clause))
    for text in map(render, why.notes):
        page.line(text)
    page.table(Table((), [(label(Level, level), format_instant(at)) for level, at in why.levels]))


def deadline_as_dict(why: Explanation) -> dict[str, Any]:
    """The deadline for programs."""
    return {
        "due": why.due.astimezone(SHANGHAI),
        **{str(level): at.astimezone(SHANGHAI) for level, at in why.levels},
        "provisional": why.provisional,
        "term": render(why.term_text),
        "clause": why.clause,
        "notes": [render(note) for note in why.notes],
        "days": [
            {"date": day.day, "counts": day.counts, "why": render(day.why)} for day in why.days
        ],
    }
