"""The keys, from the registry of keys."""

from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from models.i18n import _, render
from monitor.formatting import fit
from monitor.keys import KeyBinding


def introduction() -> Content:
    """How to get about, for somebody who sees the monitor for the first time."""
    lines = (
        _("1 to 6 show the screens. Numbers and lines open what they count: Enter."),
        _("Esc leads back, one step at a time, and nothing is lost on the way."),
        _("F2 acts on the ticket under the cursor; the answer is shown when it is decided."),
        _("/ filters the tickets. Space holds the screen still. F1 tells all keys."),
        _("Colours, and how often it reads: ^P."),
    )
    return Content("\n\n").join(map(Content, lines))


class HelpScreen(ModalScreen[None]):
    """What every key does; any of the usual ways out closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,f1,q,enter,space", "dismiss")]

    def __init__(self, keys: list[KeyBinding]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """The list of keys."""
        width = max(cell_len(key.shown) for key in self._keys)
        rows = [Content.styled(_("Keys"), "bold $primary"), Content("")]
        for key in self._keys:
            text = Content.assemble((fit(key.shown, width), "bold"), "  ", render(key.label))
            if text not in rows:
                rows.append(text)
        filters = _(
            "Filter: unit:  level:  type:  status:  left:<1d  emergency; other words are "
            "looked for in number and title. Several values: level:red,yellow"
        )
        rows += [Content(""), Content(filters)]
        with VerticalScroll(id="help"):
            yield Static(Content("\n").join(rows), markup=False)
