"""A transaction on the store: statements of its dialect, and its encrypted columns."""

import os
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import sqlmodel
from sqlalchemy import Table, select
from sqlalchemy.dialects import sqlite

from models.bulk import insert_missing
from models.json_types import Json, JsonObject
from models.membership import is_in
from models.security.binding import SALT_BYTES, RowLike
from models.security.encryption import Binding, Cipher, DerivedKeys, Encrypted, TextsErased
from models.sql_types import AnyColumn
from models.tables.columns import EncryptedColumn
from models.tables.core import SALT

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


class Session(sqlmodel.Session):
    """A transaction on the store, with the cipher for its encrypted columns."""

    cipher: Cipher

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._derived = DerivedKeys()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.get_bind().dialect.name

    def insert(self, table: Table) -> "sqlite.Insert | postgresql.Insert":
        """Return an INSERT of this database's dialect, which can say what to do on conflict."""
        if self.dialect == "sqlite":
            return sqlite.insert(table)
        # imported here: it takes 15 ms, and SQLite does without it
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415

        return postgresql.insert(table)

    def encrypt(self, column: AnyColumn, value: Json, row: RowLike, ticket: str = "") -> Encrypted:
        """Encrypt a value of a column for the row that it will stand in.

        The row has the columns that the value is bound to (`columns_to_decrypt`); `ticket` is the
        number of its ticket, where the row does not say it.
        """
        binding = _binding(column)
        ticket = ticket or binding.ticket_of(row)
        try:
            return self.cipher.encrypt(binding, value, row, ticket, self._derived)
        except TextsErased:
            self.add_salts([ticket])
            return self.cipher.encrypt(binding, value, row, ticket, self._derived)

    def decrypt(self, column: AnyColumn, row: RowLike, ticket: str = "") -> Json:
        """Decrypt the value of a column in this row.

        Raises ForgedValue where the value belongs elsewhere, TextsErased where the ticket's salt is
        gone, KeyUnusable where the key is.
        """
        binding = _binding(column)
        ticket = ticket or binding.ticket_of(row)
        value = row[column.name] if isinstance(row, dict) else getattr(row, column.name)
        try:
            return self.cipher.decrypt(binding, value, row, ticket, self._derived)
        except TextsErased:
            self.load_salts([ticket])
            return self.cipher.decrypt(binding, value, row, ticket, self._derived)

    def decrypt_all(self, column: AnyColumn, rows: Sequence[RowLike]) -> list[Json]:
        """Decrypt the values of a column in many rows, with all salts by one statement."""
        self.load_salts({_binding(column).ticket_of(row) for row in rows})
        return [self.decrypt(column, row) for row in rows]

    def texts(self, column: AnyColumn, row: RowLike, ticket: str = "") -> JsonObject:
        """Return the texts in a column of a ticket's row, none where there are none any more.

        Raises ForgedValue and KeyUnusable as `decrypt` does.
        """
        value = row[column.name] if isinstance(row, dict) else getattr(row, column.name)
        if value is None:
            return {}
        try:
            texts: JsonObject = self.decrypt(column, row, ticket)
        except TextsErased:
            return {}
        return texts

    def all_texts(self, column: AnyColumn, rows: Sequence[RowLike]) -> list[JsonObject]:
        """Return the texts in a column of many rows, with all salts by one statement."""
        self.load_salts({_binding(column).ticket_of(row) for row in rows})
        return [self.texts(column, row) for row in rows]

    def load_salts(self, tickets: Collection[str]) -> None:
        """Read the salts of tickets, by number, which decrypting their texts needs."""
        salts = self._derived.salts
        wanted = [number for number in tickets if number not in salts]
        if wanted and self.cipher.keyring.any_binds:
            rows = self.execute(select(SALT).where(is_in(SALT.c.ticket, wanted)))
            # SQLite keeps a value of any type; one that is no salt opens nothing
            salts.update((r.ticket, r.salt if isinstance(r.salt, bytes) else b"") for r in rows)

    def add_salts(self, tickets: Collection[str]) -> None:
        """Read the salts of tickets and make those that are missing; another may be first."""
        self.load_salts(tickets)
        # in one order everywhere, so that two that add the same never wait for each other
        missing = sorted(set(tickets) - self._derived.salts.keys())
        if not missing or not self.cipher.keyring.any_binds:
            return
        random = os.urandom(SALT_BYTES * len(missing))
        parts = (random[n : n + SALT_BYTES] for n in range(0, len(random), SALT_BYTES))
        made = dict(zip(missing, parts, strict=True))
        rows = [{"ticket": number, "salt": salt} for number, salt in made.items()]
        insert_missing(self.connection(), SALT, rows)
        if self.dialect == "sqlite":
            # there is one writer at a time, so nobody was first
            self._derived.salts.update(made)
        else:
            self.load_salts(missing)

    def replace_salt(self, ticket: str) -> None:
        """Delete the salt of a ticket, so that nobody decrypts its texts; new ones get another."""
        self.execute(SALT.delete().where(SALT.c.ticket == ticket))
        self._derived = DerivedKeys()
        self.add_salts([ticket])


def columns_to_decrypt(column: AnyColumn) -> list[AnyColumn]:
    """Return the columns that a statement must read for decrypting this one, with itself.

    Without the number of the ticket where that stands in another table.
    """
    binding, columns = _binding(column), column.table.c
    names = dict.fromkeys((*binding.bound_to, binding.ticket, column.name))
    return [columns[name] for name in names if name and name in columns]


def _binding(column: AnyColumn) -> Binding:
    kind = column.type
    assert isinstance(kind, EncryptedColumn)
    return kind.binding
