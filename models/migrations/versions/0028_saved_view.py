"""Operators save views of the list of tickets."""

import sqlalchemy as sa
from alembic import op

from models.tables.columns import BigId, Instant

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this shape."""
    op.create_table(
        "saved_view",
        sa.Column("id", BigId, nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_saved_view_who", "saved_view", ["who"])


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_index("ix_saved_view_who", "saved_view")
    op.drop_table("saved_view")
