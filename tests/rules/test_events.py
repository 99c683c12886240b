"""The events of the log: a struct a name, and lines that keep their bytes."""

from datetime import datetime
from inspect import signature
from typing import Annotated, Any, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings

from models.i18n import PrivateText
from models.rules import events
from models.rules.events import EVENT_TYPES, ORIGINS, EventData
from models.rules.lifecycle.decide import HANDLERS, fold
from models.rules.messages import CONTENT_TYPES, Message
from models.rules.origins import Origin, origins
from models.rules.state import RuleContext, State
from models.rules.vocabulary import EventName
from tests.examples import examples
from tests.rules.district import CALENDAR, POLICY, SCENARIOS
from tests.rules.random_lives import TICKET, lives
from tests.rules.scenario_runner import fold_at_once, in_order, read_scenario

PATHS = [p for p in sorted(SCENARIOS.glob("*.jsonl")) if ".expected" not in p.name]


def keeps_its_bytes(data: EventData) -> None:
    """Assert that a line that is read and written again is the same line."""
    line = events.encode(data)
    read = events.decode(data.event, line)
    assert type(read) is type(data)
    assert events.encode(read) == line
    assert events.convert(data.event, msgspec.json.decode(line)) == read


def test_every_name_has_its_struct() -> None:
    assert set(EVENT_TYPES) == set(EventName)
    assert len(EventData.__subclasses__()) == len(EventName), "and none has two"


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_lines_of_the_scenarios_keep_their_bytes(path: Any) -> None:
    scenario = read_scenario(path)
    context = RuleContext(POLICY, scenario.calendar)
    messages = in_order(scenario.messages, scenario.unknown_units)
    for event in fold_at_once(messages, context, scenario.until)[1]:
        keeps_its_bytes(event.data)


@given(messages=lives())
@settings(max_examples=examples(100))
def test_lines_of_any_life_keep_their_bytes(messages: list[Message]) -> None:
    context = RuleContext(POLICY, CALENDAR)
    raws = {message.arrival: message.raw for message in messages}
    for event in fold(State(TICKET), messages, context, messages[-1].at):
        keeps_its_bytes(event.data)
        private = events.private_part(event.data, raws.get(event.cause or 0, {}))
        fields = events.fields(event.data).items()
        clear = {name for name, value in fields if not isinstance(value, PrivateText)}
        assert private.keys().isdisjoint(clear), "what is private is not clear"


def test_null_is_not_the_same_as_absent() -> None:
    """A line of an older release keeps both."""
    absent = b'{"kind":"urged","role":"claimant"}'
    null = b'{"kind":"urged","role":"claimant","unit":null}'
    for line in (absent, null):
        assert events.encode(events.decode("notice.queued", line)) == line


def test_what_a_citizen_wrote_is_never_in_clear() -> None:
    data = events.ProgressReported(unit="城管局", text=PrivateText("text"))
    assert "text" not in events.encode(data).decode()
    raws = {"text": "张三家门口的路灯", "unit": "城管局"}
    assert events.private_part(data, raws) == {"text": "张三家门口的路灯"}
    assert events.fields(data) == {"unit": "城管局"}


@pytest.mark.parametrize("name", EventName)
def test_every_field_says_where_its_text_comes_from(name: EventName) -> None:
    """A code, a number or an instant by its type; a text by its mark."""
    kind = EVENT_TYPES[name]
    assert set(ORIGINS[name]) == set(kind.__struct_fields__)
    for field in msgspec.structs.fields(kind):
        if ORIGINS[name][field.name] is Origin.PRIVATE:
            assert not field.required, "a line is read without its encrypted part"


def test_a_text_without_a_mark_is_found_out() -> None:
    class Unmarked(msgspec.Struct):
        at: datetime
        by: Annotated[str, Origin.HARMLESS]
        text: str

    with pytest.raises(TypeError, match=r"Unmarked\.text"):
        origins(Unmarked)


def test_every_handler_takes_the_content_of_its_type() -> None:
    for kind, handler in HANDLERS.items():
        content = list(signature(handler).parameters)[1]
        assert get_type_hints(handler)[content] is CONTENT_TYPES[kind]


def test_the_events_have_the_fields_that_sql_reads_by_name() -> None:
    """The bulletin's queries look into the JSON of these lines (`models/queries/figures.py`)."""
    with_unit = {
        *("alert.raised", "ticket.returned", "rework.opened", "conduct.recorded"),
        *("conduct.proposed", "ticket.accepted", "ticket.deemed_accepted"),
    }
    for name in with_unit:
        assert "unit" in EVENT_TYPES[EventName(name)].__struct_encode_fields__
    assert "level" in events.AlertRaised.__struct_encode_fields__
    for withdrawal in (events.AlertWithdrawn, events.DecisionWithdrawn):
        assert "of" in withdrawal.__struct_encode_fields__
