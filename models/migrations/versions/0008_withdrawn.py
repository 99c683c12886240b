"""The bulletin asks by index what was taken back, and counts tickets without reading their rows."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COMPLETED = "completed_at IS NOT NULL"
_WITHDRAWN = "name IN ('alert.withdrawn', 'decision.withdrawn')"


def upgrade() -> None:
    """Bring the store to this shape."""
    _index("event_withdrawn", "event", ["ticket_id", "seq"], _WITHDRAWN)
    _drop("ticket_received", "ticket_completed")
    op.create_index("ticket_received", "ticket", ["received_at", "unit"])
    _index("ticket_completed", "ticket", ["completed_at", "unit", "rating", "id"], _COMPLETED)


def downgrade() -> None:
    """Bring the store back to the shape before."""
    _drop("ticket_received", "ticket_completed")
    op.create_index("ticket_received", "ticket", ["received_at"])
    _index("ticket_completed", "ticket", ["completed_at"], _COMPLETED)
    op.drop_index("event_withdrawn", table_name="event")


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    which = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=which, postgresql_where=which)


def _drop(*names: str) -> None:
    for name in names:
        op.drop_index(name, table_name="ticket")
