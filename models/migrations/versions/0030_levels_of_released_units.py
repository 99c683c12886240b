"""A ticket that waits for another unit's acceptance has no level: that was the former unit's."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_TICKET = sa.table("ticket", *map(sa.column, ("status", "level", "level_at")))
_BEFORE_ACCEPTANCE = ("received", "manual", "dispatched", "returned", "disputed")


def upgrade() -> None:
    """Bring the rows to this meaning; the logs stay as they are."""
    op.execute(
        _TICKET.update()
        .where(_TICKET.c.status.in_(_BEFORE_ACCEPTANCE), _TICKET.c.level.is_not(None))
        .values(level=None, level_at=None)
    )


def downgrade() -> None:
    """Leave the rows: the next change of such a ticket sets its level as it was meant before."""
