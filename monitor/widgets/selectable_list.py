"""A list of tickets of which several can be selected, to act on them at once."""

from collections.abc import Collection, Iterable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.virtual_list import VirtualList

_MARK_CELLS = 2
"""The cells before a row: of the cursor, and of the mark of what is selected."""


class SelectableList(VirtualList):
    """Keeps what is selected by its key, wherever its row is, until it leaves the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("insert", "switch_selected", show=False),
        Binding("shift+down", "extend(1)", show=False),
        Binding("shift+up", "extend(-1)", show=False),
        Binding("shift+pagedown", "extend_page(1)", show=False),
        Binding("shift+pageup", "extend_page(-1)", show=False),
    ]

    class SelectionChanged(Message):
        """More or less is selected than before."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._selected: dict[str, None] = {}

    @property
    def selected(self) -> tuple[str, ...]:
        """The keys that are selected, in the order in which they were."""
        return tuple(self._selected)

    def select(self, keys: Iterable[str]) -> None:
        """Select these too."""
        self._set({**self._selected, **dict.fromkeys(keys)})

    def deselect(self, keys: Collection[str]) -> None:
        """Select these no longer."""
        self._set({key: None for key in self._selected if key not in keys})

    def clear_selection(self) -> bool:
        """Select nothing; returns whether anything was selected."""
        had_any = bool(self._selected)
        self._set({})
        return had_any

    def _set(self, selected: dict[str, None]) -> None:
        if selected != self._selected:
            self._selected = selected
            self.redraw()
            self.post_message(self.SelectionChanged())

    def switch(self, index: int) -> None:
        """Select an item, or no longer."""
        if (key := self.key(index)) is None:
            return
        if key in self._selected:
            self.deselect([key])
        else:
            self.select([key])

    def action_switch_selected(self) -> None:
        """Select the item under the cursor, or no longer, and go on to the next one."""
        self.switch(self.cursor)
        self.action_cursor(1)

    def action_extend(self, by: int) -> None:
        """Select from the cursor on, so many items further, and go there.

        It stops before an item that is not loaded yet: none is passed over.
        """
        step = 1 if by > 0 else -1
        keys = [self.key(self.cursor)]
        for index in range(self.cursor + step, self.cursor + by + step, step):
            if not 0 <= index < self.total or (key := self.key(index)) is None:
                break
            keys.append(key)
        loaded = [key for key in keys if key is not None]
        self.select(loaded)
        if len(loaded) > 1:
            self.action_cursor(step * (len(loaded) - 1))

    def action_extend_page(self, by: int) -> None:
        """Select from the cursor on as many items as are visible."""
        self.action_extend(by * self.visible_rows)

    def on_click(self, event: events.Click) -> None:
        """Select the item whose mark was clicked, or no longer."""
        index = self.first + event.y - 1
        if event.x < _MARK_CELLS and event.y > 0 and index < self.total:
            event.prevent_default()
            self._move(index)
            self.switch(index)

    def mark(self, index: int, *, at_cursor: bool) -> str:
        """Return the two cells before a row: the cursor's, and a plus where it is selected."""
        return (">" if at_cursor else " ") + ("+" if self.key(index) in self._selected else " ")


class TicketItemList(ItemList, SelectableList):
    """A list of tickets that are all in memory; what has left it is no longer selected."""

    def show(self, items: Sequence[ListItem], empty: Sequence[str] = ()) -> None:
        """Show these items, or the lines of `empty` where there are none."""
        super().show(items, empty)
        there = {item.key for item in items}
        self.deselect([key for key in self.selected if key not in there])

    def select_all(self) -> None:
        """Select everything that is listed."""
        self.select(key for n in range(self.total) if (key := self.key(n)) is not None)
