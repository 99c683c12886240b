"""Lives by the second model whose messages come late (27)."""

from collections.abc import Iterable, Sequence

from tests.rules.plain_messages import Line
from tests.rules.second_model import SecondModel


def tell(ticket: str, messages: Iterable[Line]) -> SecondModel:
    """The life that messages lead to, in the order of `at`, then of arrival."""
    model = SecondModel(ticket)
    for message in sorted(messages, key=lambda m: (m.at, m.arrival)):
        model.take(message)
    return model


def tell_as_they_came(ticket: str, messages: Sequence[Line]) -> tuple[SecondModel, list[Line]]:
    """The life, and the late messages refused for what they would undo (27).

    `messages` in the order of arrival.
    """
    kept: list[Line] = []
    undoing: list[Line] = []
    for message in messages:
        late = any(message.at < earlier.at for earlier in kept)
        if late and undoes(tell(ticket, kept), tell(ticket, [*kept, message])):
            undoing.append(message)
        else:
            kept.append(message)
    return tell(ticket, kept), undoing


GIVEN = ("extension.granted", "rework.opened")
"""Answers that stand once they are given."""


def undoes(before: SecondModel, after: SecondModel) -> bool:
    """Return whether what people did, or an answer given to a unit, would no longer stand."""
    return any(
        after.answers[arrival] == "message.refused"
        or (answer in GIVEN and after.answers[arrival] != answer)
        for arrival, answer in before.answers.items()
        if answer != "message.refused"
    )
