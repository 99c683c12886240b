"""The help screen, made from the table of commands."""

from collections.abc import Iterator
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from models.i18n import _, lazy, render
from models.rules.vocabulary import Level, label
from monitor.commands import ANYWHERE, GO_TO_SCREEN, KEYS, TITLES
from monitor.formatting import fit
from monitor.labels import BADGES, EMERGENCY_BADGE, LEVEL_STYLES, word


def introduction() -> Content:
    """Explain how to get about, for somebody who sees the monitor for the first time."""
    lines = (
        _("1 to 7 show the screens. Numbers and lines open what they count: Enter."),
        _("Esc leads back, one step at a time, and nothing is lost on the way."),
        _("F2 acts on the ticket under the cursor; the answer is shown when it is decided."),
        _("/ filters the tickets. Space holds the screen still. F1 tells all keys."),
        _("Colours, and how often it reads: ^P."),
    )
    return Content("\n\n").join(map(Content, lines))


def _keys() -> Iterator[Content]:
    """Yield the keys by screen: first those that work everywhere, then each screen's own."""
    commands = (*GO_TO_SCREEN, *KEYS)
    width = max(cell_len(command.key_label) for command in commands)
    for where, title in ((ANYWHERE, lazy("Everywhere")), *TITLES.items()):
        rows = [
            Content.assemble((fit(c.key_label, width), "bold"), "  ", render(c.label or lazy("")))
            for c in commands
            if c.where == where
        ]
        if rows:
            yield Content.styled(render(title), "bold $primary")
            yield from dict.fromkeys(rows)
            yield Content("")


def _signs() -> Iterator[Content]:
    """Yield the legend of the signs in the lists."""
    levels = [(word(BADGES, level), LEVEL_STYLES[level], label(Level, level)) for level in Level]
    signs = [
        *levels,
        (render(EMERGENCY_BADGE), "bold reverse $error", _("an emergency")),
        ("*", "bold", _("the level was raised within the last minute")),
        ("?", "bold", _("the due is provisional: its year has not been arranged")),
        ("..", "bold", _("the text goes on")),
    ]
    for sign, style, meaning in signs:
        yield Content.assemble((sign, style), " " * (5 - cell_len(sign)), meaning)


class HelpScreen(ModalScreen[None]):
    """All keys and what they do, and how to write a filter."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,f1,q,enter,space", "dismiss")]

    def compose(self) -> ComposeResult:
        """Yield the list of keys."""
        rows = list(_keys())
        rows += [Content(""), Content.styled(_("Signs"), "bold $primary"), *_signs()]
        filters = _(
            "Filter: unit:  level:  type:  status:  left:<1d  emergency; other words are "
            "looked for in number and title. Several values: level:red,yellow"
        )
        rows += [Content(""), Content(filters)]
        with VerticalScroll(id="help"):
            yield Static(Content("\n").join(rows), markup=False)
