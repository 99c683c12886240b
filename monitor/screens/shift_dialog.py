"""The dialog of the handover between shifts: the notes of the last days, and a new one."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static, TextArea

from models.i18n import _
from monitor.screens.form import Form
from monitor.widgets.fields import SubmitButton


class ShiftAnswer(NamedTuple):
    """What was done in the form: `text` is to be sent, or notes were read."""

    text: str = ""
    has_read: bool = False


class ShiftDialog(Form[ShiftAnswer]):
    """The notes of the last days above a field for a new one.

    With `has_unread` there is a button that acknowledges the notes of others.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # an editor of several lines has F7 itself
        Binding("f7", "read", priority=True),
    ]

    def __init__(self, notes: Content, *, has_unread: bool) -> None:
        super().__init__(_("Handover between shifts"))
        self._notes, self._has_unread = notes, has_unread

    def body(self) -> Iterable[Widget]:
        """Yield the notes, the field, and the buttons."""
        with VerticalScroll(id="shift-notes"):
            yield Static(self._notes, markup=False)
        yield Static(_("Note for the next shift"), markup=False, classes="question")
        yield TextArea("", id="shift-text", soft_wrap=True, tab_behavior="focus")
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

    async def begin(self) -> None:
        """Focus what is to be done first: to read, or to write."""
        read = self.query("#read")
        (read.first() if read else self.query_one(TextArea)).focus()

    def filled(self) -> dict[str, str]:
        """Return what is written."""
        return {"text": self.query_one(TextArea).text.strip()}

    async def fill(self, values: Mapping[str, str]) -> None:
        """Put a text into the field."""
        self.query_one(TextArea).text = values["text"]

    def on_submit_button_pressed(self, event: SubmitButton.Pressed) -> None:
        """Hand over, or acknowledge."""
        if event.button.id == "read":
            self.action_read()
        else:
            self.action_send()

    def action_send(self) -> None:
        """Return the note."""
        if text := self.filled()["text"]:
            self.leave(ShiftAnswer(text))
        else:
            missing = _("Missing: {name}").format(name=_("Note for the next shift"))
            self.query_one("#error", Static).update(Content.styled(missing, "$error"))
            self.query_one(TextArea).focus()

    def action_read(self) -> None:
        """Say that the notes of others were read; what is written stays."""
        if self._has_unread:
            self.leave(ShiftAnswer(has_read=True))
