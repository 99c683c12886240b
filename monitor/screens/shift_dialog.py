"""The dialog of the handover between shifts: the notes of the last days, and a new one."""

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static, TextArea

from models.i18n import _
from monitor.screens.dialogs import Dialog
from monitor.widgets.fields import SubmitButton


class ShiftAnswer(NamedTuple):
    """What was done in the dialog: `text` was written, to be sent or kept, or notes were read."""

    text: str = ""
    is_sent: bool = False
    has_read: bool = False


class ShiftDialog(Dialog[ShiftAnswer]):
    """The notes of the last days above a field for a new one.

    `draft` is what was written before and not sent; with `has_unread` there is a button that
    acknowledges the notes of others.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,f10", "cancel"),
        ("f2,ctrl+s", "send"),
        # an editor of several lines has F7 itself
        Binding("f7", "read", priority=True),
    ]

    def __init__(self, notes: Content, draft: str, *, has_unread: bool) -> None:
        super().__init__(_("Handover between shifts"))
        self._notes, self._draft, self._has_unread = notes, draft, has_unread

    def body(self) -> Iterable[Widget]:
        """Yield the notes, the field, and the buttons."""
        with VerticalScroll(id="shift-notes"):
            yield Static(self._notes, markup=False)
        yield Static(_("Note for the next shift"), markup=False, classes="question")
        yield TextArea(self._draft, id="shift-text", soft_wrap=True, tab_behavior="focus")
        yield Static(id="error", markup=False)
        with Horizontal(classes="buttons"):
            yield SubmitButton(_("Hand over"))
            if self._has_unread:
                yield SubmitButton(_("I have read them"), id="read")
        yield Static(
            _("F2 hands over, F7 says that they are read, Tab leads on, Esc leaves"),
            markup=False,
            classes="quiet",
        )

    def on_mount(self) -> None:
        """Focus what is to be done first: to read, or to write."""
        read = self.query("#read")
        (read.first() if read else self.query_one(TextArea)).focus()

    @property
    def _text(self) -> str:
        return self.query_one(TextArea).text.strip()

    def on_submit_button_pressed(self, event: SubmitButton.Pressed) -> None:
        """Hand over, or acknowledge."""
        if event.button.id == "read":
            self.action_read()
        else:
            self.action_send()

    def action_send(self) -> None:
        """Return the note."""
        if self._text:
            self.dismiss(ShiftAnswer(self._text, is_sent=True))
        else:
            missing = _("Missing: {name}").format(name=_("Note for the next shift"))
            self.query_one("#error", Static).update(Content.styled(missing, "$error"))
            self.query_one(TextArea).focus()

    def action_read(self) -> None:
        """Say that the notes of others were read; what is written stays."""
        if self._has_unread:
            self.dismiss(ShiftAnswer(self._text, has_read=True))

    def action_cancel(self) -> None:
        """Close; what is written stays."""
        self.dismiss(ShiftAnswer(self._text))
