"""Notices know their channel before they are sent; channels share how they fare."""

import sqlalchemy as sa
from alembic import op

import models.tables.columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_GATHERING = sa.text("state = 'queued' AND channel IS NOT NULL")


def upgrade() -> None:
    """Bring the store to this shape."""
    op.create_table(
        "channel_state",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("allowance", sa.Float(), nullable=False),
        sa.Column("counted_at", models.tables.columns.Instant(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rest_until", models.tables.columns.Instant(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("held_until", models.tables.columns.Instant(timezone=True), nullable=True)
        )
        batch_op.add_column(sa.Column("parcel", sa.String(), nullable=True))
        batch_op.drop_constraint("notice_once", type_="unique")
        batch_op.create_unique_constraint(
            "notice_once", ["ticket_id", "seq", "recipient", "channel"]
        )
        batch_op.create_index(
            "notice_gathering",
            ["recipient", "channel"],
            sqlite_where=_GATHERING,
            postgresql_where=_GATHERING,
        )


def downgrade() -> None:
    """Bring the store back to the shape before."""
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_index("notice_gathering")
        batch_op.drop_constraint("notice_once", type_="unique")
        batch_op.create_unique_constraint("notice_once", ["ticket_id", "seq", "recipient"])
        batch_op.drop_column("parcel")
        batch_op.drop_column("held_until")
    op.drop_table("channel_state")
