"""A dialog to be filled in, whose unsent text is a draft."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _
from monitor.screens.dialogs import Dialog

T = TypeVar("T")


class Form(Dialog[T]):
    """A dialog to be filled in; what is left in it is its draft, with which it opens again.

    `draft` is what was left before, by the names of the fields, and `left` what is left now, empty
    where nothing was changed. F2 sends the form, Esc leaves it, F5 puts it back as it was at first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,f10", "cancel"),
        ("f2,ctrl+s", "send"),
        # before an editor of several lines
        Binding("f5", "start_anew", priority=True),
    ]

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.draft: Mapping[str, str] = {}
        self.left: Mapping[str, str] = {}
        self._at_first: Mapping[str, str] = {}

    def compose(self) -> ComposeResult:
        """Yield the title, the word that it is a draft, and the body."""
        with Vertical(classes="dialog"):
            yield Static(Content.styled(self._title, "bold $primary"), markup=False, id="title")
            yield Static(_("A draft, not sent. F5 drops it"), markup=False, id="draft")
            yield from self.body()

    def body(self) -> Iterable[Widget]:
        """Yield the widgets below the title."""
        raise NotImplementedError

    def filled(self) -> dict[str, str]:
        """Return what stands in the fields, by their names."""
        raise NotImplementedError

    async def fill(self, values: Mapping[str, str]) -> None:
        """Put values into the fields of these names."""
        raise NotImplementedError

    def action_send(self) -> None:
        """Send what stands in the fields, or show what is missing."""
        raise NotImplementedError

    async def begin(self) -> None:
        """Show the fields, and focus the one to be filled in first."""
        raise NotImplementedError

    async def on_mount(self) -> None:
        """Show the fields, and what was left in them before."""
        await self.begin()
        self._at_first = self.filled()
        self.set_class(bool(self.draft), "-draft")
        if self.draft:
            await self.fill(self.draft)

    async def action_start_anew(self) -> None:
        """Put the fields back as they were before anything was filled in."""
        self.remove_class("-draft")
        await self.fill(self._at_first)

    def leave(self, result: T | None) -> None:
        """Close the form with this result; what stands in it is left."""
        filled = self.filled()
        self.left = {} if filled == self._at_first else filled
        self.dismiss(result)

    def action_cancel(self) -> None:
        """Close without a result."""
        self.leave(None)
