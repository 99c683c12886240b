"""The cards of the last days are found without the pre-warnings; rates need no index of their own.

The units' rates are counted like the bulletin's, by the tickets that were completed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_CARDS = "name = 'alert.raised' AND (once LIKE '%/yellow' OR once LIKE '%/red')"
_ENDED = "ended_at IS NOT NULL AND name IN ('handling', 'first_contact', 'closing_contact')"


def upgrade() -> None:
    """Bring the store to this shape."""
    _index("event_card", "event", ["at"], _CARDS)
    op.drop_index("ticket_rated", table_name="ticket")
    op.drop_index("clock_ended", table_name="clock")


def downgrade() -> None:
    """Bring the store back to the shape before."""
    _index("clock_ended", "clock", ["ended_at"], _ENDED)
    _index("ticket_rated", "ticket", ["completed_at", "unit", "rating"], "rating IS NOT NULL")
    op.drop_index("event_card", table_name="event")


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    which = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=which, postgresql_where=which)
