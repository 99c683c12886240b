"""Whether papers, evidence and other parts that are asked for say anything (decision 18)."""

from collections.abc import Mapping

RESULT_PARTS = ("facts", "measures", "remedies", "basis")
LONG_TERM_PARTS = ("progress", "next_steps")
"""The parts of a result, and those of one that takes long to be carried out (Regulation 3.7)."""

_NOTHING = frozenset(("", "否", "无", "没有", "false", "no", "none", "null"))
_YES = frozenset(("是", "yes", "true"))


def says_something(value: object) -> bool:
    """Return whether a part says something: white space, `否`, `无` or lists of such do not."""
    match value:
        case None | False:
            return False
        case str():
            return value.strip().lower() not in _NOTHING
        case Mapping():
            return any(says_something(part) for part in value.values())
        case list() | tuple():
            return any(says_something(part) for part in value)
        case _:
            return True


def says_yes(value: object) -> bool:
    """Return whether a part that is answered by yes or no says yes: true, `是` or `yes`."""
    return value is True or (isinstance(value, str) and value.strip().lower() in _YES)
