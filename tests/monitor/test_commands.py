"""The table of commands, and when the loop reads and the alarm rings."""

from datetime import timedelta

import pytest

from monitor.app import MonitorApp
from monitor.card_alarm import CardAlarm
from monitor.commands import ANYWHERE, GO_TO_SCREEN, KEYS, MAIN_SCREENS, Command, palette
from monitor.screens.base import MonitorScreen
from tests.monitor.driving import typed_keys
from tests.monitor.scene import NOW

_BASES: list[type[MonitorScreen]] = [MonitorScreen, *MonitorScreen.__subclasses__()]
SCREENS = {s.NAME: s for base in _BASES for s in base.__subclasses__() if s.NAME}


def _method(action: str) -> str:
    """Return the name of the method that an action of the table calls."""
    return "action_" + action.partition("(")[0].removeprefix("app.")


@pytest.mark.parametrize("command", [c for c in (*KEYS, *GO_TO_SCREEN) if c.action])
def test_every_key_has_an_action(command: Command) -> None:
    """On the app, or on the screen that the key belongs to."""
    is_apps = command.where == ANYWHERE or command.action.startswith("app.")
    owner = MonitorApp if is_apps else SCREENS[command.where]
    assert hasattr(owner, _method(command.action))


def test_every_command_of_the_palette_has_an_action_of_the_app() -> None:
    """The wallboard offers no screens, and an action on a ticket needs one."""
    offered = list(palette(on_ticket=True, on_wallboard=False))
    assert all(hasattr(MonitorApp, _method(action)) for _name, action in offered)
    names = {action for _name, action in palette(on_ticket=False, on_wallboard=True)}
    screens = {f"go('{screen.name}')" for screen in MAIN_SCREENS}
    of_tickets = {"act_on_ticket", "claim", "copy_number", "list_menu", "go_to", "open_view"}
    of_tickets |= {"select_all", "select_similar"}
    assert {action for _name, action in offered} - names == screens | of_tickets


@pytest.mark.parametrize("screen", sorted(SCREENS))
def test_a_key_means_one_thing_on_a_screen(screen: str) -> None:
    """Keys with an action, without the keys that a widget binds for itself."""
    commands = [c for c in (*KEYS, *GO_TO_SCREEN) if c.where in (screen, ANYWHERE) and c.action]
    keys = [key for command in commands for key in command.keys.split(",")]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("character", "1234567q?/:<>=.,")
def test_a_key_works_in_full_width_too(character: str) -> None:
    """What a terminal sends for the wide twin does what the character itself does."""
    wide = chr(ord(character) + 0xFEE0)
    (key,), (wide_key,) = typed_keys(character), typed_keys(wide)
    commands = [c for c in (*KEYS, *GO_TO_SCREEN) if key.key in c.keys.split(",")]
    assert commands
    assert all(wide_key.key in command.keys.split(",") for command in commands)


@pytest.mark.parametrize(
    ("character", "sent"), [("/", "、"), ("<", "《"), ("<", "〈"), (">", "》"), (".", "。")]
)
def test_a_key_works_by_what_chinese_input_sends_for_it(character: str, sent: str) -> None:
    """It puts marks of its own in the place of some."""
    (key,), (sent_key,) = typed_keys(character), typed_keys(sent)
    commands = [c for c in KEYS if key.key in c.keys.split(",")]
    assert commands
    assert all(sent_key.key in command.keys.split(",") for command in commands)


def test_the_bell_rings_once_for_each_new_red_card() -> None:
    """Not for those that are there at the start, not for yellow ones, and not while it is off."""
    alarm, later = CardAlarm(enabled=True), NOW + timedelta(days=1)
    assert not alarm.has_new(NOW)
    assert not alarm.has_new(NOW)
    assert alarm.has_new(later)
    assert not alarm.has_new(later)
    assert not alarm.has_new(NOW), "the newest one was answered"
    alarm.enabled = False
    assert not alarm.has_new(later + timedelta(days=1))
    alarm.enabled = True
    assert not alarm.has_new(later + timedelta(days=1))


def test_it_rings_for_the_first_red_card_of_all() -> None:
    """Where there was none at the start."""
    alarm = CardAlarm(enabled=True)
    assert not alarm.has_new(None)
    assert alarm.has_new(NOW)
