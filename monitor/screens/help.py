"""The help screen, made from the table of commands."""

from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from models.i18n import _, render
from monitor.commands import GO_TO_SCREEN, KEYS
from monitor.formatting import fit


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


class HelpScreen(ModalScreen[None]):
    """All keys and what they do, and how to write a filter."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,f1,q,enter,space", "dismiss")]

    def compose(self) -> ComposeResult:
        """Yield the list of keys."""
        commands = (*GO_TO_SCREEN, *KEYS)
        width = max(cell_len(command.key_label) for command in commands)
        rows = [Content.styled(_("Keys"), "bold $primary"), Content("")]
        for command in commands:
            name = render(command.label) if command.label else ""
            row = Content.assemble((fit(command.key_label, width), "bold"), "  ", name)
            if row not in rows:
                rows.append(row)
        filters = _(
            "Filter: unit:  level:  type:  status:  left:<1d  emergency; other words are "
            "looked for in number and title. Several values: level:red,yellow"
        )
        rows += [Content(""), Content(filters)]
        with VerticalScroll(id="help"):
            yield Static(Content("\n").join(rows), markup=False)
