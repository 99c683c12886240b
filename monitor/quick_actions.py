"""The frequent actions, each with a key of its own that works without a menu."""

from typing import NamedTuple

from models.i18n import LazyText, lazy
from models.rules.vocabulary import MessageType


class QuickAction(NamedTuple):
    """A key, and the types of message that it leads to: the first that the ticket allows."""

    key: str
    key_label: str
    label: LazyText
    types: tuple[MessageType, ...]


QUICK_ACTIONS = (
    QuickAction("f9", "F9", lazy("Urge"), (MessageType.UNIT_URGED,)),
    QuickAction("ctrl+l", "Ctrl+L", lazy("Record contact"), (MessageType.CONTACT_ATTEMPTED,)),
    QuickAction(
        "ctrl+u",
        "Ctrl+U",
        lazy("Choose unit"),
        (MessageType.TICKET_ASSIGNED, MessageType.TICKET_REASSIGNED),
    ),
    QuickAction("f12", "F12", lazy("Note"), (MessageType.NOTE_ADDED,)),
)


def with_key(name: str, kind: MessageType) -> str:
    """Return the name of an action in a menu, with its key behind it if it has one."""
    key = next((quick.key_label for quick in QUICK_ACTIONS if kind in quick.types), "")
    return f"{name}  {key}".rstrip()
