"""Every screen, key and named command of the monitor, in one table.

Key bindings, the key line at the bottom, the help screen and the command palette are all made
from it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from textual.binding import Binding, BindingType

from models.i18n import N_, LazyText, lazy
from monitor.quick_actions import QUICK_ACTIONS
from monitor.theme import DARK, LIGHT

ANYWHERE = "anywhere"
_REFRESH_SECONDS = (1, 2, 5, 15)
_FULL_WIDTH_ZERO = 0xFF10


def digit_keys(number: int) -> str:
    """Return the keys of a digit from 1 to 9: also full-width, as a Chinese input method sends it.

    Textual names a digit or letter by its character, whatever its width, and the rest in words.
    """
    return f"{number},{chr(_FULL_WIDTH_ZERO + number)}"


class KeyFact(Enum):
    """A fact of a screen on which it depends whether the hint of a key is shown."""

    SELECTING = auto()
    NOT_SELECTING = auto()
    ON_TICKET = auto()
    FILTERED = auto()
    PAUSED = auto()
    READING = auto()


@dataclass(frozen=True, slots=True)
class MainScreen:
    """A screen with a digit of its own."""

    name: str
    title: LazyText


MAIN_SCREENS = (
    MainScreen("overview", lazy("Overview")),
    MainScreen("tickets", lazy("Tickets")),
    MainScreen("units", lazy("Units")),
    MainScreen("callbacks", lazy("Calls")),
    MainScreen("queues", lazy("Queues")),
    MainScreen("failures", lazy("Failures")),
    MainScreen("todo", lazy("To do")),
)
TITLES = {screen.name: screen.title for screen in MAIN_SCREENS} | {
    "detail": lazy("Ticket"),
    "wallboard": lazy("Wallboard"),
}
"""The title of every screen, by its name."""


@dataclass(frozen=True, slots=True)
class Command:
    """Something that a key does, or the command palette, or both.

    `keys` are Textual's names of keys that do the same; among them are the characters that a
    Chinese input method sends. `key_label` is how the key is written on the screen, in English.
    `action` is a Textual action of the app or of the screen named by `where`; it is empty where a
    widget binds the key itself. Its hint is shown while all facts of `when` hold. `palette_label`
    is the command's name in the palette, which the wallboard has only `for_wallboard`. What
    `comes_first` is done before the next key is looked at.
    """

    action: str
    keys: str = ""
    key_label: str = ""
    label: LazyText | None = None
    where: str = ANYWHERE
    in_key_line: bool = True
    palette_label: LazyText | None = None
    needs_ticket: bool = False
    for_wallboard: bool = True
    when: tuple[KeyFact, ...] = ()
    comes_first: bool = False


def _go_to(number: int, screen: MainScreen) -> Command:
    return Command(
        f"go('{screen.name}')",
        keys=digit_keys(number),
        key_label=str(number),
        label=screen.title,
        palette_label=screen.title,
        for_wallboard=False,
        when=(KeyFact.NOT_SELECTING,),
    )


GO_TO_SCREEN = tuple(_go_to(n, screen) for n, screen in enumerate(MAIN_SCREENS, 1))
_QUIT = lazy("Quit")

_SELECTING = (KeyFact.SELECTING,)
_ON_TICKET = (KeyFact.ON_TICKET,)
_ON_ONE_TICKET = (KeyFact.ON_TICKET, KeyFact.NOT_SELECTING)

_SORT_NEXT = (
    "greater_than_sign,full_stop,fullwidth_greater_than_sign,fullwidth_full_stop,"
    "right_double_angle_bracket,right_angle_bracket,ideographic_full_stop"
)
_SORT_BEFORE = (
    "less_than_sign,comma,fullwidth_less_than_sign,fullwidth_comma,"
    "left_double_angle_bracket,left_angle_bracket"
)
"""The keys, shifted or not, of an English keyboard, and what a Chinese input method sends."""

KEYS = (
    Command("help", "f1,question_mark,fullwidth_question_mark", "F1", lazy("Help")),
    Command(
        "filter",
        "slash,fullwidth_solidus,ideographic_comma",
        "/",
        lazy("Filter"),
        comes_first=True,
    ),
    Command("go_to", "colon,fullwidth_colon,f7", ":", lazy("Go to"), in_key_line=False),
    Command(
        "clear_filter",
        "backspace",
        N_("Backspace"),
        lazy("Clear the filter"),
        "tickets",
        when=(KeyFact.FILTERED,),
    ),
    Command("sort(1)", _SORT_NEXT, "< >", lazy("Sort by another column"), "tickets", False),
    Command("sort(-1)", _SORT_BEFORE, "< >", lazy("Sort by another column"), "tickets", False),
    Command(
        "reverse",
        "equals_sign,fullwidth_equals_sign",
        "=",
        lazy("Turn the order round"),
        "tickets",
        False,
    ),
    Command("app.list_menu", "f6", "F6", lazy("List"), "tickets"),
    Command("", "up", N_("Up Down"), lazy("Move"), "tickets", in_key_line=False),
    Command("", "home", "Home", lazy("Head of the queue"), "tickets", in_key_line=False),
    Command("", "enter", "Enter", lazy("Details"), "tickets", when=_ON_TICKET),
    Command("", "enter", "Enter", lazy("Open the list of this"), "overview"),
    Command("", "tab", "Tab", lazy("Next part"), "overview"),
    Command("app.hand_over", "f12", "F12", lazy("Handover"), "overview"),
    Command("", "enter", "Enter", lazy("Its tickets"), "units"),
    Command(
        "other(-1)", "left", N_("Left Right"), lazy("Other calls"), "callbacks", in_key_line=False
    ),
    Command("other(1)", "right", N_("Left Right"), lazy("Other calls"), "callbacks"),
    Command("", "enter", "Enter", lazy("Details"), "callbacks", when=_ON_TICKET),
    Command("other(-1)", "left", N_("Left Right"), lazy("Other kinds"), "todo", in_key_line=False),
    Command("other(1)", "right", N_("Left Right"), lazy("Other kinds"), "todo"),
    Command("", "enter", "Enter", lazy("Details"), "todo", when=_ON_TICKET),
    Command("", "enter", "Enter", lazy("Mend, send again"), "failures"),
    Command("app.call", "f3", "F3", lazy("Call"), "callbacks", when=_ON_TICKET),
    *(
        Command("app.act_on_ticket", "f2", "F2", lazy("Act"), screen, when=_ON_ONE_TICKET)
        for screen in ("tickets", "detail", "callbacks", "failures", "todo")
    ),
    *(
        command
        for screen in ("tickets", "callbacks", "todo")
        for command in (
            Command("", "f2", "F2", lazy("Act on the selected"), screen, when=_SELECTING),
            Command("", "escape", "Esc", lazy("Select none"), screen, when=_SELECTING),
            Command("", "insert", "Insert", lazy("Select"), screen, when=_ON_TICKET),
            Command(
                "", "shift+down", N_("Shift+Down"), lazy("Select on"), screen, in_key_line=False
            ),
            Command(
                "app.select_all", "ctrl+a", "Ctrl+A", lazy("Select all"), screen, when=_ON_TICKET
            ),
        )
    ),
    *(
        command
        for screen in ("tickets", "detail", "callbacks", "todo")
        for command in (
            Command("app.claim", "f4", "F4", lazy("Claim"), screen, when=_ON_ONE_TICKET),
            *(
                Command(f"app.act('{key}')", key, key_label, label, screen, when=_ON_TICKET)
                for key, key_label, label, _types in QUICK_ACTIONS
            ),
        )
    ),
    *(
        Command("app.copy_number", "f8", "F8", lazy("Copy the number"), screen, in_key_line=False)
        for screen in ("tickets", "detail", "callbacks", "failures", "todo")
    ),
    Command("pause", "space", N_("Space"), lazy("Pause"), when=(KeyFact.READING,)),
    Command("", "space", N_("Space"), lazy("Go on reading"), when=(KeyFact.PAUSED,)),
    Command("read_now", "f5", "F5", lazy("Read now"), in_key_line=False),
    Command(
        "batch_results", "ctrl+r", "Ctrl+R", lazy("Results of the last batch"), in_key_line=False
    ),
    Command("back", "escape", "Esc", lazy("Back"), when=(KeyFact.NOT_SELECTING,)),
    Command("", "ctrl+p", "Ctrl+P", lazy("Commands"), in_key_line=False),
    Command("leave", "q,Q,ｑ,Ｑ", "Q", _QUIT),
    Command("quit", "ctrl+c,ctrl+q", "Ctrl+C", lazy("Quit at once"), in_key_line=False),
)
"""Commands with a key, beside the digits of the screens, in the order of the help screen."""

_PALETTE = (
    *GO_TO_SCREEN,
    Command("act_on_ticket", palette_label=lazy("Act on this ticket"), needs_ticket=True),
    Command("claim", palette_label=lazy("Claim this ticket, or let go of it"), needs_ticket=True),
    Command("hand_over", palette_label=lazy("Handover between shifts")),
    Command(
        "go_to",
        palette_label=lazy("Go to a ticket, a unit, a view or a screen (F7)"),
        for_wallboard=False,
    ),
    Command("copy_number", palette_label=lazy("Copy the ticket's number"), needs_ticket=True),
    Command("open_view", palette_label=lazy("Open a saved view"), for_wallboard=False),
    Command(
        "list_menu",
        palette_label=lazy("Sort, columns, views and export of the list"),
        for_wallboard=False,
    ),
    Command("select_all", palette_label=lazy("Select all tickets of the list"), needs_ticket=True),
    Command("select_similar", palette_label=lazy("Select similar tickets"), needs_ticket=True),
    Command("batch_results", palette_label=lazy("Results of the last batch")),
    Command(f"use_theme('{DARK.name}')", palette_label=lazy("Dark colours")),
    Command(f"use_theme('{LIGHT.name}')", palette_label=lazy("Light colours")),
    *(
        Command(f"refresh_every({n}.0)", palette_label=lazy("Read every {n} s", n=n))
        for n in _REFRESH_SECONDS
    ),
    Command("refresh_every(None)", palette_label=lazy("Read only when asked (F5)")),
    Command("use_bell(True)", palette_label=lazy("Bell on a new red card")),
    Command("use_bell(False)", palette_label=lazy("No bell on a new red card")),
    Command("quit", palette_label=_QUIT),
)


def bindings(where: str) -> list[BindingType]:
    """Return Textual's bindings for a screen, or for the app with ANYWHERE."""
    commands = (*KEYS, *GO_TO_SCREEN)
    return [
        Binding(command.keys, command.action, show=False, priority=command.comes_first)
        for command in commands
        if command.where == where and command.action
    ]


def keys_for(screen: str) -> list[Command]:
    """List the keys that work on a screen, the one that must never be cut off first: help.

    From the first screen nothing leads back.
    """
    screen_keys = [command for command in KEYS if command.where == screen]
    first, *rest = [command for command in KEYS if command.where == ANYWHERE]
    if screen == MAIN_SCREENS[0].name:
        rest = [command for command in rest if command.action != "back"]
    selecting = [command for command in screen_keys if command.when == _SELECTING]
    others = [command for command in screen_keys if command.when != _SELECTING]
    return [first, *GO_TO_SCREEN, *selecting, *others, *rest]


def palette(*, on_ticket: bool, on_wallboard: bool) -> Iterator[tuple[LazyText, str]]:
    """Yield the name and the action of every command of the palette that can be used now."""
    for command in _PALETTE:
        if command.palette_label is None:
            continue
        if (command.needs_ticket and not on_ticket) or (on_wallboard and not command.for_wallboard):
            continue
        yield command.palette_label, command.action
