"""The form that mends a refused message: a field for each part of its type, or it all as JSON."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.css.query import NoMatches
from textual.widget import Widget
from textual.widgets import Static, TextArea

from models.i18n import LazyText, _, render
from models.queries.failures import RefusedMessage
from models.rules.vocabulary import MessageType, label
from models.store_errors import outage_reason
from monitor.background import OUTAGES
from monitor.formatting import one_line, short_reason
from monitor.message_edit import InvalidEdit, as_text, read_edit, redacted_body
from monitor.message_form import (
    InvalidAnswer,
    apply_answers,
    form_fields,
    required_names,
)
from monitor.screens.form import Form
from monitor.screens.form_row import FormRow
from monitor.widgets.fields import (
    SubmitButton,
    UnitMatches,
)

_BODY = "body"
"""The name of the one field that a draft has: the message as JSON."""

Send = Callable[[dict[str, object]], Awaitable[Mapping[str, LazyText]]]
"""Sends a mended body, personal data redacted; returns why fields of it are wrong, if any are."""


class MendForm(Form[bool]):
    """The fields of a refused message; its result is True where it was sent.

    What stands there is redacted. `reasons` say why fields are wrong at first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # an editor of several lines has F6 itself
        Binding("f6", "switch", priority=True),
    ]

    def __init__(
        self,
        refused: RefusedMessage,
        reasons: Mapping[str, LazyText],
        units: Mapping[str, Sequence[str]],
        send: Send,
    ) -> None:
        kind = MessageType(refused.type)
        super().__init__(_("Mend the message: {type}").format(type=label(MessageType, kind)))
        self._kind, self._why, self._reasons = kind, refused.why, reasons
        self._units, self._send = units, send
        self._before = as_text(redacted_body(refused.body))
        self._body: dict[str, object] = {}
        self._sending = False

    def body(self) -> Iterable[Widget]:
        """Yield the reason, the fields or the text, and the buttons."""
        why = Content.styled(short_reason(self._why), "$error")
        yield Static(why, markup=False, classes="about")
        yield Container(id="fields")
        yield Static(id="error", markup=False)
        with Horizontal(classes="buttons"):
            yield SubmitButton(_("Send again"))
            yield SubmitButton(_("Fields or JSON"), id="switch")
        yield Static(
            _("* must be there. What is masked stays as it was. F2 sends, F6 JSON, Esc keeps it"),
            markup=False,
            classes="quiet",
        )

    async def begin(self) -> None:
        """Show the fields, and focus the one that is wrong."""
        await self.fill({_BODY: self._before})

    def filled(self) -> dict[str, str]:
        """Return the message as it is edited now, as JSON."""
        try:
            return {_BODY: as_text(self._edited(as_it_is=True))}
        except InvalidEdit:
            return {_BODY: self.query_one("#body", TextArea).text}

    async def fill(self, values: Mapping[str, str]) -> None:
        """Show a message by its fields, or as a text where it is no JSON."""
        try:
            body = read_edit(values[_BODY])
        except InvalidEdit:
            await self._show_text(values[_BODY])
        else:
            await self._show_fields(body)
            self._show_reasons(self._reasons)

    async def _show_fields(self, body: dict[str, object]) -> None:
        self._body = body
        rows = [FormRow(field, self._units) for field in form_fields(self._kind, body)]
        area = self.query_one("#fields")
        await area.remove_children()
        await area.mount(VerticalScroll(*rows, id="rows", can_focus=False))
        self._mark_required()
        rows[0].answer.focus()

    def on_choice_field_changed(self) -> None:
        """Mark what must be filled in besides, now that this is chosen."""
        self._mark_required()

    def _mark_required(self) -> None:
        rows = list(self.query(FormRow))
        fields, answers = [row.field for row in rows], [row.value for row in rows]
        required = required_names(self._kind, fields, answers, self._body)
        for row in rows:
            row.show_name(is_required=row.field.name in required)

    async def _show_text(self, text: str) -> None:
        area = self.query_one("#fields")
        await area.remove_children()
        editor = TextArea(text, id="body", soft_wrap=True, tab_behavior="focus")
        await area.mount(editor)
        editor.focus()

    def _show_reasons(self, reasons: Mapping[str, LazyText]) -> None:
        """Show beside each wrong field why it is wrong, and focus the first."""
        rows = dict.fromkeys(self.query(FormRow), "")
        others = []
        for name, text in reasons.items():
            why = one_line(render(text))
            if (row := _row_of(rows, name)) is None:
                others.append(why)
            else:
                rows[row] = why
        for row, why in rows.items():
            row.show_why(why)
        self._show_error("  ".join(others))
        for row in (row for row, why in rows.items() if why):
            row.answer.focus()
            break

    def _show_error(self, text: str) -> None:
        self.query_one("#error", Static).update(Content.styled(text, "$error"))

    def _edited(self, *, as_it_is: bool = False) -> dict[str, object]:
        """Return the body as it is edited now, redacted. Raises InvalidEdit.

        `as_it_is`: an answer that cannot be read stays a text.
        """
        try:
            return read_edit(self.query_one("#body", TextArea).text)
        except NoMatches:
            rows = list(self.query(FormRow))
            fields, answers = [row.field for row in rows], [row.value for row in rows]
            return apply_answers(fields, answers, self._body, as_it_is=as_it_is)

    def on_submit_button_pressed(self, event: SubmitButton.Pressed) -> None:
        """Send the message, or show it the other way."""
        if event.button.id == "switch":
            self.run_worker(self.action_switch())
        else:
            self.action_send()

    async def action_switch(self) -> None:
        """Show the fields as JSON, or the JSON as fields, with what was changed."""
        try:
            edited = self._edited()
        except InvalidEdit as error:
            self._show_invalid(error)
            return
        self._show_error("")
        if self.query(FormRow):
            await self._show_text(as_text(edited))
        else:
            await self._show_fields(edited)

    def action_send(self) -> None:
        """Send the edited message, or show what is wrong with it."""
        for row in self.query(FormRow):
            if row.is_open:
                row.query_one(UnitMatches).focus()
                return
        try:
            edited = self._edited()
        except InvalidEdit as error:
            self._show_invalid(error)
            return
        if not self._sending:
            self._sending = True
            self.run_worker(self._try_to_send(edited))

    async def _try_to_send(self, edited: dict[str, object]) -> None:
        try:
            reasons = await self._send(edited)
        except OUTAGES as error:
            # what was written stays, to be sent when that is mended
            self._show_error(_("Not done: {why}").format(why=outage_reason(error)))
        else:
            if reasons:
                self._show_reasons(reasons)
            else:
                self.dismiss(True)
        finally:
            self._sending = False

    def _show_invalid(self, error: InvalidEdit) -> None:
        if isinstance(error, InvalidAnswer):
            self._show_reasons({error.field: LazyText(str(error))})
        else:
            self._show_error(_("This is no JSON object: {why}").format(why=error))


def _row_of(rows: Iterable[FormRow], name: str) -> FormRow | None:
    """Return the row of a field, or the first of an object's; None where the form has none."""
    of_field = [row for row in rows if row.field.path[0] == name.partition(".")[0]]
    exact = [row for row in of_field if row.field.name == name]
    return next(iter(exact or of_field), None)
