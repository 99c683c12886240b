"""What the command palette offers: the screens, and what has no key."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand

from models.i18n import _, render
from monitor.keys import KEYS
from monitor.screens.registry import SCREENS
from monitor.theme import DARK, LIGHT

if TYPE_CHECKING:
    from monitor.app import MonitorApp

_INTERVALS = (1, 2, 5, 15)


def commands(app: "MonitorApp", *, on_ticket: bool) -> Iterator[SystemCommand]:
    """Every command by its name; `on_ticket` says that there is one to act on."""
    for name, do in _commands(app, on_ticket=on_ticket):
        yield SystemCommand(name, "", do)


def _commands(app: "MonitorApp", *, on_ticket: bool) -> Iterator[tuple[str, Callable[[], object]]]:
    for entry in () if app.on_wall else SCREENS:
        yield render(entry.title), partial(app.action_go, entry.name)
    if on_ticket:
        yield _("Act on this ticket"), app.action_acts
    for theme, name in ((DARK, _("Dark colours")), (LIGHT, _("Light colours"))):
        yield name, partial(setattr, app, "theme", theme.name)
    for seconds in _INTERVALS:
        yield _("Read every {n} s").format(n=seconds), partial(app.refresh_every, float(seconds))
    yield _("Read only when asked (F5)"), partial(app.refresh_every, None)
    yield _("Bell on a new red card: on or off"), app.switch_bell
    yield render(KEYS[-1].label), app.action_quit
