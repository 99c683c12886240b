"""Run the migrations on an engine, which the caller always hands in."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

import models.tables  # noqa: F401  (their import is what fills the metadata)
from models.schema import schema_of


def render(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Write SQLModel's string type as the plain one that it is."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render,
        # SQLite can, whatever Alembic believes: all steps in one transaction, so that of several
        # processes that start at once the second finds everything done
        transactional_ddl=True,
    )
    if connection.dialect.name == "postgresql":
        # two processes that start at once must not migrate at once, however long one takes
        connection.exec_driver_sql("SET lock_timeout = 0")
        connection.exec_driver_sql("SELECT pg_advisory_lock(12345)")
        connection.commit()
    try:
        with context.begin_transaction():
            if connection.dialect.name == "postgresql" and schema_of(connection) is not None:
                # whoever writes has read it in his transaction: this waits for him, and he for this
                connection.exec_driver_sql("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
            context.run_migrations()
            if (at_the_end := context.config.attributes.get("at the end")) is not None:
                at_the_end(connection)
        connection.commit()
    finally:
        if connection.dialect.name == "postgresql":
            connection.rollback()
            connection.exec_driver_sql("SELECT pg_advisory_unlock(12345)")
            connection.exec_driver_sql("RESET lock_timeout")
            connection.commit()
