"""The place that an encrypted value belongs to, and the keys that are derived for it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.errors import HotlineError
from models.i18n import _
from models.security.keyed_hash import KeyedHash

SALT_BYTES = 32

_MOST_KEYS = 100
"""Keys remembered at once: a ticket's values come together, and no batch needs them all again."""

RowLike: TypeAlias = Any
"""A row: a dictionary by column, or an object with the columns as attributes."""


class TextsErased(HotlineError):
    """The texts of a ticket are erased: without its salt nobody can decrypt them."""

    def __init__(self, ticket: str) -> None:
        super().__init__(_("the texts of ticket {ticket} are erased").format(ticket=ticket))
        self.ticket = ticket


class ForgedValue(HotlineError):
    """An encrypted value was altered, or brought from another place."""

    def __init__(self, place: str) -> None:
        text = _("{place} was altered or does not belong there; restore it from a backup")
        super().__init__(text.format(place=place))
        self.place = place


@dataclass(frozen=True)
class Binding:
    """The place that the values of a column belong to: their purpose, their row, their ticket.

    `purpose` is table and column, and has a key of its own. `bound_to` are columns of the row:
    where one of them has changed the value decrypts no longer. `ticket` is the column with the
    number of the ticket by whose salt the key is derived, None where the value is of no ticket.
    """

    purpose: str
    bound_to: tuple[str, ...]
    ticket: str | None = None

    def values(self, row: RowLike) -> list[Any]:
        """Return the values of the row that are bound, alike for whoever writes and reads them."""
        if isinstance(row, dict):
            values = [row[name] for name in self.bound_to]
        else:
            values = [getattr(row, name) for name in self.bound_to]
        return [v.astimezone(UTC) if isinstance(v, datetime) else v for v in values]

    def ticket_of(self, row: RowLike) -> str:
        """Return the number of the row's ticket, empty where it has none."""
        if self.ticket is None:
            return ""
        number: str = row[self.ticket] if isinstance(row, dict) else getattr(row, self.ticket)
        return number

    def place(self, ticket: str, row: RowLike) -> str:
        """Return where the value lies, for people; of the row only its first bound value."""
        first = next(iter(self.values(row)), "")
        return " ".join(str(part) for part in (self.purpose, ticket, first) if part != "")


@dataclass(slots=True)
class DerivedKeys:
    """The keys that one transaction has derived, and the salts of the tickets that it has read.

    They end with it: once a ticket's salt is deleted, nobody decrypts by what he remembers.
    """

    salts: dict[str, bytes] = field(default_factory=dict)
    _keys: dict[tuple[int, str, str], AESGCM] = field(default_factory=dict)

    def of(self, number: int, key: KeyedHash, binding: Binding, ticket: str) -> AESGCM:
        """Return what encrypts values of this purpose and ticket under a key, given prepared.

        Raises TextsErased where the ticket's salt is not among those that were read.
        """
        place = number, binding.purpose, ticket
        if (derived := self._keys.get(place)) is None:
            salt = b""
            if binding.ticket is not None:
                if ticket not in self.salts:
                    raise TextsErased(ticket)
                salt = self.salts[ticket]
            if len(self._keys) >= _MOST_KEYS:
                self._keys.clear()
            info = msgspec.json.encode((binding.purpose, ticket, salt))
            derived = self._keys[place] = AESGCM(expand(key, info))
        return derived


def expand(key: KeyedHash, info: bytes) -> bytes:
    """Return 32 bytes derived for `info`: HKDF-Expand (RFC 5869) with SHA-256, one block of it.

    Nothing needs to be extracted first, as keys are uniform already.
    """
    return key(info + b"\1")


def associated_data(number: int, binding: Binding, ticket: str, row: RowLike) -> bytes:
    """Return what a value is bound to besides its key: a JSON array, which reads one way only."""
    return msgspec.json.encode((number, binding.purpose, ticket, *binding.values(row)))
