"""The results of a batch: how many were taken, and each refused ticket with the reason."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _
from monitor.formatting import one_line
from monitor.screens.dialogs import Dialog
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.list_columns import Cell, Column
from monitor.widgets.virtual_list import VirtualList

_MOST_LINES = 12


class DecidedBatch(Protocol):
    """A batch as far as it is shown."""

    @property
    def refused(self) -> dict[str, str]:
        """The reasons by the number of the ticket."""

    def summary(self) -> str:
        """Say how many were accepted, refused, and wait."""


class BatchResults(Dialog[str]):
    """Lists the refused tickets; its result is the number of the one to be opened."""

    def __init__(self, batch: DecidedBatch) -> None:
        super().__init__(batch.summary())
        self._refused = dict(batch.refused)

    def body(self) -> Iterable[Widget]:
        """Yield the refused tickets, and the whole reason of the one under the cursor."""
        refused = ItemList(_heads, id="refused")
        refused.styles.height = min(_MOST_LINES, max(2, len(self._refused) + 1))
        yield refused
        yield Static(id="reason", markup=False)
        yield Static(_("Enter opens the ticket, Esc leaves"), markup=False, classes="quiet")

    def on_mount(self) -> None:
        """List them, and focus the list."""
        refused = self.query_one(ItemList)
        items = [
            ListItem(number, (Cell(one_line(number)), Cell(one_line(why))))
            for number, why in self._refused.items()
        ]
        refused.show(items, (_("None was refused."),))
        refused.focus()
        self._show_reason(refused)

    def on_virtual_list_cursor_moved(self, _event: VirtualList.CursorMoved) -> None:
        """Show the whole reason."""
        self._show_reason(self.query_one(ItemList))

    def _show_reason(self, refused: ItemList) -> None:
        number = refused.key(refused.cursor)
        why = self._refused[number] if number is not None else ""
        self.query_one("#reason", Static).update(Content(one_line(why)))

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Return the ticket."""
        self.dismiss(event.key)


def _heads() -> Sequence[Column]:
    return [Column(_("Ticket"), 16), Column(_("Reason"), None)]
