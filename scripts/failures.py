"""Refused messages and given-up notices as commands print them.

`m12` names a refused message, `n7` a notice that no channel took.
"""

from collections.abc import Sequence
from typing import Any

from models.i18n import _
from models.queries.failures import MESSAGE, Failure
from models.rules.calendar import SHANGHAI
from models.rules.text import one_line
from models.rules.vocabulary import MessageType, NoticeKind, label
from scripts.tables import Table


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


def failure_table(failures: Sequence[Failure], raw: Sequence[str] = ()) -> Table:
    """Refused messages and notices for people; `raw` is what was sent of each, in clear."""
    heads = (_("id"), _("ticket"), _("type"), _("source"), _("reason"))
    rows = list(map(_parts, failures))
    if any(raw):
        with_raw = [(*parts, sent) for parts, sent in zip(rows, raw, strict=True)]
        return Table((*heads, _("as it was sent")), with_raw, whole=(4, 5))
    return Table(heads, rows, whole=(4,))


def failure_line(failure: Failure) -> str:
    """A refused message or a notice for people on one line."""
    return one_line("  ".join(_parts(failure)))


def _parts(failure: Failure) -> tuple[str, ...]:
    codes = MessageType if failure.sort == MESSAGE else NoticeKind
    what = label(codes, failure.what)
    return failure_name(failure), failure.ticket, what, failure.source, failure.why


def failure_name(failure: Failure) -> str:
    """The name by which `hotline resend` knows it."""
    return f"{'m' if failure.sort == MESSAGE else 'n'}{failure.id}"
