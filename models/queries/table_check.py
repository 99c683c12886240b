"""Check the protected tables against their newest heads: policies, calendar, units, and others."""

from collections.abc import Iterator, Mapping

from models.database import Session
from models.i18n import LazyText, lazy
from models.queries.checked_rows import CheckedRow, read_checked
from models.queries.table_heads import TABLES, row_digest, row_key
from models.security.anchored_heads import AnchoredHeads
from models.security.encryption import ForgedValue, KeyUnusable
from models.security.findings import Finding, Harm
from models.security.heads import HeadKind

PLACES: Mapping[HeadKind, LazyText] = {
    HeadKind.POLICY: lazy("the policies"),
    HeadKind.DAY: lazy("the days of the calendar"),
    HeadKind.YEAR: lazy("the years of the calendar"),
    HeadKind.UNIT: lazy("the units"),
    HeadKind.FORMER_NAME: lazy("the former names of units"),
    HeadKind.TERRITORY: lazy("the words of the territory"),
    HeadKind.EDITION: lazy("the published bulletins"),
    HeadKind.TOKEN: lazy("the tokens"),
    HeadKind.ROLE: lazy("the roles"),
    HeadKind.TOPIC: lazy("the topics"),
}


def check_tables(session: Session, heads: AnchoredHeads) -> Iterator[Finding]:
    """Yield what is wrong with the rows of the protected tables."""
    for kind in TABLES:
        place = PLACES[kind]
        known = dict(heads.tables.get(kind, {}))
        for row in _rows(session, kind):
            if not set(TABLES[kind].primary_key.columns.keys()).isdisjoint(row.unreadable):
                # what it was is said to be gone
                yield Finding(Harm.ALTERED, place, lazy("the key of a row cannot be read"))
                continue
            key = row_key(kind, row)
            yield from _check(session, kind, row, key, known.pop(key, None))
        for key in known:
            yield Finding(Harm.DELETED, place, lazy("{key} is gone", key=key))


def _check(
    session: Session, kind: HeadKind, row: CheckedRow, key: int | str, known: bytes | None
) -> Iterator[Finding]:
    place = PLACES[kind]
    if row.unreadable:
        why = lazy("{columns} of {key} cannot be read", columns=", ".join(row.unreadable), key=key)
        yield Finding(Harm.ALTERED, place, why)
        return
    try:
        digest = row_digest(session, kind, row)
    except (ForgedValue, KeyUnusable):
        why = lazy("what is encrypted in {key} is not as it was written", key=key)
        yield Finding(Harm.ALTERED, place, why)
        return
    if known is None:
        yield Finding(Harm.ADDED, place, lazy("{key} is in no record of changes", key=key))
    elif digest != known:
        yield Finding(Harm.ALTERED, place, lazy("{key} is not as it was", key=key))


def _rows(session: Session, kind: HeadKind) -> Iterator[CheckedRow]:
    table = TABLES[kind]
    return read_checked(
        session,
        list(table.c),
        lambda query: query.order_by(*table.primary_key.columns),
    )
