"""What all tables have in common."""

from sqlmodel import SQLModel


class TableRow(SQLModel):
    """A row of the store. No values come in through it, so that its checks are never built."""

    model_config = {"arbitrary_types_allowed": True, "defer_build": True}
