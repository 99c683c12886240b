"""Short forms: a line of text, and the reason for which personal data are shown."""

from collections.abc import Iterable, Mapping

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from models.i18n import _, lazy
from models.rules.vocabulary import RevealReason
from monitor.formatting import one_line
from monitor.labels import labels
from monitor.screens.form import Form
from monitor.widgets.fields import ChoiceField, SubmitButton, TextField

_ANOTHER = "?"
"""The choice of a reason that is written below."""


class RevealForm(Form[str]):
    """Asks why somebody wants to see personal data; its result is a reason's code, or his words."""

    def __init__(self, text: str) -> None:
        super().__init__(_("Show the claimant's data"))
        self._text = text

    def body(self) -> Iterable[Widget]:
        """Yield the text, the usual reasons, a line for another one, and the button."""
        yield Static(Content(self._text), markup=False, classes="text")
        usual = [reason for reason in RevealReason if reason is not RevealReason.MENDING]
        yield Static(_("Reason"), markup=False, classes="question")
        yield ChoiceField({**labels(usual), _ANOTHER: lazy("another")})
        yield Static(_("Another reason"), markup=False, classes="question")
        yield TextField("")
        yield Static(id="error", markup=False)
        yield SubmitButton(_("Show"))
        yield Static(_("F2 shows them, Esc leaves"), markup=False, classes="quiet")

    async def begin(self) -> None:
        """Focus the reasons."""
        self.query_one(ChoiceField).focus()

    def filled(self) -> dict[str, str]:
        """Return the reason that was typed."""
        return {"reason": self.query_one(TextField).value}

    async def fill(self, values: Mapping[str, str]) -> None:
        """Put a reason into its line."""
        self.query_one(TextField).value = values["reason"]

    def on_submit_button_pressed(self, _event: SubmitButton.Pressed) -> None:
        """Return the reason."""
        self.action_send()

    def action_send(self) -> None:
        """Return the reason; what was typed goes before what was chosen."""
        written, chosen = self.query_one(TextField), self.query_one(ChoiceField)
        usual = "" if chosen.value == _ANOTHER else chosen.value
        if reason := written.value.strip() or usual:
            self.leave(reason)
            return
        name = _("Another reason") if chosen.value else _("Reason")
        missing = _("Missing: {name}").format(name=name)
        self.query_one("#error", Static).update(Content.styled(missing, "$error"))
        (written if chosen.value else chosen).focus()


class TextPrompt(Form[str]):
    """A question for one line of text; its result is the text, or None where it is empty."""

    def __init__(self, title: str, text: Content, label: str, default: str = "") -> None:
        super().__init__(title)
        self._text, self._label, self._default = text, label, default

    def body(self) -> Iterable[Widget]:
        """Yield the question and its line."""
        yield Static(self._text, markup=False, classes="text")
        yield Input(self._default)
        yield Static(self._label, markup=False, classes="quiet")

    async def begin(self) -> None:
        """Focus the line."""
        self.query_one(Input).focus()

    def filled(self) -> dict[str, str]:
        """Return what stands in the line."""
        return {"text": self.query_one(Input).value}

    async def fill(self, values: Mapping[str, str]) -> None:
        """Put a text into the line."""
        self.query_one(Input).value = values["text"]

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Return the text."""
        self.action_send()

    def action_send(self) -> None:
        """Return the text."""
        self.leave(one_line(self.query_one(Input).value) or None)
