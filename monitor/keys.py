"""Every key in one place: what it does, what it is called, and where it is told of."""

from dataclasses import dataclass

from textual.binding import Binding, BindingType

from models.labels import Said, say


@dataclass(frozen=True, slots=True)
class Key:
    """A key or several that do the same; the twins are what a Chinese input method sends."""

    keys: str
    action: str
    shown: str
    label: Said
    where: str = "app"
    foot: bool = True


KEYS = (
    Key("f1,question_mark,fullwidth_question_mark", "help", "F1", say("Help")),
    Key("slash,ideographic_comma", "filter", "/", say("Filter"), "tickets"),
    Key("up", "none", "Up Down", say("Move"), "tickets", foot=False),
    Key("home", "none", "Home", say("Head of the queue"), "tickets", foot=False),
    Key("enter", "none", "Enter", say("Details"), "tickets"),
    Key("enter", "none", "Enter", say("Open the list of this"), "overview"),
    Key("tab", "none", "Tab", say("Next part"), "overview"),
    Key("enter", "none", "Enter", say("Its tickets"), "units"),
    Key("left", "other(-1)", "<", say("Other calls"), "callbacks", foot=False),
    Key("right", "other(1)", "< >", say("Other calls"), "callbacks"),
    Key("enter", "none", "Enter", say("Details"), "callbacks"),
    Key("enter", "none", "Enter", say("Mend, send again"), "failures"),
    *(
        Key("f2", "app.acts", "F2", say("Act"), where)
        for where in ("tickets", "detail", "callbacks", "failures")
    ),
    Key("space,ideographic_space", "pause", "Space", say("Pause")),
    Key("f5", "read_now", "F5", say("Read now"), foot=False),
    Key("escape", "back", "Esc", say("Back")),
    Key("ctrl+p", "none", "^P", say("Commands"), foot=False),
    Key("q,ctrl+c,ctrl+q", "quit", "Q", say("Quit")),
)


def bindings(where: str) -> list[BindingType]:
    """The bindings of these keys for an app or a screen."""
    return [
        Binding(key.keys, key.action, show=False)
        for key in KEYS
        if key.where == where and key.action != "none"
    ]


def told_on(where: str) -> list[Key]:
    """The keys that work on a screen: help, which must never be cut off, its own, the rest."""
    own = [k for k in KEYS if k.where == where]
    first, *rest = [k for k in KEYS if k.where == "app"]
    return [first, *own, *rest]
