"""The help screen, made from the table of commands."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from models.i18n import _, lazy, render
from models.rules.vocabulary import Level, label
from monitor.commands import ANYWHERE, GO_TO_SCREEN, KEYS, TITLES
from monitor.deadline_view import DAY_MARKS
from monitor.formatting import fit
from monitor.labels import BADGES, EMERGENCY_BADGE, LEVEL_STYLES, MISSED_MARK, word
from monitor.screens.base import MonitorScreen


def introduction() -> Content:
    """Explain how to get about, for somebody who sees the monitor for the first time."""
    lines = (
        _("1 to 7 show the screens. Numbers and lines open what they count: Enter."),
        _("Esc leads back, one step at a time, and nothing is lost on the way."),
        _("F2 acts on the ticket under the cursor; the answer is shown when it is decided."),
        _(": leads to a ticket, a unit, a view or a screen. F6 sorts, saves and exports the list."),
        _("/ filters the tickets. Space holds the screen still. F1 tells all keys."),
        _("Colours, and how often it reads: Ctrl+P."),
    )
    return Content("\n\n").join(map(Content, lines))


def _key_groups() -> Iterator[list[Content]]:
    """Yield the keys by screen: first those that work everywhere, then each screen's own."""
    commands = (*GO_TO_SCREEN, *KEYS)
    width = max(cell_len(_(command.key_label)) for command in commands)
    for where, title in ((ANYWHERE, lazy("Everywhere")), *TITLES.items()):
        # the last key of those that do alike names them all
        keys = {render(c.label): _(c.key_label) for c in commands if c.where == where and c.label}
        if keys:
            rows = [
                Content.assemble((fit(key, width), "bold"), "  ", name)
                for name, key in keys.items()
            ]
            yield [_heading(render(title)), *rows]


def _signs() -> list[Content]:
    """Return the legend of the signs in the lists, in the strip of days and in the lanes."""
    levels = [(word(BADGES, level), LEVEL_STYLES[level], label(Level, level)) for level in Level]
    signs = [
        *levels,
        (render(EMERGENCY_BADGE), "bold $background on $error", _("an emergency")),
        (
            render(EMERGENCY_BADGE) + MISSED_MARK,
            "bold reverse $error",
            _("an emergency of which a duty was missed"),
        ),
        ("*", "bold", _("the level was raised within the last minute")),
        ("+", "bold", _("selected, to act on several tickets at once")),
        ("?", "bold", _("the due is provisional: its year has not been arranged")),
        ("..", "bold", _("the text goes on")),
        *((render(mark), style, render(name)) for mark, style, name in DAY_MARKS.values()),
        ("  ", "on $primary", _("a day counted, or a duty so far")),
        ("  ", "on $scrollbar", _("to come")),
        ("  ", "on $success", _("a duty done in time")),
        ("  ", "on $error", _("over, or late")),
    ]
    rows = (Content.assemble((s, style), " " * (5 - cell_len(s)), text) for s, style, text in signs)
    return [_heading(_("Signs")), *rows]


def _filters() -> list[Content]:
    text = _(
        "unit:  level:  type:  status:  left:<1d  emergency; other words are "
        "looked for in number and title. Several values: level:red,yellow. ! leaves out: "
        "!unit:  !red. Up recalls what was entered."
    )
    return [_heading(_("Filter")), Content(text)]


def _heading(text: str) -> Content:
    return Content.styled(text, "bold $primary")


def in_columns(groups: Sequence[Sequence[Content]], count: int) -> list[Content]:
    """Share the groups out to so many columns, in their order, of about the same length."""
    total, length = sum(len(group) + 1 for group in groups), 0
    columns: list[list[Content]] = [[] for _n in range(count)]
    for group in groups:
        column = min(count - 1, (length + len(group) // 2) * count // total)
        columns[column] += [*group, Content("")]
        length += len(group) + 1
    return [Content("\n").join(rows) for rows in columns]


class HelpScreen(ModalScreen[None]):
    """All keys and what they do, the signs, and how to write a filter."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,f1,q,enter,space", "dismiss")]
    HORIZONTAL_BREAKPOINTS = MonitorScreen.HORIZONTAL_BREAKPOINTS

    def compose(self) -> ComposeResult:
        """Yield the groups in two columns, which are one below the other in a narrow terminal."""
        groups = [*_key_groups(), _signs(), _filters()]
        columns = (Static(text, markup=False) for text in in_columns(groups, 2))
        with VerticalScroll(id="help"):
            yield Container(*columns, id="help-columns")
