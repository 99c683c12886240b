"""Findings of the verification: what is not as it was written, and how."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from models.i18n import LazyText, lazy


class Harm(StrEnum):
    """The kind of harm that was done."""

    DELETED = "deleted"
    SWAPPED = "swapped"
    ALTERED = "altered"
    ADDED = "added"
    SET_BACK = "set back"


HARMS: Mapping[Harm, LazyText] = {
    Harm.DELETED: lazy("deleted"),
    Harm.SWAPPED: lazy("swapped"),
    Harm.ALTERED: lazy("altered"),
    Harm.ADDED: lazy("added"),
    Harm.SET_BACK: lazy("set back"),
}
"""Each harm as people read it."""


class Finding(NamedTuple):
    """One finding: the place and what is wrong there.

    `ticket` is set where the place is a ticket; `seq` is the line, the number or the position.
    """

    harm: Harm
    place: LazyText | str
    why: LazyText
    ticket: str | None = None
    seq: int = 0
