"""Texts of people are kept encrypted only, and the log has commitments to them."""

import sqlalchemy as sa
from alembic import op

from models.tables.columns import JsonText

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this shape."""
    op.add_column("inbox", sa.Column("outline", JsonText(), nullable=True))
    op.add_column("inbox", sa.Column("outline_hash", sa.LargeBinary(), nullable=True))
    op.add_column("event", sa.Column("commitment", sa.LargeBinary(), nullable=True))
    op.add_column("event", sa.Column("original", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_column("event", "original")
    op.drop_column("event", "commitment")
    op.drop_column("inbox", "outline_hash")
    op.drop_column("inbox", "outline")
