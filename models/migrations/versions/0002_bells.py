"""Move bells to a narrow table of their own; wide rows are updated in their place."""

import sqlalchemy as sa
from alembic import op

import models.tables.columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_FILL = {"ticket": 60, "inbox": 60, "notice": 60, "bell": 50}
"""Per cent of a page that is filled at first, so that PostgreSQL finds room beside a row when it
changes and need not touch the indexes."""


def upgrade() -> None:
    """Bring the store to this shape."""
    big_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    instant = models.tables.columns.Instant(timezone=True)
    op.create_table(
        "bell",
        sa.Column("row_id", big_id, autoincrement=False, nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("ring_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("row_id", "queue"),
    )
    op.create_index("bell_ring", "bell", ["queue", "ring_at"])
    op.execute(
        "INSERT INTO bell (row_id, queue, due_at, ring_at) "
        "SELECT id, queue, ring_at, ring_at FROM inbox WHERE state = 'waiting' "
        "UNION ALL "
        "SELECT id, 'escalation', ring_at, ring_at FROM ticket WHERE ring_at IS NOT NULL"
    )
    op.drop_index("inbox_waiting", table_name="inbox")
    op.drop_column("inbox", "ring_at")
    op.drop_index("inbox_refused", table_name="inbox")
    _index_refused("reason IS NOT NULL")
    op.drop_index("ticket_ring", table_name="ticket")
    op.drop_column("ticket", "ring_at")
    if op.get_bind().dialect.name == "postgresql":
        for table, per_cent in _FILL.items():
            op.execute(f"ALTER TABLE {table} SET (fillfactor = {per_cent})")
        op.execute(
            "ALTER TABLE bell SET (autovacuum_vacuum_scale_factor = 0.02, "
            "autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0)"
        )


def downgrade() -> None:
    """Take it back."""
    instant = models.tables.columns.Instant(timezone=True)
    for table in ("inbox", "ticket"):
        op.add_column(table, sa.Column("ring_at", instant, nullable=True))
    op.execute(
        "UPDATE inbox SET ring_at = coalesce((SELECT ring_at FROM bell WHERE row_id = inbox.id "
        "AND bell.queue = inbox.queue), at)"
    )
    op.execute(
        "UPDATE ticket SET ring_at = (SELECT ring_at FROM bell WHERE row_id = ticket.id "
        "AND bell.queue = 'escalation')"
    )
    op.drop_index("inbox_refused", table_name="inbox")
    _index_refused("state = 'refused'")
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "inbox_waiting", "inbox", ["ring_at"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index("ticket_ring", "ticket", ["ring_at"])
    op.drop_table("bell")
    if op.get_bind().dialect.name == "postgresql":
        for table in ("ticket", "inbox", "notice"):
            op.execute(f"ALTER TABLE {table} RESET (fillfactor)")


def _index_refused(where: str) -> None:
    which = sa.text(where)
    op.create_index("inbox_refused", "inbox", ["id"], sqlite_where=which, postgresql_where=which)
