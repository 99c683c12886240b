"""Check the texts of a ticket: they are there unless they were erased, and where they belong."""

from collections.abc import Iterator, Sequence

import msgspec

from models.database import Session
from models.i18n import lazy
from models.queries.checked_rows import CheckedRow
from models.queries.row_check import Wrong
from models.rules.vocabulary import EventName
from models.security.chain import EventLine
from models.security.encryption import ForgedValue, KeyUnusable, TextsErased
from models.security.findings import Harm
from models.tables.core import TICKET


class _Erasure(msgspec.Struct):
    lines: list[int]


def check_texts(
    session: Session, ticket: CheckedRow, lines: Sequence[EventLine]
) -> Iterator[Wrong]:
    """Yield what is wrong with the texts of a ticket: they are gone though nobody erased them.

    An erasure exchanges the salt, and names the lines whose commitments are taken as given from
    then on. The texts that lines still have are checked with these.
    """
    erased = any(line.erased for line in lines)
    if ticket.claimant is not None:
        try:
            session.decrypt(TICKET.c.claimant, ticket)
        except TextsErased:
            erased = True
        except (ForgedValue, KeyUnusable):
            yield Harm.ALTERED, lazy("who its claimant is was written elsewhere or altered")
    if erased:
        yield Harm.DELETED, lazy("its texts cannot be read any more: their salt is gone")
    vouched = _vouched(lines)
    for line in lines:
        has_texts = line.private is not None or line.original is not None or line.erased
        if line.commitment is not None and not has_texts and line.seq not in vouched:
            yield Harm.DELETED, lazy("the texts of line {seq} are gone", seq=line.seq)


def _vouched(lines: Sequence[EventLine]) -> set[int]:
    """Return the lines that erasures before the end of the log name."""
    vouched = set[int]()
    for line in lines:
        if line.name == EventName.TEXTS_ERASED:
            try:
                vouched.update(msgspec.json.decode(line.data, type=_Erasure).lines)
            except (msgspec.DecodeError, msgspec.ValidationError):
                # the chain of the log says that the line was altered
                continue
    return vouched
