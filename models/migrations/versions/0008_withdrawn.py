"""The bulletin asks of each event whether it has been taken back, by index."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None

_WITHDRAWN = sa.text("name IN ('alert.withdrawn', 'decision.withdrawn')")


def upgrade() -> None:
    """Bring the store to this shape."""
    op.create_index(
        "event_withdrawn",
        "event",
        ["ticket_id", "seq"],
        sqlite_where=_WITHDRAWN,
        postgresql_where=_WITHDRAWN,
    )


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_index("event_withdrawn", table_name="event")
