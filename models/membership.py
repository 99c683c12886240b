"""The condition that a value is one of many, which are sent as a single parameter."""

import json
from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Dialect,
    LargeBinary,
    Text,
    TypeDecorator,
    bindparam,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeEngine


class ManyOf(TypeDecorator[Collection[Any]]):
    """Many values of one type in a parameter: JSON text on SQLite, an array on PostgreSQL."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that this database has for it."""
        kind: TypeEngine[Any] = Text() if dialect.name == "sqlite" else ARRAY(self.item)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: Collection[Any] | None, dialect: Dialect) -> Any:
        """Return the values as they are sent."""
        values = list(value or ())
        if dialect.name != "sqlite":
            return values
        if isinstance(self.item, LargeBinary):
            values = [each.hex() for each in values]
        return json.dumps(values)


class _IsIn(ColumnElement[bool]):
    """A column whose value is one of those in a parameter."""

    inherit_cache = True
    type = Boolean()
    _traverse_internals = [  # noqa: RUF012 - as the base class has it
        ("column", InternalTraversal.dp_clauseelement),
        ("values", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: ColumnElement[Any], values: BindParameter[Any]) -> None:
        self.column = column
        self.values = values

    def self_group(self, against: OperatorType | None = None) -> "ColumnElement[bool]":
        """Return itself: by default it would be compared with 1, for which SQLite has no index."""
        return self


def is_in(column: ColumnElement[Any], values: Collection[Any] | str) -> ColumnElement[bool]:
    """Return the condition that a value is one of many numbers, texts or bytes.

    In place of the values, a statement that is built once names the parameter that they come in.
    They are sent as a single parameter: thousands would have to be compiled into the statement.
    """
    kind = _many_of(column.type)
    if isinstance(values, str):
        return _IsIn(column, bindparam(values, type_=kind))
    return _IsIn(column, bindparam(None, values, type_=kind, unique=True))


@cache
def _many_of(item: TypeEngine[Any]) -> ManyOf:
    return ManyOf(item)


@compiles(_IsIn, "sqlite")
def _select_from_json(element: _IsIn, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    value = "unhex(value)" if isinstance(element.column.type, LargeBinary) else "value"
    return f"{column} IN (SELECT {value} FROM json_each({compiler.process(element.values)}))"


@compiles(_IsIn)
def _compare_with_array(element: _IsIn, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    return f"{column} = ANY ({compiler.process(element.values)})"
