"""Every key in one place: what it does, what it is called, and where it is told of."""

from dataclasses import dataclass

from textual.binding import Binding, BindingType

from models.i18n import LazyText, lazy


@dataclass(frozen=True, slots=True)
class KeyBinding:
    """A key or several that do the same; the twins are what a Chinese input method sends."""

    keys: str
    action: str
    shown: str
    label: LazyText
    where: str = "app"
    foot: bool = True


KEYS = (
    KeyBinding("f1,question_mark,fullwidth_question_mark", "help", "F1", lazy("Help")),
    KeyBinding("slash,ideographic_comma", "filter", "/", lazy("Filter"), "tickets"),
    KeyBinding("up", "none", "Up Down", lazy("Move"), "tickets", foot=False),
    KeyBinding("home", "none", "Home", lazy("Head of the queue"), "tickets", foot=False),
    KeyBinding("enter", "none", "Enter", lazy("Details"), "tickets"),
    KeyBinding("enter", "none", "Enter", lazy("Open the list of this"), "overview"),
    KeyBinding("tab", "none", "Tab", lazy("Next part"), "overview"),
    KeyBinding("enter", "none", "Enter", lazy("Its tickets"), "units"),
    KeyBinding("left", "other(-1)", "<", lazy("Other calls"), "callbacks", foot=False),
    KeyBinding("right", "other(1)", "< >", lazy("Other calls"), "callbacks"),
    KeyBinding("enter", "none", "Enter", lazy("Details"), "callbacks"),
    KeyBinding("enter", "none", "Enter", lazy("Mend, send again"), "failures"),
    *(
        KeyBinding("f2", "app.acts", "F2", lazy("Act"), where)
        for where in ("tickets", "detail", "callbacks", "failures")
    ),
    KeyBinding("space,ideographic_space", "pause", "Space", lazy("Pause")),
    KeyBinding("f5", "read_now", "F5", lazy("Read now"), foot=False),
    KeyBinding("escape", "back", "Esc", lazy("Back")),
    KeyBinding("ctrl+p", "none", "^P", lazy("Commands"), foot=False),
    KeyBinding("q,ctrl+c,ctrl+q", "quit", "Q", lazy("Quit")),
)


def bindings(where: str) -> list[BindingType]:
    """The bindings of these keys for an app or a screen."""
    return [
        Binding(key.keys, key.action, show=False)
        for key in KEYS
        if key.where == where and key.action != "none"
    ]


def keys_for(where: str) -> list[KeyBinding]:
    """The keys that work on a screen: help, which must never be cut off, its own, the rest."""
    own = [k for k in KEYS if k.where == where]
    first, *rest = [k for k in KEYS if k.where == "app"]
    return [first, *own, *rest]
