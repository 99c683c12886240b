"""The fields of a dialog: a choice among words, a text, a unit, and the button that submits."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from models.i18n import LazyText, _, render
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.list_columns import Cell, Column

_BEFORE, _AFTER = "< ", " >"
"""Say that there are further choices on that side."""


class SubmitButton(Static, can_focus=True):
    """Submits a dialog, by Enter or a click."""

    BINDINGS: ClassVar[list[BindingType]] = [("enter,space", "press"), ("up", "app.focus_previous")]

    class Pressed(Message):
        """The button was pressed."""

        def __init__(self, button: "SubmitButton") -> None:
            super().__init__()
            self.button = button

    def __init__(self, label: str, *, id: str | None = None) -> None:
        super().__init__(f"[ {label} ]", markup=False, classes="submit", id=id)

    def action_press(self) -> None:
        """Submit the dialog."""
        self.post_message(self.Pressed(self))

    def on_click(self, _event: events.Click) -> None:
        """Submit the dialog."""
        self.action_press()


class ChoiceField(Static, can_focus=True):
    """One of several words, chosen by left and right, or a click; at first perhaps none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("left", "other(-1)"),
        ("right,space", "other(1)"),
        ("down,enter", "app.focus_next"),
        ("up", "app.focus_previous"),
    ]

    class Changed(Message):
        """Another word was chosen."""

    def __init__(self, choices: Mapping[str, LazyText], chosen: str | None = None) -> None:
        super().__init__(markup=False, classes="choose")
        self._codes = list(choices)
        self._words = [f" {render(word)} " for word in choices.values()]
        self._at = next((n for n, code in enumerate(self._codes) if code == chosen), None)
        self._first = 0

    @property
    def value(self) -> str:
        """The code of the chosen word, an empty text while none is chosen."""
        return "" if self._at is None else self._codes[self._at]

    @value.setter
    def value(self, code: str) -> None:
        if code in self._codes:
            self._choose(self._codes.index(code))
        elif not code:
            self._choose(None)

    def on_resize(self) -> None:
        """Draw the words."""
        self._draw()

    def action_other(self, by: int) -> None:
        """Choose the next word, or the one before."""
        self._choose(0 if self._at is None else (self._at + by) % len(self._codes))

    def on_click(self, event: events.Click) -> None:
        """Choose the word that was clicked."""
        at = cell_len(_BEFORE) if self._first else 0
        for index, word in enumerate(self._words[self._first :], self._first):
            if at <= event.x < at + cell_len(word):
                self._choose(index)
                return
            at += cell_len(word) + 1

    def _choose(self, index: int | None) -> None:
        self._at = index
        self._draw()
        self.post_message(self.Changed())

    def _draw(self) -> None:
        """Draw the words from the first one with which the chosen one has room."""
        room = self.size.width - cell_len(_BEFORE) - cell_len(_AFTER)
        widths = [cell_len(word) + 1 for word in self._words]
        self._first = 0
        if sum(widths) > self.size.width:
            at = self._at or 0
            while self._first < at and sum(widths[self._first : at + 1]) > room:
                self._first += 1
        words = [
            Content.styled(word, "bold reverse" if index == self._at else "$quiet")
            for index, word in enumerate(self._words)
        ]
        line = Content(_BEFORE if self._first else "") + Content(" ").join(words[self._first :])
        has_more = line.cell_length > self.size.width
        if has_more:
            line = line.truncate(self.size.width - cell_len(_AFTER), pad=True) + Content(_AFTER)
        self.update(line)


def with_mark(name: str, *, is_required: bool) -> Content:
    """Return the name of a field, with the mark of those that must be filled in."""
    return Content.assemble(("* " if is_required else "  ", "$warning"), name)


class TextField(Input):
    """A line of text; down and Enter lead to the next field, up to the one before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("down,enter", "app.focus_next"),
        ("up", "app.focus_previous"),
    ]


class UnitField(TextField):
    """A unit, named by its name, one of its aliases, or a part of one that no other unit has."""

    def __init__(self, units: Mapping[str, Sequence[str]], default: str = "") -> None:
        super().__init__(default, placeholder=_("name or a part of it"))
        self._units = units

    @property
    def matches(self) -> list[str]:
        """The units that the text fits."""
        return matching_units(self.value.strip(), self._units)

    @property
    def unit(self) -> str:
        """The unit that the text names, or an empty string where that is none or several."""
        return self.matches[0] if len(self.matches) == 1 else ""


def matching_units(text: str, units: Mapping[str, Sequence[str]]) -> list[str]:
    """List the units that a text fits; one whose whole name or alias it is goes alone."""
    if not text:
        return []
    names = {unit: (unit, *aliases) for unit, aliases in units.items()}
    exact = [unit for unit, known in names.items() if text in known]
    return exact or [u for u, known in names.items() if any(text in name for name in known)]


class UnitMatches(ItemList):
    """The units that a fragment of a name fits, to choose one; hidden where it fits only one."""

    def __init__(self) -> None:
        super().__init__(lambda: [Column(_("Which unit?"), None)], id="matches")
        self.can_focus = False

    def show_units(self, units: Sequence[str]) -> None:
        """List these units."""
        several = len(units) > 1
        self.set_class(several, "-on")
        self.can_focus = several
        self.show([ListItem(unit, (Cell(unit),)) for unit in units])
        self.put_cursor(0)
