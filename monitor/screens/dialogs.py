"""Dialogs: choose an action, answer its questions, confirm it, read a text."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _
from monitor.screens.base import MonitorScreen
from monitor.widgets.fields import SubmitButton
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.list_columns import Cell, Column
from monitor.widgets.virtual_list import VirtualList

T = TypeVar("T")

_CANCEL: list[BindingType] = [("escape,f10", "cancel")]


class Dialog(ModalScreen[T | None], Generic[T]):
    """A frame with a title; Esc closes it and changes nothing."""

    BINDINGS = _CANCEL
    VERTICAL_BREAKPOINTS = MonitorScreen.VERTICAL_BREAKPOINTS

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        """Yield the title and the body."""
        with Vertical(classes="dialog"):
            yield Static(Content.styled(self._title, "bold $primary"), markup=False)
            yield from self.body()

    def body(self) -> Iterable[Widget]:
        """Yield the widgets below the title."""
        raise NotImplementedError

    def action_cancel(self) -> None:
        """Close without a result."""
        self.dismiss(None)


class Choices(ItemList):
    """A list of texts to choose from; each is known by its number."""

    def __init__(self, choices: Sequence[str], empty: str = "") -> None:
        super().__init__(lambda: [Column("", None)], id="choices")
        self._choices, self._why_empty = choices, empty
        self.styles.height = min(12, len(choices) + 1 + (not choices) * 2)

    def on_mount(self) -> None:
        """Show the texts."""
        items = [ListItem(str(n), (Cell(text),)) for n, text in enumerate(self._choices)]
        self.show(items, (self._why_empty,))
        self.focus()


class MenuDialog(Dialog[int]):
    """A choice among several actions; its result is the number of the chosen one."""

    def __init__(self, title: str, choices: Sequence[str], empty: str = "") -> None:
        super().__init__(title)
        self._choices, self._empty = choices, empty

    def body(self) -> Iterable[Widget]:
        """Yield the list of choices."""
        yield Choices(self._choices, self._empty)
        yield Static(_("Enter chooses, Esc leaves"), markup=False, classes="quiet")

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Return the chosen number."""
        self.dismiss(int(event.key))


class LeaveDialog(Dialog[bool]):
    """Asks whether to close the monitor; its result is whether the service is to end too."""

    def __init__(self, *, with_service: bool) -> None:
        super().__init__(_("Close the monitor?"))
        self._choices: list[tuple[str, bool | None]] = [(_("Stay"), None)]
        if with_service:
            self._choices.append((_("Close the screen; the service goes on"), False))
            self._choices.append((_("End the whole service"), True))
        else:
            self._choices.append((_("Close the monitor"), False))

    def body(self) -> Iterable[Widget]:
        """Yield the list of choices."""
        yield Choices([text for text, _result in self._choices])
        yield Static(_("Enter chooses, Esc leaves"), markup=False, classes="quiet")

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Return what was chosen."""
        self.dismiss(self._choices[int(event.key)][1])


class ConfirmDialog(Dialog[bool]):
    """A question to confirm; its result is True, or None where it was cancelled.

    `hint` says what the keys do where cancelling does more than close it.
    """

    def __init__(self, title: str, text: str, label: str, hint: str = "") -> None:
        super().__init__(title)
        self._text, self._label = text, label
        self._hint = hint or _("Enter does it, Esc leaves")

    def body(self) -> Iterable[Widget]:
        """Yield the text and the button."""
        yield Static(Content(self._text), markup=False, classes="text")
        yield SubmitButton(self._label)
        yield Static(self._hint, markup=False, classes="quiet")

    def on_mount(self) -> None:
        """Focus the button."""
        self.query_one(SubmitButton).focus()

    def on_submit_button_pressed(self, _event: SubmitButton.Pressed) -> None:
        """Confirm."""
        self.dismiss(True)


class WaitDialog(Dialog[None]):
    """Holds the keys while the store does not answer, and says so; Esc closes it.

    `was_left` says whether it was closed before its end.
    """

    def __init__(self) -> None:
        super().__init__(_("The store has not answered yet"))
        self.was_left = False
        self._has_ended = False

    def body(self) -> Iterable[Widget]:
        """Yield the line for a failure, and how to close it."""
        yield Static(id="error", markup=False)
        yield Static(_("Nothing was sent. Esc leaves"), markup=False, classes="quiet")

    def show_failure(self, text: str) -> None:
        """Say why it waits for nothing; it stays until it is closed by the operator."""
        for line in self.query("#error").results(Static):
            line.update(Content.styled(text, "$error"))

    def action_cancel(self) -> None:
        """Close it before its end."""
        self.was_left = True
        self.dismiss(None)

    def end(self) -> None:
        """Close it, at once or when what lies over it is closed."""
        self._has_ended = True
        if self.is_current:
            self.dismiss(None)

    def on_screen_resume(self) -> None:
        """Close it if it has ended meanwhile."""
        if self._has_ended:
            self.dismiss(None)


class TextDialog(Dialog[None]):
    """A text to be read; with `seconds` it closes by itself."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,enter,space,f1,q", "cancel")]

    def __init__(self, title: str, text: Content, seconds: int | None = None) -> None:
        super().__init__(title)
        self._text, self._seconds = text, seconds

    def body(self) -> Iterable[Widget]:
        """Yield the text, and how to close it."""
        yield Static(self._text, markup=False, classes="text")
        if self._seconds is None:
            yield Static(_("Any of Enter, Space, Esc closes this"), markup=False, classes="quiet")
        else:
            hidden = _("Hidden again in {n} s, or by Esc").format(n=self._seconds)
            yield Static(hidden, markup=False, classes="quiet")

    def on_mount(self) -> None:
        """Start the timer."""
        if self._seconds is not None:
            self.set_timer(self._seconds, self.action_cancel)


class RevealedDialog(TextDialog):
    """A claimant's data for a while, in a corner: the ticket's log below stays readable."""
