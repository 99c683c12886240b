"""The title of the list of tickets: what has arrived, and which of its tickets are in sight."""

from textual.content import Content

from models.i18n import _
from models.queries.ticket_order import SortColumn
from monitor.widgets.ticket_columns import sort_head
from monitor.widgets.ticket_list import TicketList


def arrivals(tickets: TicketList) -> list[Content]:
    """Tell how many tickets have come before the first line of the screen, if any have."""
    if not (before := tickets.new_before):
        return []
    text = _("new before these: {n}; Home").format(n=before)
    return [Content.styled(text, "bold $warning")]


def lines_in_sight(tickets: TicketList, column: SortColumn | None) -> Content:
    """Tell which of the tickets are on the screen, and in which order they are."""
    text = _("{first} to {last} of {total}, emergencies first, then by what is left")
    if column is not None:
        text = _("{first} to {last} of {total}, sorted by {column}")
    last = min(tickets.total, tickets.first + tickets.visible_rows)
    head = sort_head(column)
    text = text.format(first=tickets.first + 1, last=last, total=tickets.total, column=head)
    return Content.styled(text, "$quiet")


def filter_counts(tickets: TicketList, open_tickets: int) -> Content:
    """Tell how many of the open tickets pass the filter, and what has arrived."""
    if not tickets.total:
        return Content("")
    text = _("{n} of {total} tickets").format(n=tickets.total, total=open_tickets)
    return Content("  ").join([*arrivals(tickets), Content(text)])
