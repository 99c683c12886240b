"""Tickets have the due of their running duty that ends first, by which lists are sorted."""

import sqlalchemy as sa
from alembic import op

from models.tables.columns import Instant

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_STATUSES = "'received', 'manual', 'dispatched', 'returned', 'disputed', 'handling', 'submitted'"
_OPEN = f"status IN ({_STATUSES})"
_INDEXES = (
    ("ticket_open", ("unit", "{due}"), _OPEN),
    ("ticket_urgent", ("{due}", "number", "id"), f"{_OPEN} AND emergency IS NOT NULL"),
    ("ticket_queue", ("{due}", "number", "id"), f"{_OPEN} AND emergency IS NULL"),
)


def upgrade() -> None:
    """Bring the store to this shape."""
    op.add_column("ticket", sa.Column("next_due", Instant(timezone=True), nullable=True))
    op.execute(
        "UPDATE ticket SET next_due = (SELECT min(clock.due) FROM clock"
        " WHERE clock.ticket_id = ticket.id AND clock.state = 'running')"
    )
    _index_by("next_due")


def downgrade() -> None:
    """Bring the store back to the shape before."""
    _index_by("due")
    op.drop_column("ticket", "next_due")


def _index_by(due: str) -> None:
    for name, columns, where in _INDEXES:
        op.drop_index(name, table_name="ticket")
        which = sa.text(where)
        op.create_index(
            name,
            "ticket",
            [column.format(due=due) for column in columns],
            sqlite_where=which,
            postgresql_where=which,
        )
