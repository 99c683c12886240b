"""The feed of changes: what each transaction moved, in the order of commit.

A transaction adds a row when it holds the locks of all that it moved. Its position is given when
it is committed and can be seen: so no reader that keeps a position ever skips one that commits
late, none waits for one that is still open, and writers share no row.
"""

from collections.abc import Sequence

from sqlalchemy import func, select, text

from models.database import Session, Store
from models.queries.table_heads import table_heads
from models.rulebook import hold_rulebook
from models.security.heads import ChangedHead, HeadKind, pack_heads, table_head
from models.tables.core import ANCHOR, CHANGE, TABLE_HEAD

_SETTLING = 5_412_346
"""The key of PostgreSQL's advisory lock on the positions."""


def record_changes(session: Session, heads: Sequence[ChangedHead]) -> None:
    """Add what this transaction has moved; call it when the rows are locked or written."""
    if heads:
        mark = "?" if session.dialect == "sqlite" else "%s"
        statement = f"INSERT INTO change (heads) VALUES ({mark})"
        session.connection().exec_driver_sql(statement, (pack_heads(heads),))


def record_table(session: Session, kind: HeadKind) -> None:
    """Add what a protected table holds now that this transaction has changed it."""
    if kind != HeadKind.EDITION:
        # of two that change it at once, the later one must list what both have written; who
        # publishes a bulletin has locked its table
        hold_rulebook(session, to_change=True)
    rows = list(table_heads(session, kind))
    seq = (session.scalar(select(func.max(CHANGE.c.id))) or 0) + 1
    head = table_head(session.cipher, kind, seq, rows)
    record_changes(session, [head, *rows])
    row = {"kind": int(kind), "seq": seq, "digest": head.digest}
    insert = session.insert(TABLE_HEAD).values(row)
    session.execute(insert.on_conflict_do_update(index_elements=["kind"], set_=row))


def hold_positions(session: Session, *, wait: bool = False) -> bool:
    """Let nobody else give positions before this transaction ends.

    Returns False where somebody does and this one is not to `wait`.
    """
    if session.dialect == "sqlite":
        return True
    if wait:
        session.execute(select(func.pg_advisory_xact_lock(_SETTLING)))
        return True
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_SETTLING))))


def any_unsettled(session: Session) -> bool:
    """Return whether anything committed has no position yet; cheap to ask."""
    waiting = select(CHANGE.c.id).where(CHANGE.c.position.is_(None)).limit(1)
    return session.scalar(waiting) is not None


def settle_waiting(store: Store) -> None:
    """Give what was committed its positions now, which anchoring does only every minute."""
    with store.reading() as session:
        if not any_unsettled(session):
            return
    with store.writing() as session:
        if hold_positions(session):
            settle(session)


def settle(session: Session) -> None:
    """Give what has been committed its positions; `hold_positions` comes first.

    Of two transactions that moved one log, the later one locked it, and so added its row, after the
    earlier one had been committed. So who sees both orders them by id, and nobody sees the later
    one alone.
    """
    last = session.scalar(select(func.max(CHANGE.c.position))) or 0
    anchored = session.scalar(select(func.max(ANCHOR.c.through))) or 0
    session.execute(
        text(
            "UPDATE change SET position = :last + waiting.place FROM ("
            "SELECT id, row_number() OVER (ORDER BY id) AS place FROM change "
            "WHERE position IS NULL) AS waiting WHERE waiting.id = change.id"
        ),
        {"last": max(last, anchored)},
    )
