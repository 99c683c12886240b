"""Operators claim tickets, and open proposals of the screening are found."""

import sqlalchemy as sa
from alembic import op

from models.tables.columns import BigId, Instant
from models.tables.ticket import SCREENED

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this shape."""
    op.create_table(
        "claim",
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"]),
        sa.PrimaryKeyConstraint("ticket_id"),
    )
    op.create_index(
        "event_screened",
        "event",
        ["ticket_id", "seq"],
        sqlite_where=sa.text(SCREENED),
        postgresql_where=sa.text(SCREENED),
    )


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_index("event_screened", "event")
    op.drop_table("claim")
