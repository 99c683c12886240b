"""Cells that lists of tickets share: the title, and the time left."""

from datetime import datetime

from models.queries.claims import Claim
from monitor.collisions import claim_mark
from monitor.formatting import OfficeCalendar, format_time_left, one_line
from monitor.widgets.list_columns import Cell


def title_cell(title: str, claim: Claim | None) -> Cell:
    """Return the cell of a ticket's title, marked where somebody works at it."""
    if claim is None:
        return Cell(one_line(title))
    return Cell(f"{claim_mark(claim, brief=True)} ", "near", ((one_line(title), ""),))


def time_left_cell(due: datetime | None, now: datetime, office: OfficeCalendar, clock: str) -> Cell:
    """Return the cell of the time that a clock has left at `now`, or of how long it is over."""
    if due is None:
        return Cell("-", "quiet")
    text = format_time_left(due, now, office, clock=clock, brief=True)
    return Cell(text, "over" if due < now else "")
