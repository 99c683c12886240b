"""Show how a term is counted."""

from collections.abc import Iterator
from typing import Any

from models.i18n import _, render
from models.rules.calendar import SHANGHAI
from models.rules.explain import Explanation
from models.rules.vocabulary import Level, label
from scripts.output import weekday
from scripts.rulebook.changes import format_due


def deadline_lines(why: Explanation) -> Iterator[str]:
    """The deadline for people: every day, then the expiry, its term and the levels."""
    for day in why.days:
        mark = _("counts") if day.counts else _("does not count")
        yield f"{day.day}  {weekday(day.day)}  {mark}  {render(day.why)}"
    note = "  " + _("provisional") if why.provisional else ""
    yield f"{_('due')}  {format_due(why.due)}{note}"
    yield _("term: {term} (Regulation {clause})").format(
        term=render(why.term_text), clause=why.clause
    )
    yield from map(render, why.notes)
    for level, at in why.levels:
        yield f"{label(Level, level)}  {format_due(at)}"


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
