"""Cells that lists of tickets share: the title, and the time left."""

from datetime import datetime

from rich.cells import cell_len

from models.i18n import render
from models.queries.claims import Claim
from monitor.collisions import LONGEST_NAME, brief_claim_mark
from monitor.formatting import OfficeCalendar, format_time_left, one_line
from monitor.labels import EMERGENCY_BADGE, MISSED_MARK
from monitor.widgets.list_columns import Cell

LEAST_TITLE = 24
"""Cells of a title that are shown before another column has any, and before a claim's time."""


EMERGENCY_CELLS = 4
"""Cells of the badge of an emergency with its mark, in the language that needs most."""


def emergency_cell(
    emergency: str | None, *, missed: bool, parts: tuple[tuple[str, str], ...] = ()
) -> Cell:
    """Return the badge of an emergency, marked where a duty of it was missed, before `parts`."""
    if not emergency:
        return Cell(*parts[0], parts[1:]) if parts else Cell()
    return Cell(render(EMERGENCY_BADGE) + (MISSED_MARK if missed else ""), "urgent", parts)


def title_cell(
    title: str, claim: Claim | None, width: int = LEAST_TITLE + LONGEST_NAME + 1
) -> Cell:
    """Return the cell of a ticket's title, of this width, marked where somebody works at it."""
    if claim is None:
        return Cell(one_line(title))
    text = one_line(title)
    mark = brief_claim_mark(claim, width - min(LEAST_TITLE, cell_len(text)) - 1)
    return Cell(f"{mark} ", "near", ((text, ""),))


def time_left_cell(due: datetime | None, now: datetime, office: OfficeCalendar, clock: str) -> Cell:
    """Return the cell of the time that a clock has left at `now`, or of how long it is over."""
    if due is None:
        return Cell("-", "quiet")
    text = format_time_left(due, now, office, clock=clock, brief=True)
    return Cell(text, "over" if due < now else "")
