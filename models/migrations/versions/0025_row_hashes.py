"""Tickets have a digest of their row and may be set aside; protected tables have a head."""

import sqlalchemy as sa
from alembic import op

from models.tables.columns import Instant

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this shape."""
    op.create_table(
        "table_head",
        sa.Column("kind", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind"),
    )
    op.add_column("ticket", sa.Column("row_hash", sa.LargeBinary(), nullable=True))
    op.add_column("ticket", sa.Column("quarantined_at", Instant(), nullable=True))
    quarantined = sa.text("quarantined_at IS NOT NULL")
    op.create_index(
        "ticket_quarantined",
        "ticket",
        ["id"],
        sqlite_where=quarantined,
        postgresql_where=quarantined,
    )


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_index("ticket_quarantined", "ticket")
    op.drop_column("ticket", "quarantined_at")
    op.drop_column("ticket", "row_hash")
    op.drop_table("table_head")
