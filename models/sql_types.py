"""Names for what statements are made of and give back.

Statements here select columns of plain tables, not attributes of mapped classes, which cost more a
row. SQLAlchemy knows no Python type of such a column, nor of what is selected by it.
"""

from typing import Any, TypeAlias

from sqlalchemy import Column, ColumnElement, Row, Select

AnyColumn: TypeAlias = Column[Any]
AnyExpression: TypeAlias = ColumnElement[Any]
AnySelect: TypeAlias = Select[Any]
SelectedRow: TypeAlias = Row[Any]
