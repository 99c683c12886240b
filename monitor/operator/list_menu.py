"""The menu of the list of tickets: its order, its columns and what is made of it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from textual.content import Content

from models.i18n import _, render
from models.operations.saved_views import delete_view, may_change, rename_view, save_view
from models.queries.saved_views import SavedView, View, saved_views
from models.rules.vocabulary import Permission
from monitor.formatting import one_line
from monitor.host import MonitorHost
from monitor.operator.list_export import CSV, XLSX, ListExporter
from monitor.operator.operator import Operator
from monitor.screens.columns_dialog import ColumnsDialog
from monitor.screens.dialogs import MenuDialog
from monitor.screens.prompts import TextPrompt
from monitor.screens.tickets import TicketsScreen
from monitor.snapshot import Snapshot
from monitor.widgets.ticket_columns import COLUMNS

_NAME = ("name of a view",)


class ListMenu:
    """Offers what can be done with the list as a whole."""

    def __init__(
        self, operator: Operator, host: MonitorHost, exporter: ListExporter | None
    ) -> None:
        self._operator, self._host, self._exporter = operator, host, exporter

    async def offer(self, screen: TicketsScreen, snapshot: Snapshot | None) -> None:
        """Let the operator choose, and do it; `snapshot` is what the screen shows."""
        choices: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            (_("Sort by a column"), lambda: self._sort(screen)),
            (_("Choose the columns"), lambda: self._choose_columns(screen)),
            (_("Open a view"), self.open_view),
            (_("Save as a view"), lambda: self._save_view(screen.view)),
            (_("Rename or delete a view"), self._change_view),
        ]
        if (number := screen.ticket_under_cursor()) is not None:
            choices.append((_("Copy the ticket's number"), lambda: self._copy(number)))
        exporter, who = self._exporter, self._operator.who
        may_export = who.may(Permission.ACT) or who.may(Permission.EXPORT)
        if exporter is not None and snapshot is not None and may_export:
            for kind, name in ((XLSX, _("Export as a workbook")), (CSV, _("Export as CSV"))):
                choices.append((name, partial(exporter.export, screen.view, kind, snapshot)))
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
        keys = [column.key for column in screen.tickets.fitting_columns]
        columns = await self._operator.app.push_screen_wait(ColumnsDialog(keys))
        if columns is not None:
            screen.keep_columns(columns)

    async def open_view(self) -> None:
        """Let the operator choose a saved view, and show it."""
        saved = await self._choose_view(_("Open a view"), await self._views())
        if saved is not None:
            self._host.open_view(saved.view)

    async def _save_view(self, view: View) -> None:
        operator = self._operator
        if not await operator.may(Permission.ACT):
            return
        text = Content(_("What is shown now: {filter}").format(filter=view.filter or _("all")))
        prompt = TextPrompt(_("Save as a view"), text, _("A view of this name is replaced"))
        name = await operator.drafts.fill_in(_NAME, prompt)
        if name is None:
            return
        for_whom = [_("For myself"), _("For all operators")]
        chosen = await self._choose(_("Save as a view"), for_whom)
        if chosen is None:
            return
        named, who, now = replace(view, name=name), operator.who, operator.now()
        await operator.write(lambda s: save_view(s, who, named, now, is_shared=bool(chosen)))
        operator.drafts.forget(_NAME)
        self._tell(_("The view {view} is saved").format(view=one_line(name)))

    async def _change_view(self) -> None:
        operator = self._operator
        if not await operator.may(Permission.ACT):
            return
        who = operator.who
        views = [saved for saved in await self._views() if may_change(who, saved)]
        saved = await self._choose_view(_("Rename or delete a view"), views)
        if saved is None:
            return
        name = one_line(saved.view.name)
        chosen = await self._choose(name, [_("Rename"), _("Delete")])
        if chosen == 0:
            prompt = TextPrompt(_("Rename"), Content(name), _("The new name"))
            draft = ("view", str(saved.id))
            new = await operator.drafts.fill_in(draft, prompt)
            if new is not None:
                await operator.write(lambda s: rename_view(s, who, saved.id, new))
                operator.drafts.forget(draft)
                self._tell(_("The view {view} is saved").format(view=one_line(new)))
        elif chosen == 1:
            await operator.write(lambda s: delete_view(s, who, saved.id))
            self._tell(_("The view {view} is deleted").format(view=name))

    async def _views(self) -> list[SavedView]:
        who = self._operator.who.name
        return await self._operator.read(lambda session: saved_views(session, who))

    async def _choose_view(self, title: str, views: list[SavedView]) -> SavedView | None:
        names = [_describe(saved) for saved in views]
        dialog = MenuDialog(title, names, _("There is no view yet."))
        chosen = await self._operator.app.push_screen_wait(dialog)
        return None if chosen is None else views[chosen]

    def _tell(self, text: str) -> None:
        self._operator.app.notify(text, markup=False)

    async def _copy(self, number: str) -> None:
        copy_number(self._operator, number)

    async def _choose(self, title: str, names: list[str]) -> int | None:
        return await self._operator.app.push_screen_wait(MenuDialog(title, names))


def _describe(saved: SavedView) -> str:
    text = f"{one_line(saved.view.name)}  {one_line(saved.view.filter)}"
    if saved.is_shared:
        text += "  " + _("(shared by {who})").format(who=one_line(saved.who))
    return text


def copy_number(operator: Operator, number: str) -> None:
    """Copy a ticket's number to the clipboard, as the terminal allows, and say so."""
    operator.app.copy_to_clipboard(number)
    text = _("{ticket} is copied, if the terminal allows it").format(ticket=one_line(number))
    operator.app.notify(text, markup=False)
