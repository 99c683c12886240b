"""A timekeeper reports after how long it rings again, so that others need not guess it."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this shape."""
    op.add_column("process", sa.Column("patience_ms", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_column("process", "patience_ms")
