"""A batch: one action with many tickets, and what became of each of its messages."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from models.i18n import _

SelectAgain = Callable[[Collection[str]], bool]


@dataclass
class Batch:
    """The action's name, the tickets whose message was accepted, and why others were refused.

    `select_again` selects the refused tickets in their list where it can, and returns whether it
    did.
    """

    name: str
    total: int
    accepted: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    select_again: SelectAgain | None = None

    @property
    def is_decided(self) -> bool:
        """Return whether every message has its answer."""
        return len(self.accepted) + len(self.refused) >= self.total

    def summary(self) -> str:
        """Say how many were accepted and refused, and how many wait for their answer."""
        text = _("{what}: {accepted} accepted, {refused} refused").format(
            what=self.name, accepted=len(self.accepted), refused=len(self.refused)
        )
        if waiting := self.total - len(self.accepted) - len(self.refused):
            text += _(", {n} waiting").format(n=waiting)
        return text
