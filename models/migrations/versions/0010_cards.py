"""The yellow and red cards of the last days are found without the pre-warnings among them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None

_CARDS = "name = 'alert.raised' AND (once LIKE '%/yellow' OR once LIKE '%/red')"


def upgrade() -> None:
    """Bring the store to this shape."""
    which = sa.text(_CARDS)
    op.create_index("event_card", "event", ["at"], sqlite_where=which, postgresql_where=which)


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_index("event_card", table_name="event")
