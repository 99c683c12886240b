"""The base class of all tables."""

from sqlmodel import SQLModel


class TableRow(SQLModel):
    """A row of the store; nothing is validated through it, so its validators are not built."""

    model_config = {"arbitrary_types_allowed": True, "defer_build": True}
