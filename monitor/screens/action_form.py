"""The form of an action: its questions, and what it is about."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from models.i18n import _, lazy, render
from monitor.action_types import Action, Question
from monitor.formatting import shorten
from monitor.message_form import LEFT_OUT
from monitor.screens.dialogs import MenuDialog
from monitor.screens.form import Form
from monitor.widgets.fields import (
    ChoiceField,
    SubmitButton,
    TextField,
    UnitField,
    UnitMatches,
    with_mark,
)
from monitor.widgets.virtual_list import VirtualList

_NOTHING = Content("")
_LABEL_CELLS = 140
"""Cells of an action's label as the title: that of a proposal has its reasons."""


class ActionForm(Form[dict[str, str]]):
    """The questions of an action; its result are the answers by name.

    `units` are all units with their other names, `templates` texts by their names, one of which F3
    fills in. `judged` is what the action judges, which the page keys scroll.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("f3", "choose_template"),
        ("pageup", "scroll_judged(-1)"),
        ("pagedown", "scroll_judged(1)"),
    ]

    def __init__(
        self,
        action: Action,
        about: str,
        units: Mapping[str, Sequence[str]],
        templates: Mapping[str, str],
        judged: Content = _NOTHING,
    ) -> None:
        super().__init__(shorten(render(action.label), _LABEL_CELLS))
        self._action, self._about, self._units = action, about, units
        self._templates, self._judged = templates, judged
        self.set_class(bool(judged), "-judging")

    def body(self) -> Iterable[Widget]:
        """Yield a field for each question, and the button."""
        yield Static(Content(self._about), markup=False, classes="about")
        hint = _("* must be there. Up and Down move, Left and Right choose, F2 sends, Esc keeps it")
        if self._judged:
            yield VerticalScroll(Static(self._judged, markup=False), id="judged", can_focus=False)
            hint += _("; PageUp and PageDown scroll")
        with VerticalScroll(classes="questions", can_focus=False):
            for question in self._action.questions:
                yield Static(markup=False, classes="question")
                yield self._field(question)
                if question.is_unit:
                    yield Static(markup=False, id="which-unit")
                    yield UnitMatches()
                if question.name == self._action.templated and self._templates:
                    names = "  ".join(self._templates)
                    text = _("F3 fills in a text: {names}").format(names=names)
                    yield Static(text, markup=False, classes="templates")
        yield Static(id="error", markup=False)
        yield SubmitButton(_("Send"))
        yield Static(hint, markup=False, classes="quiet")

    def _field(self, question: Question) -> ChoiceField | TextField:
        if question.choices is not None:
            choices = question.choices
            if question.name not in self._action.required({}):
                choices = {LEFT_OUT: lazy("(none)"), **choices}
            return ChoiceField(choices, question.default)
        if question.is_unit:
            return UnitField(self._units, question.default)
        return TextField(question.default)

    async def begin(self) -> None:
        """Focus the first question."""
        self._mark_required()
        self._fields()[0].focus(scroll_visible=False)

    def _fields(self) -> list[ChoiceField | TextField]:
        widgets = self.query("ChoiceField, TextField")
        return [w for w in widgets if isinstance(w, ChoiceField | TextField)]

    def filled(self) -> dict[str, str]:
        """Return what stands in the fields, by their names."""
        names = (question.name for question in self._action.questions)
        return {n: f.value for n, f in zip(names, self._fields(), strict=True)}

    async def fill(self, values: Mapping[str, str]) -> None:
        """Put values into the fields of these names."""
        for question, field in zip(self._action.questions, self._fields(), strict=True):
            field.value = values.get(question.name, field.value)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Show the question together with the field that has the focus."""
        lines = zip(self._fields(), self.query(".question").results(Static), strict=True)
        for field, line in lines:
            if field is event.widget:
                self.call_after_refresh(line.scroll_visible, animate=False)

    def on_choice_field_changed(self) -> None:
        """Mark what must be answered besides, now that this is chosen."""
        self._mark_required()

    def _mark_required(self) -> None:
        required = self._action.required(self.filled())
        for question, line in zip(
            self._action.questions, self.query(".question").results(Static), strict=True
        ):
            is_required = question.name in required
            line.update(with_mark(render(question.label), is_required=is_required))

    def action_scroll_judged(self, by: int) -> None:
        """Scroll what is judged by as much as is seen of it."""
        for judged in self.query("#judged"):
            judged.scroll_relative(y=by * max(1, judged.size.height - 1), animate=False)

    def action_choose_template(self) -> None:
        """Fill in the only template that there is, or one that is chosen from a list."""
        texts = list(self._templates.values())
        if len(texts) == 1:
            self._fill_in(texts[0])
        elif texts:
            choices = [f"{name}  {text}" for name, text in self._templates.items()]
            self.app.push_screen(
                MenuDialog(_("Which text?"), choices),
                lambda chosen: self._fill_in(texts[chosen]) if chosen is not None else None,
            )

    def _fill_in(self, text: str) -> None:
        names = [question.name for question in self._action.questions]
        field = self._fields()[names.index(self._action.templated)]
        if isinstance(field, TextField):
            field.value = text
            field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show which unit the text names, or a list of those that it may mean."""
        if isinstance(event.input, UnitField):
            matches = event.input.matches
            self.query_one(UnitMatches).show_units(matches)
            text = _which_unit(matches) if event.input.value.strip() else ""
            self.query_one("#which-unit", Static).update(Content(text))

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Fill in the unit that was chosen."""
        field = self.query_one(UnitField)
        field.value = event.key
        field.focus()

    def on_submit_button_pressed(self, _event: SubmitButton.Pressed) -> None:
        """Return the answers, or show which is missing."""
        self.action_send()

    def action_send(self) -> None:
        """Return the answers, or show which is missing."""
        answers = {}
        for question, field in zip(self._action.questions, self._fields(), strict=True):
            if isinstance(field, UnitField) and len(field.matches) > 1:
                self.query_one(UnitMatches).focus()
                return
            answer = field.unit if isinstance(field, UnitField) else field.value.strip()
            answers[question.name] = answer
        if missing := self._action.unanswered(answers):
            names = "、".join(render(question.label) for question in missing)
            text = _("Missing: {name}").format(name=names)
            self.query_one("#error", Static).update(Content.styled(text, "$error"))
            questions = list(self._action.questions)
            self._fields()[questions.index(missing[0])].focus()
            return
        self.leave(answers)


def _which_unit(matches: Sequence[str]) -> str:
    match matches:
        case []:
            return _("No unit has such a name")
        case [unit]:
            return _("Unit: {name}").format(name=unit)
    return _("{n} units have such a name: Down, and Enter on the one that is meant").format(
        n=len(matches)
    )
