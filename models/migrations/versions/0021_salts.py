"""Tickets have salts, by which the keys of their texts are derived."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this shape."""
    op.create_table(
        "ticket_salt",
        sa.Column("ticket", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("ticket"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_table("ticket_salt")
