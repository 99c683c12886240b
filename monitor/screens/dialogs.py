"""Dialogs: what can be done, what an act has to be told, and whether it is meant."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from models.i18n import _, render
from monitor.actions import Action, Question, action_label
from monitor.formatting import one_line
from monitor.message_edit import InvalidEdit
from monitor.widgets.fields import Choose, Go, Typed, UnitTyped
from monitor.widgets.lines import Cell, Column, Lines
from monitor.widgets.listed import Line, Listed

_WAYS_OUT: list[BindingType] = [("escape,f10", "leave")]


class Dialog(ModalScreen[Any]):
    """What all dialogs have: a frame, a title, and Esc as the way out without a trace."""

    BINDINGS = _WAYS_OUT

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        """The title and what is inside."""
        with Vertical(classes="dialog"):
            yield Static(Content.styled(self._title, "bold $primary"), markup=False)
            yield from self.inside()

    def inside(self) -> Iterable[Widget]:
        """What stands below the title."""
        raise NotImplementedError

    def action_leave(self) -> None:
        """Do nothing."""
        self.dismiss(None)


class Menu(Dialog):
    """One of several things to do; gives back its number."""

    def __init__(self, title: str, choices: Sequence[str], empty: str = "") -> None:
        super().__init__(title)
        self._choices, self._empty = choices, empty

    def inside(self) -> Iterable[Widget]:
        """A line for each."""
        listed = Listed(lambda: [Column("", None)], id="choices")
        listed.styles.height = min(12, len(self._choices) + 1 + (not self._choices) * 2)
        yield listed
        yield Static(_("Enter chooses, Esc leaves"), markup=False, classes="quiet")

    def on_mount(self) -> None:
        """Show the lines."""
        listed = self.query_one(Listed)
        lines = [Line(str(n), (Cell(text),)) for n, text in enumerate(self._choices)]
        listed.show(lines, (self._empty,))
        listed.focus()

    def on_lines_chosen(self, event: Lines.Chosen) -> None:
        """This one."""
        self.dismiss(int(event.key))


class Confirm(Dialog):
    """Whether something is meant; gives back True or None."""

    def __init__(self, title: str, text: str, label: str) -> None:
        super().__init__(title)
        self._text, self._label = text, label

    def inside(self) -> Iterable[Widget]:
        """What will happen, and the way to it."""
        yield Static(Content(self._text), markup=False, classes="said")
        yield Go(self._label)
        yield Static(_("Enter does it, Esc leaves"), markup=False, classes="quiet")

    def on_mount(self) -> None:
        """The way to it is at hand."""
        self.query_one(Go).focus()

    def on_go_pressed(self, _event: Go.Pressed) -> None:
        """It is meant."""
        self.dismiss(True)


class Form(Dialog):
    """What an act has to be told; gives back the answers by name."""

    def __init__(self, act: Action, about: str, units: Mapping[str, Sequence[str]]) -> None:
        super().__init__(action_label(act))
        self._act, self._about, self._units = act, about, units

    def inside(self) -> Iterable[Widget]:
        """A line for each question, then the way to send it."""
        yield Static(Content(self._about), markup=False, classes="said")
        with VerticalScroll(classes="questions", can_focus=False):
            for question in self._act.questions:
                yield Static(render(question.label), markup=False, classes="question")
                yield self._field(question)
        yield Static(id="wrong", markup=False)
        yield Go(_("Send"))
        yield Static(
            _("Up and Down move, Left and Right choose, Enter on Send sends, Esc leaves"),
            markup=False,
            classes="quiet",
        )

    def _field(self, question: Question) -> Widget:
        if question.choices is not None:
            return Choose(question.choices, question.given)
        if question.is_unit:
            return UnitTyped(self._units, question.given)
        return Typed(question.given)

    def on_mount(self) -> None:
        """Begin with the first question."""
        self._fields()[0].focus()

    def _fields(self) -> list[Choose | Typed]:
        return [w for w in self.query("Choose, Typed") if isinstance(w, Choose | Typed)]

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say which unit is meant."""
        if isinstance(event.input, UnitTyped):
            found = event.input.found
            text = _("Unit: {name}").format(name=found) if found else _("No unit has such a name")
            self.query_one("#wrong", Static).update(Content(text))

    def on_go_pressed(self, _event: Go.Pressed) -> None:
        """Give the answers back, or say which is missing."""
        answers = {}
        for question, field in zip(self._act.questions, self._fields(), strict=True):
            answer = field.found if isinstance(field, UnitTyped) else field.value.strip()
            if question.needed and not answer:
                missing = _("Missing: {name}").format(name=render(question.label))
                self.query_one("#wrong", Static).update(Content.styled(missing, "$error"))
                field.focus()
                return
            answers[question.name] = answer
        self.dismiss(answers)


class Mend(Dialog):
    """A refused message to be edited; gives back what `read` makes of the text."""

    BINDINGS: ClassVar[list[BindingType]] = [*_WAYS_OUT, ("f2,ctrl+s", "send")]

    def __init__(
        self, title: str, why: str, text: str, read: Callable[[str], Mapping[str, Any]]
    ) -> None:
        super().__init__(title)
        self._why, self._text, self._read = why, text, read

    def inside(self) -> Iterable[Widget]:
        """Why it was refused, its text, and the way to send it again."""
        yield Static(Content.styled(one_line(self._why), "$error"), markup=False, classes="said")
        yield TextArea(self._text, id="body", soft_wrap=True, tab_behavior="focus")
        yield Static(id="wrong", markup=False)
        yield Go(_("Send again"))
        yield Static(
            _("What is masked stays as it was. Tab leads on, F2 sends, Esc leaves"),
            markup=False,
            classes="quiet",
        )

    def on_mount(self) -> None:
        """Begin in the text."""
        self.query_one(TextArea).focus()

    def on_go_pressed(self, _event: Go.Pressed) -> None:
        """Send it."""
        self.action_send()

    def action_send(self) -> None:
        """Give the mended message back, or say where it cannot be read."""
        try:
            self.dismiss(self._read(self.query_one(TextArea).text))
        except InvalidEdit as wrong:
            text = _("This is no JSON object: {why}").format(why=wrong)
            self.query_one("#wrong", Static).update(Content.styled(text, "$error"))


class Ask(Dialog):
    """One text; gives it back, or None."""

    def __init__(self, title: str, text: str, label: str) -> None:
        super().__init__(title)
        self._text, self._label = text, label

    def inside(self) -> Iterable[Widget]:
        """What is asked, and the line for it."""
        yield Static(Content(self._text), markup=False, classes="said")
        yield Input()
        yield Static(self._label, markup=False, classes="quiet")

    def on_mount(self) -> None:
        """Begin to type."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """This it is."""
        self.dismiss(one_line(event.value) or None)


class Told(Dialog):
    """Something to be read, gone by itself after a while."""

    def __init__(self, title: str, text: Content, seconds: int | None = None) -> None:
        super().__init__(title)
        self._text, self._seconds = text, seconds

    BINDINGS: ClassVar[list[BindingType]] = [("escape,enter,space,f1,q", "leave")]

    def inside(self) -> Iterable[Widget]:
        """The text."""
        yield Static(self._text, markup=False, classes="said")
        if self._seconds is None:
            yield Static(_("Any of Enter, Space, Esc closes this"), markup=False, classes="quiet")
        else:
            gone = _("Hidden again in {n} s, or by Esc").format(n=self._seconds)
            yield Static(gone, markup=False, classes="quiet")

    def on_mount(self) -> None:
        """Count down."""
        if self._seconds is not None:
            self.set_timer(self._seconds, self.action_leave)
