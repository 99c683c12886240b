"""The cell of a ticket's title, with a mark before it where an operator works at the ticket."""

from models.queries.claims import Claim
from monitor.collisions import claim_mark
from monitor.formatting import one_line
from monitor.widgets.virtual_list import Cell


def title_cell(title: str, claim: Claim | None) -> Cell:
    """Return the cell of a ticket's title, marked where somebody works at it."""
    if claim is None:
        return Cell(one_line(title))
    return Cell(f"{claim_mark(claim)} ", "near", ((one_line(title), ""),))
