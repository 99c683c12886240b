"""The types of what an operator can do: an action, and the questions that it asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from models.i18n import LazyText
from models.rules.messages import required_fields
from models.rules.papers import lacking_parts
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
    """Something that an action asks for: a choice among codes, a unit, or a text.

    `name` is the field of the message. What must be answered the rules know (`Action.required`);
    `needed` is what must be besides, or the action would do nothing, and `needed_with` what must
    be with this answer to another question. `default` is what the ticket or habit answers. Where a
    choice has none it decides, or states what only whoever answers knows: nothing is chosen at
    first.
    """

    name: str
    label: LazyText
    choices: Mapping[str, LazyText] | None = None
    is_unit: bool = False
    needed: bool = False
    needed_with: tuple[str, str] | None = None
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

    def required(self, answers: Mapping[str, str]) -> set[str]:
        """Return the names of the questions that must be answered, with these answers to others."""
        chosen = answers.items()
        needed = {
            question.name
            for question in self.questions
            if question.needed or (question.needed_with and question.needed_with in chosen)
        }
        return needed | {*required_fields(self.type, answers)}

    def unanswered(self, answers: Mapping[str, str]) -> list[Question]:
        """List the questions that must be answered and whose answers say nothing."""
        lacking = {*lacking_parts(self.type, answers)}
        lacking |= {name for name in self.required(answers) if not answers.get(name)}
        return [question for question in self.questions if question.name in lacking]

    @property
    def templated(self) -> str:
        """The name of the question whose answer may be a template of the policy."""
        return TEXT_FIELDS.get(self.type, "")
