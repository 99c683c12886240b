"""An attacker who writes to the database and has no key."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import msgspec
from sqlalchemy import Boolean, Connection, Table, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from models.rules.packing import unpack, unpack_json
from models.security.chain import event_line
from models.security.tokens import digest_of
from models.tables.instants import from_bytes

FORGED_TOKEN = "a-token-of-my-own"
FORGED_USER = "mallory"

Row = dict[str, Any]

TABLES: Mapping[str, Table] = {t.name: t for t in SQLModel.metadata.sorted_tables}
KEYS = {name: [c.name for c in t.primary_key.columns] for name, t in TABLES.items()}


@dataclass
class Act:
    """What was done: `what` it is in the table of acts, and which rows it has changed.

    `before` are those rows as they were, by table and key, None for one that was not there;
    `after` as he left them.
    """

    what: str
    before: dict[tuple[str, tuple[Any, ...]], Row | None] = field(default_factory=dict)
    after: dict[tuple[str, tuple[Any, ...]], Row | None] = field(default_factory=dict)

    def __str__(self) -> str:
        return ", ".join(f"{table} {key}" for table, key in list(self.before)[:3])


class NothingDone(Exception):
    """There was nothing to do this to, or the database refused it."""


class DatabaseAttacker:
    """Changes rows of a database as a client of it, with values as the driver has them."""

    def __init__(self, rng: Random, url: str) -> None:
        self.rng = rng
        self._url = url
        self._act = Act("")
        self._connection: Connection

    def do(self, what: str) -> Act:
        """Do one act of `ACTS`, or `change TABLE.COLUMN`, `delete TABLE`, `copy TABLE`.

        Raises NothingDone.
        """
        self._act = Act(what)
        engine = create_engine(self._url)
        try:
            with engine.begin() as self._connection:
                verb, _space, place = what.partition(" ")
                match verb:
                    case "change":
                        self._change(*place.split("."))
                    case "exchange":
                        self._exchange(*place.split("."))
                    case "delete":
                        self._remove(place, self._some(place))
                    case "copy":
                        self._copy(place)
                    case _:
                        ACTS[what](self)
                for table, key in self._act.before:
                    self._act.after[table, key] = self._row(table, key)
        except DBAPIError as error:
            raise NothingDone(str(error)) from error
        finally:
            engine.dispose()
        if not self._act.before:
            raise NothingDone(what)
        return self._act

    def undo(self, act: Act) -> None:
        """Put back what he has changed, so that nobody sees it."""
        engine = create_engine(self._url)
        try:
            with engine.begin() as self._connection:
                for (table, key), row in act.before.items():
                    changed, present = act.after[table, key], self._row(table, key)
                    if row is None or changed is None or present is None:
                        self._write(table, key, row)
                    else:
                        # what the service has written since stays
                        back = {name: v for name, v in row.items() if v != changed[name]}
                        self._set(table, present, **back)
        except DBAPIError:
            return
        finally:
            engine.dispose()

    def _rows(self, table: str, where: str = "", **values: Any) -> list[Row]:
        keys = ", ".join(f'"{k}"' for k in KEYS[table])
        query = f'SELECT * FROM "{table}" {where and "WHERE"} {where} ORDER BY {keys}'
        return [dict(row._mapping) for row in self._connection.execute(text(query), values)]

    def _some(self, table: str, where: str = "", **values: Any) -> Row:
        rows = self._rows(table, where, **values)
        if not rows:
            raise NothingDone(table)
        return self.rng.choice(rows)

    def _key(self, table: str, row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in KEYS[table])

    def _where(self, table: str) -> str:
        return " AND ".join(f'"{name}" = :key_{name}' for name in KEYS[table])

    def _keyed(self, table: str, key: tuple[Any, ...]) -> Row:
        return {f"key_{name}": value for name, value in zip(KEYS[table], key, strict=True)}

    def _write(self, table: str, key: tuple[Any, ...], row: Row | None) -> None:
        """Let the row of this key be this one, or none."""
        keyed = self._keyed(table, key)
        self._connection.execute(text(f'DELETE FROM "{table}" WHERE {self._where(table)}'), keyed)
        if row is not None:
            names = ", ".join(f'"{name}"' for name in row)
            values = ", ".join(f":{name}" for name in row)
            insert = text(f'INSERT INTO "{table}" ({names}) VALUES ({values})')
            self._connection.execute(insert, row)

    def _row(self, table: str, key: tuple[Any, ...]) -> Row | None:
        rows = self._rows(table, self._where(table), **self._keyed(table, key))
        return rows[0] if rows else None

    def _note(self, table: str, key: tuple[Any, ...]) -> None:
        self._act.before.setdefault((table, key), self._row(table, key))

    def _set(self, table: str, row: Row, **values: Any) -> None:
        """Set columns of a row."""
        key = self._key(table, row)
        new = {name: value for name, value in values.items() if row[name] != value}
        if not new:
            return
        self._note(table, key)
        self._note(table, self._key(table, row | new))
        sets = ", ".join(f'"{name}" = :{name}' for name in new)
        update = text(f'UPDATE "{table}" SET {sets} WHERE {self._where(table)}')
        self._connection.execute(update, new | self._keyed(table, key))

    def _add(self, table: str, row: Row) -> None:
        key = self._key(table, row)
        self._note(table, key)
        self._write(table, key, row)

    def _remove(self, table: str, row: Row) -> None:
        key = self._key(table, row)
        self._note(table, key)
        self._write(table, key, None)

    def _empty(self, *tables: str) -> None:
        for table in tables:
            for row in self._rows(table):
                self._remove(table, row)

    def _own_id(self, table: str) -> int:
        """A number that the service will not give, so that it goes on as it would."""
        ids: list[int] = [row["id"] for row in self._rows(table)]
        return min(0, *ids) - 1

    def _change(self, table: str, column: str) -> None:
        """Set a value to that of another row, or to one that is a little different."""
        row = self._some(table)
        values = [r[column] for r in self._rows(table) if r[column] != row[column]]
        if row[column] is not None:
            is_truth = isinstance(TABLES[table].c[column].type, Boolean)
            other = not row[column] if is_truth else _other(self.rng, row[column])
            values += [other] * max(1, len(values))
        if not values:
            raise NothingDone(f"{table}.{column}")
        self._set(table, row, **{column: self.rng.choice(values)})

    def _exchange(self, table: str, column: str) -> None:
        """Exchange the values of two rows."""
        first = self._some(table)
        others = [r for r in self._rows(table) if r[column] != first[column]]
        if not others or column in KEYS[table]:
            raise NothingDone(f"{table}.{column}")
        other = self.rng.choice(others)
        self._set(table, first, **{column: other[column]})
        self._set(table, other, **{column: first[column]})

    def _copy(self, table: str) -> None:
        """Add a row again under another key."""
        row = self._some(table)
        new = dict(row)
        for column in TABLES[table].columns:
            if column.primary_key or column.unique:
                new[column.name] = _other(self.rng, row[column.name])
        if "id" in new and isinstance(new["id"], int):
            new["id"] = self._own_id(table)
        if table == "inbox":
            new["message_id"] += "-again"
        self._add(table, new)

    def _put_waiting(self, row: Row) -> None:
        """Let a message of the inbox be worked on."""
        values = {"state": "waiting", "current": bool(row["current"]) or True}
        if self.rng.random() < 0.5:
            values |= {"outline": None, "outline_hash": None, "reason": None}
        self._set("inbox", row, **values)

    def message_again(self) -> None:
        self._put_waiting(self._some("inbox", "state = 'applied'"))

    def refused_message(self) -> None:
        self._put_waiting(self._some("inbox", "state = 'refused'"))

    def applied_as_refused(self) -> None:
        self._set("inbox", self._some("inbox", "state = 'applied'"), state="refused")

    def message_elsewhere(self) -> None:
        row, ticket = self._some("inbox"), self._some("ticket")
        values: Row = {"id": self._own_id("inbox"), "ticket": ticket["number"], "state": "waiting"}
        if self.rng.random() < 0.5:
            values |= {"outline": None, "outline_hash": None}
        self._add("inbox", row | values | {"message_id": "mine", "reason": None})

    def own_message(self) -> None:
        row = self._some("inbox", "state = 'waiting'")
        kind = self.rng.choice(("unit.accepted", "ticket.archived", "result.reviewed"))
        values: Row = {"id": self._own_id("inbox"), "type": kind, "message_id": "mine"}
        if self.rng.random() < 0.5:
            outline = json.dumps({"content": {"unit": "城管局"}, "route": None})
            is_text = self._connection.dialect.name == "sqlite"
            values |= {
                "outline": outline if is_text else outline.encode(),
                "outline_hash": self.rng.randbytes(32),
            }
        self._add("inbox", row | values)

    def own_role(self) -> None:
        row = self._some("user_role")
        self._add("user_role", row | {"name": FORGED_USER, "role": "supervisor"})

    def own_token(self) -> None:
        digest = digest_of(FORGED_TOKEN)
        row = self._some("token")
        if self.rng.random() < 0.5:
            self._set("token", row, digest=digest)
        else:
            self._add("token", row | {"name": FORGED_USER, "digest": digest})

    def own_unit(self) -> None:
        row = self._some("unit", "retired_at IS NULL")
        self._add("unit", row | {"id": "my-unit", "name": "我的局", "position": 999})

    def sent_notices(self) -> None:
        for row in self._rows("notice", "state = 'queued'"):
            self._set("notice", row, state="sent", sent_at=row["queued_at"], channel="file")

    def exchanged_tickets(self) -> None:
        first, other = self.rng.sample(self._rows("ticket"), 2)
        self._set("ticket", first, number="-")
        self._set("ticket", other, number=first["number"])
        self._set("ticket", first | {"number": "-"}, number=other["number"])

    def whole_ticket(self) -> None:
        ticket = self._some("ticket")
        for table in ("event", "clock", "notice", "trace"):
            for row in self._rows(table, "ticket_id = :id", id=ticket["id"]):
                self._remove(table, row)
        for row in self._rows("inbox", "ticket = :number", number=ticket["number"]):
            self._remove("inbox", row)
        self._remove("ticket", ticket)

    def end_of_a_log(self) -> None:
        ticket = self._some("ticket", "seq > 1")
        lines = self._lines(ticket)
        for row in self._rows("notice", "ticket_id = :id AND seq = :seq", **_last(ticket)):
            self._remove("notice", row)
        self._remove("event", lines[-1])
        self._set("ticket", ticket, seq=lines[-2]["seq"], hash=lines[-2]["hash"])

    def rewritten_log(self) -> None:
        """Change a line, and all hashes from there on as far as that goes without a key."""
        ticket = self._some("ticket")
        lines = self._lines(ticket)
        first = self.rng.randrange(len(lines))
        chain = lines[first - 1]["hash"] if first else b"ticket:" + ticket["number"].encode()
        if self.rng.random() < 0.5:
            chain = chain if first else b""
        for place, row in enumerate(lines[first:]):
            data = row["data"] if place else _other(self.rng, row["data"])
            chain = _plain_hash(bytes(chain), row | {"data": data})
            self._set("event", row, data=data, hash=chain, commitment=None)
        self._set("ticket", ticket, hash=chain)

    def added_line(self) -> None:
        ticket = self._some("ticket")
        row = self.rng.choice(self._lines(ticket))
        new = row | {"seq": ticket["seq"] + 1, "once": None}
        new["hash"] = _plain_hash(bytes(ticket["hash"]), new)
        self._add("event", new)
        self._set("ticket", ticket, seq=new["seq"], hash=new["hash"])

    def no_secret(self) -> None:
        self._empty("secret")

    def first_release(self) -> None:
        """Let the store look as the first release left it: no secret, no anchors, plain hashes."""
        self.rewritten_log()
        for ticket in self._rows("ticket"):
            chain = b""
            for row in self._lines(ticket):
                chain = _plain_hash(chain, row)
                self._set("event", row, hash=chain)
            self._set("ticket", ticket, hash=chain)
        self._empty("secret", "anchor", "change")

    def all_anchors(self) -> None:
        self._empty("anchor")
        if self.rng.random() < 0.5:
            self._empty("change")

    def own_outcome(self) -> None:
        """Let a completed ticket be an open one, or the other way round, in its state too."""
        ticket = self._some("ticket")
        state = json.loads(unpack(ticket["state"]))
        state["status"] = self.rng.choice(("completed", "archived", "handling"))
        self._set("ticket", ticket, state=json.dumps(state), status=state["status"])

    def longer_deadline(self) -> None:
        ticket = self._some("ticket")
        state = json.dumps(json.loads(unpack(ticket["state"])), ensure_ascii=False)
        self._set("ticket", ticket, state=state.replace("2027-03-", "2027-04-"))

    def _lines(self, ticket: Row) -> list[Row]:
        return self._rows("event", "ticket_id = :id", id=ticket["id"])


def _last(ticket: Row) -> Row:
    return {"id": ticket["id"], "seq": ticket["seq"]}


ACTS: dict[str, Callable[[DatabaseAttacker], None]] = {
    name: getattr(DatabaseAttacker, name)
    for name in (
        *("message_again", "refused_message", "applied_as_refused", "message_elsewhere"),
        *("own_message", "own_role", "own_token", "own_unit", "sent_notices"),
        *("exchanged_tickets", "whole_ticket", "end_of_a_log", "rewritten_log", "added_line"),
        *("no_secret", "first_release", "all_anchors", "own_outcome", "longer_deadline"),
    )
}


def _instant(value: Any) -> datetime:
    return value if isinstance(value, datetime) else from_bytes(value)


def _line_data(stored: str | bytes) -> bytes:
    """The JSON of a line; a forged one may be anything."""
    if isinstance(stored, str):
        return stored.encode()
    with suppress(msgspec.DecodeError):
        return unpack_json(stored).encode()
    return stored


def _plain_hash(chain: bytes, row: Row) -> bytes:
    """The hash of a line as the first release made it."""
    moments = _instant(row["at"]), _instant(row["moment"])
    line = event_line(row["seq"], row["name"], *moments, row["cause"], _line_data(row["data"]))
    return hashlib.sha256(chain + line).digest()


def _other(rng: Random, value: Any) -> Any:
    """A value of the same type that is another one."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + rng.choice((-1, 1, 2))
        case datetime() | date():
            return value + timedelta(days=rng.choice((-1, 1)))
        case str():
            return _other_text(rng, value)
        case bytes() | memoryview():
            raw = bytearray(value)
            if not raw:
                return b"x"
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
            return bytes(raw)
        case _:
            return "x"


def _other_text(rng: Random, value: str) -> str:
    """Another text, as alike as it can be: a figure, a letter of another word, one more letter."""
    places = [n for n, letter in enumerate(value) if letter in "12345678"]
    if places:
        place = rng.choice(places)
        return f"{value[:place]}{int(value[place]) + 1}{value[place + 1 :]}"
    return value.swapcase() if value.swapcase() != value and rng.random() < 0.5 else f"{value}x"


def some_changes() -> Iterator[str]:
    """Every change that the dice may choose."""
    for name, table in TABLES.items():
        yield f"delete {name}"
        yield f"copy {name}"
        for column in table.columns:
            yield f"change {name}.{column.name}"
            if not column.primary_key:
                yield f"exchange {name}.{column.name}"
    yield from ACTS
