"""Models of past dispatches."""

import sqlalchemy as sa
from alembic import op

import models.tables.columns

revision = "0007"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this shape."""
    op.create_table(
        "routing_model",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("in_use", sa.Boolean(), nullable=False),
        sa.Column("trained_at", models.tables.columns.Instant(timezone=True), nullable=False),
        sa.Column("learned_from", sa.String(), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("labels", models.tables.columns.JsonText(), nullable=False),
        sa.Column("body", models.tables.columns.SealedColumn(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("routing_model")
