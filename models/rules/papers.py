"""The parts that the regulation asks for in messages, and whether they say anything (decision 18).

A message can be read without them: its rule says that they are missing.
"""

from collections.abc import Mapping

from models.i18n import PrivateText
from models.rules.vocabulary import Disposal, MessageType, RevisitOutcome

RESULT_PARTS = ("facts", "measures", "remedies", "basis")
LONG_TERM_PARTS = ("progress", "next_steps")
"""The parts of a result, and those of one that takes long to be carried out (Regulation 3.7)."""

EXTENSION_PARTS = ("facts", "reasons", "progress", "next_steps")
"""The parts of a request for more time, beside that the claimant was told (3.5)."""

_LONG_RESULT_PARTS = (*RESULT_PARTS, *(f"long_term.{part}" for part in LONG_TERM_PARTS))
_WITHOUT_RESULT = (Disposal.ADMINISTRATIVE_CASE, Disposal.JUDICIAL_TRANSFER)
_TOLD = "claimant_told"
_PARTS: Mapping[MessageType, tuple[str, ...]] = {
    MessageType.UNIT_RETURNED: ("reason", "basis", "suggested_unit", "signed_by"),
    MessageType.DISPUTE_EVIDENCE: ("documents",),
    MessageType.PROGRESS_REPORTED: ("text",),
    MessageType.CONTACT_PROOF: ("evidence",),
    MessageType.EXTENSION_REQUESTED: (*EXTENSION_PARTS, _TOLD),
    MessageType.CLAIMANT_SUPPLEMENTED: ("text",),
    MessageType.TERM_RESTARTED: ("basis",),
}

_NOTHING = frozenset(("", "否", "无", "没有", "false", "no", "none", "null"))
_YES = frozenset(("是", "yes", "true"))


def says_something(value: object) -> bool:
    """Return whether a part says something: white space, `否`, `无` or lists of such do not."""
    match value:
        case str():
            return value.strip().lower() not in _NOTHING
        case PrivateText():
            return True
        case None | False:
            return False
        case list() | tuple():
            return any(says_something(part) for part in value)
        case Mapping():
            return any(says_something(part) for part in value.values())
        case _:
            return True


def says_yes(value: object) -> bool:
    """Return whether a part that is answered by yes or no says yes: true, `是` or `yes`."""
    return value is True or (isinstance(value, str) and value.strip().lower() in _YES)


def required_parts(kind: MessageType, message: Mapping[str, object]) -> tuple[str, ...]:
    """Return the parts that the regulation asks for in a message, as `long_term.progress`.

    Those of a result follow from its disposal, those of a revisit from its outcome: there are none
    while that is unknown.
    """
    match kind:
        case MessageType.RESULT_SUBMITTED:
            disposal = message.get("disposal")
            if disposal == Disposal.ORDINARY:
                is_long = message.get("long_term") is not None
                return _LONG_RESULT_PARTS if is_long else RESULT_PARTS
            return ("materials",) if disposal in _WITHOUT_RESULT else ()
        case MessageType.REVISIT_RECORDED:
            return ("rating",) if message.get("outcome") == RevisitOutcome.CORRECTED else ()
        case _:
            return _PARTS.get(kind, ())


def lacking_parts(kind: MessageType, message: Mapping[str, object]) -> tuple[str, ...]:
    """Return those of the required parts of a message that say nothing."""
    return tuple(part for part in required_parts(kind, message) if not _is_said(part, message))


def _is_said(part: str, message: Mapping[str, object]) -> bool:
    name, _dot, inner = part.partition(".")
    value = message.get(name)
    if inner:
        value = value.get(inner) if isinstance(value, Mapping) else None
    return says_yes(value) if part == _TOLD else says_something(value)
