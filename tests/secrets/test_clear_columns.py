"""Nothing that anybody wrote stands in a clear column, whatever message it came in."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from models.database import Store
from models.i18n import PrivateText
from models.operations.units import replace_units
from models.queries.verification import verify
from models.rules.messages import FIELDS, HOTLINE, ORIGINS
from models.rules.origins import HARMLESS, PRIVATE
from models.rules.packing import unpack
from models.rules.papers import says_something
from models.rules.routing.directory import Unit, UnitsFile
from models.rules.vocabulary import MessageType
from models.tables.columns import EncryptedColumn, JsonText, undecoded
from models.tables.core import TICKET
from tests.rules.district import SCENARIOS
from tests.rules.scenario_runner import Scenario, read_scenario
from tests.rules.test_messages import GOOD
from tests.rules.test_scenarios import NAMES
from tests.store.factories import advance_step_by_step, at, feed, letter, log_of

MARK = "印记"
"""Stands in every text below, and in nothing of the project's own."""
UNKNOWN = f"{MARK}无名局"
UNITS = ("城管局", "住建局", "人社局", "市监局", "城建局", "城市管理局", "达濠街道")
TICKET_ROW = {"title"}
"""A title is redacted, not hidden; `tests/rules/test_redaction.py` says of what."""


def marked(value: Any, name: str) -> Any:
    """The same with a mark in each of its texts that says something."""
    match value:
        case str() if says_something(value):
            return f"{value}{MARK}{name}"
        case dict():
            return {k: v if k == "contact" else marked(v, k) for k, v in value.items()}
        case list():
            return [marked(each, name) for each in value]
        case _:
            return value


def with_marks(raw: dict[str, Any], unknown: Sequence[str]) -> dict[str, Any]:
    """A message with a mark in all that somebody wrote, also in fields that nobody asked for."""
    message = dict(raw)
    for name, origin in ORIGINS[MessageType(raw["type"])].items():
        value = raw.get(name)
        if name == "claimant_told" or value is None:
            continue
        if origin is PRIVATE and name != "title":
            message[name] = marked(value, name)
        elif isinstance(value, str) and value in unknown:
            message[name] = UNKNOWN
        elif isinstance(value, list):
            message[name] = [UNKNOWN if each in unknown else each for each in value]
    return message | {"extra": f"{MARK}附言"}


def in_clear(store: Store) -> Iterator[str]:
    """Every value of the store that is not encrypted, as text, with its place."""
    with store.reading() as session:
        for table in SQLModel.metadata.sorted_tables:
            columns = [
                undecoded(c) if isinstance(c.type, JsonText) else c
                for c in table.columns
                if not isinstance(c.type, EncryptedColumn)
            ]
            for row in session.execute(select(*columns)):
                for column, value in row._mapping.items():
                    if table.name == "ticket" and column in TICKET_ROW:
                        continue
                    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                    # the state of an archived ticket is packed, but in clear
                    text = unpack(text) if column == "state" else text
                    yield f"{table.name}.{column}: {text}"


def assert_no_mark(store: Store) -> None:
    """Say where a mark stands in clear, if it does."""
    marked_places = [
        place[:300] for place in in_clear(store) if MARK in place or "\\u5370" in place
    ]
    assert marked_places == []


def play(store: Store, scenarios: Sequence[Scenario]) -> list[str]:
    """Let marked lives pass through the store; returns their tickets."""
    raws = [with_marks(raw, s.unknown_units) for s in scenarios for raw in s.messages]
    named = [raw.get(f) for raw in raws for f in ("unit", "suggested_unit", "former_holder")]
    listed = [name for raw in raws if isinstance(raw.get("units"), list) for name in raw["units"]]
    names = {name for name in (*named, *listed) if name and MARK not in name and name != HOTLINE}
    with store.writing() as session:
        units = UnitsFile(tuple(Unit(name) for name in sorted({*names, *UNITS})))
        replace_units(session, units, at("2026-01-01T00:00"))
    until = max(scenario.until for scenario in scenarios)
    feed(store, [raw | {"id": f"m{n}"} for n, raw in enumerate(raws)], until)
    tickets = sorted({raw["ticket"] for raw in raws})
    with store.writing() as session:
        advance_step_by_step(session, tickets, until)
    return tickets


def test_what_people_wrote_is_in_no_clear_column(store: Store) -> None:
    """Every clause of the regulation, with a mark in every text of every message."""
    scenarios = [read_scenario(SCENARIOS / f"{name}.jsonl") for name in NAMES]
    tickets = play(store, scenarios)
    assert all(log_of(store, ticket) for ticket in tickets), "all were begun"
    assert_no_mark(store)
    assert verify(store).broken is None


def _spoiled(kind: MessageType) -> Iterator[dict[str, Any]]:
    """A message with a mark in place of each of its fields, and one with marks in all."""
    good = GOOD[kind]
    for name in FIELDS[kind]:
        yield {**good, name: f"{MARK}{name}"}
        yield {**good, name: [f"{MARK}{name}"]}
        yield {**good, name: {f"{MARK}键": f"{MARK}{name}"}}
    yield {name: f"{MARK}{name}" for name in FIELDS[kind]}


def test_what_is_refused_is_in_no_clear_column(store: Store) -> None:
    """Whatever stands in whatever field, and whether there is a ticket for it or not."""
    with store.writing() as session:
        replace_units(session, UnitsFile(tuple(map(Unit, UNITS))), at("2026-01-01T00:00"))
    raws = []
    for kind in MessageType:
        ticket = f"{kind}-there"
        raws.append(letter(ticket, "2026-11-02T09:00:00+08:00"))
        for n, body in enumerate(_spoiled(kind)):
            envelope = {"at": "2026-11-02T10:00:00+08:00", "type": kind.value}
            title = {"title": "路灯不亮"} if "title" in body else {}
            first = f"{kind}-{n}"
            there = first if kind == MessageType.TICKET_RECEIVED else ticket
            for number in dict.fromkeys((there, f"{kind}-none-{n}")):
                place = {"ticket": number, "id": f"{first}-{number}"}
                raws.append(envelope | body | title | place)
    feed(store, raws, at("2026-11-20T10:00"))
    with store.writing() as session:
        numbers = sorted({raw["ticket"] for raw in raws})
        advance_step_by_step(session, numbers, at("2026-12-30T10:00"))
    assert_no_mark(store)
    assert verify(store).broken is None


def test_the_marks_are_found_where_they_stand(store: Store) -> None:
    """The test itself sees a clear column that holds what somebody wrote."""
    play(store, [read_scenario(SCENARIOS / f"{NAMES[0]}.jsonl")])
    with store.writing() as session:
        session.execute(TICKET.update().values(category=MARK))
    with pytest.raises(AssertionError, match=r"ticket\.category"):
        assert_no_mark(store)


def test_every_field_of_a_message_is_harmless_a_unit_or_private() -> None:
    """And each harmless one is of a closed list, a number, an instant or a truth value."""
    for kind, fields in ORIGINS.items():
        for name, origin in fields.items():
            if origin is HARMLESS:
                check = FIELDS[kind][name].check
                with pytest.raises(Exception, match="must"):
                    check(name, f"{MARK}{name}")
    assert PrivateText("a.b").find_in({"a": {"b": 1}}) == 1
