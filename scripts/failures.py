"""Refused messages and given-up notices as commands print them.

`m12` names a refused message, `n7` a notice that no channel took.
"""

from typing import Any

from models.queries.failures import MESSAGE, Failure
from models.rules.calendar import SHANGHAI
from models.rules.text import one_line
from models.rules.vocabulary import MessageType, NoticeKind, label


def failure_as_dict(failure: Failure) -> dict[str, Any]:
    """A refused message or a notice as `--json` prints it."""
    return {
        "id": failure_name(failure),
        "ticket": failure.ticket,
        "type": failure.what,
        "source": failure.source,
        "at": failure.at.astimezone(SHANGHAI),
        "why": failure.why,
    }


def failure_line(failure: Failure) -> str:
    """A refused message or a notice for people: its name, ticket, type, source and reason."""
    codes = MessageType if failure.sort == MESSAGE else NoticeKind
    what = label(codes, failure.what)
    parts = (failure_name(failure), failure.ticket, what, failure.source, failure.why)
    return one_line("  ".join(parts))


def failure_name(failure: Failure) -> str:
    """The name by which `hotline resend` knows it."""
    return f"{'m' if failure.sort == MESSAGE else 'n'}{failure.id}"
