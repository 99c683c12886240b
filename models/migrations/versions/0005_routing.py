"""Models of past dispatches, and what letters have in common."""

import sqlalchemy as sa
from alembic import op

import models.tables.columns

revision = "0005"
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
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "matter_band",
        sa.Column("ticket_id", whole, autoincrement=False, nullable=False),
        sa.Column("band", sa.Integer(), nullable=False),
        sa.Column("hash", whole, nullable=True),
        sa.PrimaryKeyConstraint("ticket_id", "band"),
    )
    with op.batch_alter_table("matter_band", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_matter_band_hash"), ["hash"], unique=False)


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("matter_band", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_matter_band_hash"))

    op.drop_table("matter_band")
    op.drop_table("routing_model")
