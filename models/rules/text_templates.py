"""Texts that operators use again and again (常用语), kept in the policy."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from models.i18n import _
from models.rules.toml_files import Problem, TomlModel, unknown_value
from models.rules.vocabulary import MessageType

TEXT_FIELDS: Mapping[MessageType, str] = {
    MessageType.UNIT_URGED: "text",
    MessageType.NOTE_ADDED: "text",
    MessageType.PROGRESS_REPORTED: "text",
    MessageType.CONTACT_ATTEMPTED: "evidence",
    MessageType.TICKET_ASSIGNED: "why",
    MessageType.TICKET_REASSIGNED: "why",
    MessageType.TICKET_AMENDED: "why",
    MessageType.RESULT_REVIEWED: "why",
    MessageType.REVISIT_RECORDED: "notes",
    MessageType.TERM_RESTARTED: "basis",
}
"""The field of each message that a template fills in; the others have none."""


def _messages(value: object) -> object:
    messages = value if isinstance(value, list | tuple) else ()
    if unknown := [kind for kind in messages if kind not in TEXT_FIELDS]:
        raise ValueError(unknown_value(str(unknown[0]), TEXT_FIELDS))
    return value


class TextTemplate(TomlModel):
    """A text by its name, and the messages whose form offers it."""

    name: str = Field(min_length=1, max_length=30)
    messages: Annotated[tuple[MessageType, ...], Field(min_length=1), BeforeValidator(_messages)]
    text: str = Field(min_length=1, max_length=500)


def templates_for(templates: Sequence[TextTemplate], kind: MessageType) -> dict[str, str]:
    """Return the texts for a type of message by their names."""
    return {template.name: template.text for template in templates if kind in template.messages}


def template_problems(templates: Sequence[TextTemplate]) -> Iterator[Problem]:
    """Yield the templates whose name an earlier one has, and those that are no line of text."""
    names = [template.name for template in templates]
    for index, template in enumerate(templates):
        if template.name in names[:index]:
            yield ("templates", index, "name"), _("another template has this name")
        for key, text in (("name", template.name), ("text", template.text)):
            if not text.strip() or not text.isprintable():
                yield ("templates", index, key), _("write one line of text")
