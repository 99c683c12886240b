"""The bulletin finds a month's tickets and events by index."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COMPLETED = sa.text("completed_at IS NOT NULL")
_REPORTED = sa.text(
    "name IN ('ticket.returned', 'rework.opened', 'extension.granted', "
    "'conduct.recorded', 'conduct.proposed')"
)


def upgrade() -> None:
    """Bring the store to this shape."""
    op.create_index("ticket_received", "ticket", ["received_at"])
    op.create_index(
        "ticket_completed",
        "ticket",
        ["completed_at"],
        sqlite_where=_COMPLETED,
        postgresql_where=_COMPLETED,
    )
    op.create_index(
        "event_reported", "event", ["moment"], sqlite_where=_REPORTED, postgresql_where=_REPORTED
    )


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_index("event_reported", table_name="event")
    op.drop_index("ticket_completed", table_name="ticket")
    op.drop_index("ticket_received", table_name="ticket")
