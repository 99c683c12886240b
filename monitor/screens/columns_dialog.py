"""The dialog in which the columns of the list of tickets are chosen."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _, render
from monitor.screens.dialogs import Dialog
from monitor.widgets.fields import SubmitButton
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.list_columns import Cell, Column
from monitor.widgets.ticket_columns import COLUMNS, FIXED
from monitor.widgets.virtual_list import VirtualList


class ColumnsDialog(Dialog[tuple[str, ...]]):
    """A list of the columns to switch on and off; its result is their keys.

    The result is empty where the usual ones are wanted, which depend on the width.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("space", "switch"),
        ("f2", "save"),
        ("f3", "use_usual"),
    ]

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(_("Columns of the list"))
        self._chosen = set(columns)

    def body(self) -> Iterable[Widget]:
        """Yield the list, and what the keys do."""
        columns = ItemList(lambda: [Column("", 3), Column("", None)], id="choices")
        columns.styles.height = len(COLUMNS) - len(FIXED) + 1
        yield columns
        yield SubmitButton(_("Save"))
        yield Static(
            _("Enter or Space switches, F2 saves, F3 takes the usual ones, Esc leaves"),
            markup=False,
            classes="quiet",
        )

    def on_mount(self) -> None:
        """Show the columns."""
        self._show()
        self._list.focus()

    @property
    def _list(self) -> ItemList:
        return self.query_one(ItemList)

    def _show(self) -> None:
        self._list.show(
            [
                ListItem(c.key, (Cell("[x]" if c.key in self._chosen else "[ ]"), Cell(head)))
                for c in COLUMNS
                if c.key not in FIXED and (head := render(c.head))
            ]
        )

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Switch a column on or off."""
        self._chosen ^= {event.key}
        self._show()

    def action_switch(self) -> None:
        """Switch the column under the cursor."""
        self._list.action_choose()

    def on_submit_button_pressed(self, _event: SubmitButton.Pressed) -> None:
        """Return the chosen columns."""
        self.action_save()

    def action_save(self) -> None:
        """Return the chosen columns; those that are always there make the choice one."""
        self.dismiss(tuple(c.key for c in COLUMNS if c.key in self._chosen or c.key in FIXED))

    def action_use_usual(self) -> None:
        """Return no choice."""
        self.dismiss(())
