"""What a dialog is filled in with: a button, a choice among words, a text, a unit."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from models.i18n import LazyText, _, render


class Go(Static, can_focus=True):
    """What sends a dialog off; Enter or a click."""

    BINDINGS: ClassVar[list[BindingType]] = [("enter,space", "go"), ("up", "app.focus_previous")]

    class Pressed(Message):
        """It is meant."""

    def __init__(self, label: str) -> None:
        super().__init__(f"[ {label} ]", markup=False, classes="go")

    def action_go(self) -> None:
        """Send it off."""
        self.post_message(self.Pressed())

    def on_click(self, _event: events.Click) -> None:
        """Send it off."""
        self.action_go()


class Choose(Static, can_focus=True):
    """One of several words; left and right, or a click."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("left", "other(-1)"),
        ("right,space", "other(1)"),
        ("down,enter", "app.focus_next"),
        ("up", "app.focus_previous"),
    ]

    def __init__(self, choices: Mapping[str, LazyText], chosen: str) -> None:
        super().__init__(markup=False, classes="choose")
        self._codes = list(choices)
        self._words = [f" {render(word)} " for word in choices.values()]
        self._at = self._codes.index(chosen) if chosen in choices else 0

    @property
    def value(self) -> str:
        """The code of the chosen word."""
        return self._codes[self._at]

    def on_mount(self) -> None:
        """Draw the words."""
        self._draw()

    def action_other(self, by: int) -> None:
        """Choose the next word, or the one before."""
        self._at = (self._at + by) % len(self._codes)
        self._draw()

    def on_click(self, event: events.Click) -> None:
        """Choose the word that was clicked."""
        at = 0
        for index, word in enumerate(self._words):
            if at <= event.x < at + cell_len(word):
                self._at = index
            at += cell_len(word) + 1
        self._draw()

    def _draw(self) -> None:
        words = (
            Content.styled(word, "bold reverse" if index == self._at else "$quiet")
            for index, word in enumerate(self._words)
        )
        self.update(Content(" ").join(words))


class Typed(Input):
    """A text; down and Enter lead on, up leads back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("down,enter", "app.focus_next"),
        ("up", "app.focus_previous"),
    ]


class UnitTyped(Typed):
    """A unit by its name, one of its other names, or a part of one."""

    def __init__(self, units: Mapping[str, Sequence[str]], given: str = "") -> None:
        super().__init__(given, placeholder=_("name or a part of it"))
        self._units = units

    @property
    def found(self) -> str:
        """The unit that is meant, empty where that is not clear yet."""
        text = self.value.strip()
        if not text:
            return ""
        exact = [n for n, others in self._units.items() if text in (n, *others)]
        near = [n for n, others in self._units.items() if any(text in o for o in (n, *others))]
        return exact[0] if exact else near[0] if near else ""
