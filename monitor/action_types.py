"""The types of what an operator can do: an action, and the questions that it asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from models.i18n import LazyText
from models.rules.text_templates import TEXT_FIELDS
from models.rules.vocabulary import MessageType


class ActionTicket(Protocol):
    """A ticket as far as an action needs it."""

    @property
    def number(self) -> str:
        """The ticket's number."""

    @property
    def status(self) -> str:
        """The ticket's status."""

    @property
    def unit(self) -> str | None:
        """The unit that has the ticket."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that an action asks for: a choice among codes, a unit, or a text."""

    name: str
    label: LazyText
    choices: Mapping[str, LazyText] | None = None
    is_unit: bool = False
    required: bool = True
    default: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done: its name, the type of its message, and what it asks for.

    `item` is the screening item that a decision answers.
    """

    label: LazyText
    type: MessageType
    questions: Sequence[Question] = ()
    item: str = ""

    @property
    def templated(self) -> str:
        """The name of the question whose answer may be a template of the policy."""
        return TEXT_FIELDS.get(self.type, "")
