"""Serve the screens: short indexes of what is open, and samples of the queues."""

import sqlalchemy as sa
from alembic import op

from models.tables.columns import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OPEN = (
    "status IN ('received', 'manual', 'dispatched', 'returned', 'disputed', 'handling', "
    "'submitted')"
)
_RATINGS = (
    "very_satisfied",
    "satisfied",
    "basically_satisfied",
    "dissatisfied",
    "very_dissatisfied",
)
_INDEXES = (
    ("ticket_urgent", "ticket", ["due", "number", "id"], f"{_OPEN} AND emergency IS NOT NULL"),
    ("ticket_queue", "ticket", ["due", "number", "id"], f"{_OPEN} AND emergency IS NULL"),
    ("ticket_open", "ticket", ["unit", "due"], _OPEN),
    ("ticket_revisit", "ticket", ["id"], "revisit"),
    (
        "ticket_rated",
        "ticket",
        ["completed_at", "unit", "rating"],
        "rating IS NOT NULL",
    ),
    (
        "clock_ended",
        "clock",
        ["ended_at"],
        "ended_at IS NOT NULL AND name IN ('handling', 'first_contact', 'closing_contact')",
    ),
    (
        "event_looked_at",
        "event",
        ["name", "at"],
        "name IN ('ticket.received', 'ticket.completed', 'alert.raised', 'contact.unreachable')",
    ),
    ("notice_failed", "notice", ["id"], "state = 'failed'"),
)
"""Name, table, columns, and of which rows."""
_REPLACED = (
    ("ticket_open", "ticket", ["status", "due"], None),
    ("ticket_unit", "ticket", ["unit", "status"], None),
    ("event_cards", "event", ["at"], "name = 'alert.raised'"),
)


def upgrade() -> None:
    """Bring the store to this shape."""
    op.add_column("ticket", sa.Column("rating", sa.String(), nullable=True))
    no = sa.false()
    op.add_column("ticket", sa.Column("revisit", sa.Boolean(), nullable=False, server_default=no))
    # each ticket's state has both; the columns beside it are copies for those who look
    ticket = sa.table("ticket", *(sa.column(c) for c in ("state", "rating", "revisit")))
    revisit = ticket.c.state.contains('"revisit":true')
    op.execute(ticket.update().where(revisit).values(revisit=sa.true()))
    for rating in _RATINGS:
        with_rating = ticket.c.state.contains(f'"rating":"{rating}"')
        op.execute(ticket.update().where(with_rating).values(rating=rating))
    op.create_table(
        "sample",
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("oldest_ms", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("at", "queue", "process"),
    )
    _drop(_REPLACED)
    _create(_INDEXES)


def downgrade() -> None:
    """Take it back."""
    _drop(_INDEXES)
    _create(_REPLACED)
    op.drop_table("sample")
    op.drop_column("ticket", "revisit")
    op.drop_column("ticket", "rating")


def _create(indexes: tuple[tuple[str, str, list[str], str | None], ...]) -> None:
    for name, table, columns, where in indexes:
        only = sa.text(where) if where else None
        op.create_index(name, table, columns, sqlite_where=only, postgresql_where=only)


def _drop(indexes: tuple[tuple[str, str, list[str], str | None], ...]) -> None:
    for name, table, _columns, _where in indexes:
        op.drop_index(name, table_name=table)
