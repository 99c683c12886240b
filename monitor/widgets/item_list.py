"""A list whose items are all in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitor.widgets.list_columns import Cell, Column
from monitor.widgets.virtual_list import VirtualList


@dataclass(frozen=True, slots=True)
class ListItem:
    """One line of the list: the key of what it is about, and its cells."""

    key: str
    cells: tuple[Cell, ...]


class ItemList(VirtualList):
    """Shows all the items that it is given; the cursor stays on its item."""

    def __init__(self, heads: Callable[[], Sequence[Column]], *, id: str) -> None:
        super().__init__(id=id)
        self._heads = heads
        self._items: Sequence[ListItem] = ()

    def show(self, items: Sequence[ListItem], empty: Sequence[str] = ()) -> None:
        """Show these items, or the lines of `empty` where there are none."""
        key, row = self.key(self.cursor), self.cursor - self.first
        self._items, self.empty = items, empty
        self.resize_to(len(items))
        index = next((i for i, item in enumerate(items) if item.key == key), None)
        if index is None or index == self.cursor:
            return
        if self.cursor:
            self.put_cursor(index, row=row)
        elif self.has_focus:
            # an action is about its item; what came before the first one is seen above it
            self.put_cursor(index)

    def key(self, index: int) -> str | None:
        """Return the item's key."""
        return self._items[index].key if 0 <= index < len(self._items) else None

    def columns(self, width: int) -> Sequence[Column]:
        """Return the columns, the same for every width."""
        return self._heads()

    def cells(self, index: int, width: int) -> Sequence[Cell] | None:
        """Return the item's cells."""
        return self._items[index].cells
