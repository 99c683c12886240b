"""The menu of the list of tickets: its order, its columns and what is made of it."""

from collections.abc import Awaitable, Callable

from models.i18n import _, render
from monitor.formatting import one_line
from monitor.operator.operator import Operator
from monitor.screens.columns_dialog import ColumnsDialog
from monitor.screens.dialogs import MenuDialog
from monitor.screens.tickets import TicketsScreen
from monitor.widgets.ticket_columns import COLUMNS


class ListMenu:
    """Offers what can be done with the list as a whole."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    async def offer(self, screen: TicketsScreen) -> None:
        """Let the operator choose, and do it."""
        choices: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            (_("Sort by a column"), lambda: self._sort(screen)),
            (_("Choose the columns"), lambda: self._choose_columns(screen)),
        ]
        if (number := screen.ticket_under_cursor()) is not None:
            choices.append((_("Copy the ticket's number"), lambda: self._copy(number)))
        chosen = await self._choose(_("The list"), [name for name, _run in choices])
        if chosen is not None:
            await choices[chosen][1]()

    async def _sort(self, screen: TicketsScreen) -> None:
        sorts = [(column.sort, render(column.head)) for column in COLUMNS if column.sort]
        names = [_("As the queue: emergencies first, then by what is left")]
        names += [_("By {column}").format(column=head) for _sort, head in sorts]
        if screen.order.column is not None:
            names.append(_("Turn the order round"))
        chosen = await self._choose(_("Sort by a column"), names)
        if chosen is None:
            return
        if chosen > len(sorts):
            screen.action_reverse()
        else:
            screen.sort_by(sorts[chosen - 1][0] if chosen else None)

    async def _choose_columns(self, screen: TicketsScreen) -> None:
        shown = [column.key for column in screen.tickets.shown]
        columns = await self._operator.app.push_screen_wait(ColumnsDialog(shown))
        if columns is not None:
            screen.keep_columns(columns)

    async def _copy(self, number: str) -> None:
        copy_number(self._operator, number)

    async def _choose(self, title: str, names: list[str]) -> int | None:
        return await self._operator.app.push_screen_wait(MenuDialog(title, names))


def copy_number(operator: Operator, number: str) -> None:
    """Copy a ticket's number to the clipboard, as the terminal allows, and say so."""
    operator.app.copy_to_clipboard(number)
    text = _("{ticket} is copied, if the terminal allows it").format(ticket=one_line(number))
    operator.app.notify(text, markup=False)
