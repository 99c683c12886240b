"""Check the protected tables against their newest heads: policies, calendar, units, and others."""

from collections.abc import Iterator, Mapping

from models.database import Session
from models.i18n import LazyText, lazy
from models.queries.table_heads import TABLES, table_heads
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
}


def check_tables(session: Session, heads: AnchoredHeads) -> Iterator[Finding]:
    """Yield what is wrong with the rows of the protected tables."""
    for kind in TABLES:
        place = PLACES[kind]
        known = dict(heads.tables.get(kind, {}))
        try:
            rows = list(table_heads(session, kind))
        except (ForgedValue, KeyUnusable, ValueError):
            why = lazy("what is written there cannot be read any more")
            yield Finding(Harm.ALTERED, place, why)
            continue
        for row in rows:
            digest = known.pop(row.key, None)
            if digest is None:
                why = lazy("{key} is in no record of changes", key=row.key)
                yield Finding(Harm.ADDED, place, why)
            elif digest != row.digest:
                yield Finding(Harm.ALTERED, place, lazy("{key} is not as it was", key=row.key))
        for key in known:
            yield Finding(Harm.DELETED, place, lazy("{key} is gone", key=key))
