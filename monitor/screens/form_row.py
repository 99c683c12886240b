"""A row of the form of a message: a field with its name, its hint, and why it is wrong."""

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static, TextArea

from models.i18n import render
from monitor.message_form import FormField, Kind
from monitor.widgets.fields import ChoiceField, TextField, UnitField, UnitMatches, with_mark
from monitor.widgets.virtual_list import VirtualList

_LINE_CELLS = 60
"""Characters of a text that a field of one line takes; a longer one gets several lines."""


class LongField(TextArea):
    """A text of several lines."""

    def __init__(self, text: str) -> None:
        super().__init__(text, soft_wrap=True, tab_behavior="focus", classes="long")

    @property
    def value(self) -> str:
        """The text that was written."""
        return self.text


class FormRow(Vertical):
    """A field with its name before it, and its hint and the reason why it is wrong below it."""

    def __init__(self, field: FormField, units: Mapping[str, Sequence[str]]) -> None:
        super().__init__(classes="row")
        self.field = field
        self._units = units
        self._wrong = ""

    def compose(self) -> ComposeResult:
        """Yield the name and the field, then the hint and the reason."""
        field = self.field
        self.answer = self._widget()
        with Horizontal(classes="line"):
            yield Static(markup=False, classes="name")
            yield self.answer
        if field.kind is Kind.UNIT:
            yield UnitMatches()
        if field.hint is not None:
            yield Static(Content(render(field.hint)), markup=False, classes="hint")
        yield Static(markup=False, classes="why")

    def _widget(self) -> ChoiceField | TextField | LongField:
        field = self.field
        if field.choices is not None:
            return ChoiceField(field.choices, field.text)
        if "\n" in field.text or len(field.text) > _LINE_CELLS:
            return LongField(field.text)
        if field.kind is Kind.UNIT:
            return UnitField(self._units, field.text)
        return TextField(field.text)

    @property
    def value(self) -> str:
        """The text in the field; for a part of one unit's name, that unit."""
        answer = self.answer
        if isinstance(answer, UnitField) and answer.value != self.field.text:
            return answer.unit or answer.value
        return answer.value

    @property
    def is_open(self) -> bool:
        """Return whether several units fit what was typed, so that one must be chosen."""
        answer = self.answer
        is_new = answer.value != self.field.text
        return isinstance(answer, UnitField) and is_new and len(answer.matches) > 1

    def show_name(self, *, is_required: bool) -> None:
        """Show the field's name, marked where the field must be filled in."""
        name = with_mark(self.field.label, is_required=is_required)
        self.query_one(".name", Static).update(name)

    def show_why(self, why: str) -> None:
        """Show why what stands in the field is wrong; an empty text takes that away."""
        self._wrong = self.answer.value
        self.query_one(".why", Static).update(Content.styled(why, "$error"))
        self.set_class(bool(why), "-wrong")

    def _forget_why(self) -> None:
        """Take the reason away once something else stands in the field."""
        if self.has_class("-wrong") and self.answer.value != self._wrong:
            self.show_why("")

    def on_text_area_changed(self) -> None:
        """Take away why the former text was wrong."""
        self._forget_why()

    def on_choice_field_changed(self) -> None:
        """Take away why the former choice was wrong."""
        self._forget_why()

    def on_input_changed(self, event: Input.Changed) -> None:
        """List the units that the text may mean, where they are several."""
        self._forget_why()
        if isinstance(event.input, UnitField):
            matches = event.input.matches if event.input.value != self.field.text else []
            self.query_one(UnitMatches).show_units(matches)

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Fill in the unit that was chosen."""
        event.stop()
        field = self.query_one(UnitField)
        field.value = event.key
        field.focus()
