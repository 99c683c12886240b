"""Indexes of only those rows that meet a condition."""

from sqlalchemy import Index, MetaData, text

_WHERE = "where"


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index of only those rows that meet a condition.

    SQLAlchemy loads all drivers of PostgreSQL, 5 MB, for an index that names PostgreSQL's
    condition. Whoever writes indexes to a database calls `add_conditions` first.
    """
    return Index(name, *columns, unique=unique, sqlite_where=text(where), info={_WHERE: where})


def add_conditions(tables: MetaData) -> None:
    """Give the partial indexes of these tables their conditions for PostgreSQL."""
    for table in tables.tables.values():
        for index in table.indexes:
            if (where := index.info.get(_WHERE)) is not None:
                index.dialect_kwargs["postgresql_where"] = text(where)
