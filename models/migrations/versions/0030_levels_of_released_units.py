"""A ticket whose handling was cancelled has no level: that was the released unit's."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_TICKET = sa.table("ticket", *map(sa.column, ("id", "level", "level_at")))
_CLOCK = sa.table("clock", *map(sa.column, ("ticket_id", "key", "ordinal", "state")))


def upgrade() -> None:
    """Bring the rows to this meaning; the logs stay as they are."""
    later = _CLOCK.alias("later")
    handling = sa.select(_CLOCK.c.state).where(
        _CLOCK.c.ticket_id == _TICKET.c.id,
        _CLOCK.c.key == "handling",
        ~sa.exists().where(
            later.c.ticket_id == _CLOCK.c.ticket_id,
            later.c.key == _CLOCK.c.key,
            later.c.ordinal > _CLOCK.c.ordinal,
        ),
    )
    op.execute(
        _TICKET.update()
        .where(_TICKET.c.level.is_not(None), handling.scalar_subquery() == "cancelled")
        .values(level=None, level_at=None)
    )


def downgrade() -> None:
    """Leave the rows: the next change of such a ticket sets its level as it was meant before."""
