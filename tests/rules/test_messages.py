"""Messages: the fields that each must have, and the refusals of those that lack them."""

import math
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.i18n import render
from models.rules.messages import (
    CONTENT_TYPES,
    FIELDS,
    ORIGINS,
    Envelope,
    Refusal,
    content_id,
    read_content,
    read_envelope,
)
from models.rules.origins import HARMLESS, PRIVATE
from models.rules.vocabulary import ContactWish, MessageType
from tests.rules.district import instant

RECEIVED: dict[str, Any] = {
    "type": "ticket.received",
    "ticket": "HJ-1",
    "at": "2026-09-29T16:00:00+08:00",
    "category": "help",
    "title": "路灯不亮",
}

GOOD: dict[str, dict[str, Any]] = {
    "ticket.received": {"category": "help", "title": "路灯不亮"},
    "unit.accepted": {"unit": "城管局"},
    "unit.returned": {"unit": "城管局"},
    "return.reviewed": {"approved": True},
    "dispute.opened": {"units": ["城管局", "住建局"]},
    "dispute.evidence": {"unit": "城管局", "documents": ["a"]},
    "dispute.decided": {"unit": "城管局", "by": "leader"},
    "site.arrived": {"unit": "城管局"},
    "progress.reported": {"unit": "城管局", "text": "已到场"},
    "contact.attempted": {
        "unit": "城管局",
        "purpose": "first",
        "outcome": "reached",
        "method": "phone",
    },
    "contact.denied": {"purpose": "first"},
    "contact.proof": {"unit": "城管局", "purpose": "first", "evidence": "录音"},
    "extension.requested": {"unit": "城管局"},
    "claimant.supplemented": {"text": "补充"},
    "claimant.withdrew": {"to": "hotline"},
    "term.restarted": {"cause": "force_majeure", "basis": "台风"},
    "result.submitted": {"unit": "城管局", "disposal": "ordinary"},
    "result.reviewed": {"approved": False},
    "survey.rated": {"rating": "satisfied"},
    "revisit.recorded": {"outcome": "confirmed"},
    "rework.requested": {},
    "unit.joined": {"unit": "住建局"},
    "ticket.assigned": {"unit": "城管局", "by": "值班员"},
    "screening.decided": {"code": "4", "decline": False, "by": "值班员"},
    "unit.urged": {"unit": "城管局", "text": "请尽快", "by": "值班员"},
    "conduct.recorded": {"unit": "城管局", "ground": "shirking"},
    "ticket.amended": {"by": "值班员", "why": "登记有误"},
    "ticket.reassigned": {"unit": "住建局", "by": "值班员", "why": "派错单位"},
    "unit.succeeded": {"unit": "城管局", "successor": "城市管理局"},
    "note.added": {"text": "已核实", "by": "值班员"},
}
"""Of every type in the contract, a message with just what it must carry."""


def content(kind: str, **fields: Any) -> Any:
    """The content of a message that is taken."""
    read = read_content(MessageType(kind), GOOD[kind] | fields)
    assert not isinstance(read, Refusal), render(read.why)
    assert isinstance(read, CONTENT_TYPES[MessageType(kind)])
    return read


def as_json(value: Any) -> Any:
    """The value as it would come in a message."""
    return msgspec.json.decode(msgspec.json.encode(value))


def why_not(kind: str, **fields: Any) -> Refusal:
    """Return the refusal of a message that is not taken."""
    refusal = read_content(MessageType(kind), GOOD[kind] | fields)
    assert isinstance(refusal, Refusal)
    return refusal


def test_every_type_of_the_contract_is_known() -> None:
    assert set(FIELDS) == set(CONTENT_TYPES) == set(MessageType) == set(GOOD)


def test_every_text_of_a_message_is_what_its_source_wrote() -> None:
    """But codes, numbers, truth values and the items of the regulation."""
    harmless = {
        field for of_type in ORIGINS.values() for field, o in of_type.items() if o is HARMLESS
    }
    assert harmless == {
        *("category", "channel", "emergency", "declined", "approved", "by", "purpose", "outcome"),
        *("method", "to", "cause", "disposal", "rating", "code", "decline", "ground", "grave"),
    }
    assert ORIGINS[MessageType.UNIT_URGED]["by"] is PRIVATE, "a name; of a dispute it is a code"


@pytest.mark.parametrize("kind", GOOD)
def test_the_required_fields_are_enough(kind: str) -> None:
    read = content(kind)
    for name, value in GOOD[kind].items():
        assert as_json(getattr(read, name)) == value


@pytest.mark.parametrize("kind", [k for k, fields in GOOD.items() if fields])
def test_each_required_field_is_missed_by_its_name(kind: str) -> None:
    for name in GOOD[kind]:
        left = {k: v for k, v in GOOD[kind].items() if k != name}
        if not FIELDS[kind][name].required:
            continue
        for raw in (left, left | {name: None}):
            refusal = read_content(MessageType(kind), raw)
            assert isinstance(refusal, Refusal)
            assert refusal.missing == (name,)
            assert name in render(refusal.why)
    everything = read_content(MessageType(kind), {})
    assert isinstance(everything, Refusal)
    assert set(everything.missing) == set(GOOD[kind])


@pytest.mark.parametrize(
    ("kind", "field", "label", "code"),
    [
        ("ticket.received", "category", "投诉举报", "complaint"),
        ("ticket.received", "category", "咨询", "consultation"),
        ("ticket.received", "category", "求助", "help"),
        ("ticket.received", "category", "意见建议", "suggestion"),
        ("survey.rated", "rating", "非常不满意", "very_dissatisfied"),
        ("survey.rated", "rating", "基本满意", "basically_satisfied"),
        ("survey.rated", "rating", "very_satisfied", "very_satisfied"),
    ],
)
def test_labels_are_taken_for_codes(kind: str, field: str, label: str, code: str) -> None:
    assert getattr(content(kind, **{field: label}), field) == code


@pytest.mark.parametrize("item", ["4", 4, "2.2.4"], ids=["text", "number", "clause"])
def test_an_item_of_what_is_not_taken_may_be_written_in_three_ways(item: Any) -> None:
    assert content("ticket.received", declined=item).declined == "4"


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("ticket.received", "category", "表扬"),
        ("ticket.received", "category", ["help"]),
        ("ticket.received", "title", ""),
        ("ticket.received", "title", "  "),
        ("ticket.received", "title", {"text": "x"}),
        ("ticket.received", "claimant", "张三"),
        ("ticket.received", "claimant", {"contact": "perhaps"}),
        ("ticket.received", "emergency", "fire"),
        ("ticket.received", "declined", 0),
        ("ticket.received", "declined", 12),
        ("ticket.received", "declined", "2.1.4"),
        ("ticket.received", "statutory_limit", {"basis": "某法"}),
        ("ticket.received", "statutory_limit", {"workdays": 3, "hours": 24}),
        ("ticket.received", "statutory_limit", {"days": 3, "workdays": 2}),
        ("ticket.received", "statutory_limit", {"days": 0}),
        ("ticket.received", "statutory_limit", {"days": "3"}),
        ("ticket.received", "statutory_limit", {"days": 10_001}),
        ("ticket.received", "statutory_limit", {"workdays": 0}),
        ("ticket.received", "statutory_limit", {"hours": -2}),
        ("ticket.received", "statutory_limit", {"hours": "24"}),
        ("ticket.received", "statutory_limit", {"workdays": 1.5}),
        ("ticket.received", "statutory_limit", {"workdays": True}),
        ("return.reviewed", "approved", "yes"),
        ("dispute.opened", "units", []),
        ("dispute.opened", "units", "城管局"),
        ("dispute.opened", "units", ["城管局", 5]),
        ("dispute.decided", "by", "mayor"),
        ("claimant.withdrew", "to", "nobody"),
        ("term.restarted", "cause", "holiday"),
        ("result.submitted", "disposal", "lost"),
        ("survey.rated", "rating", 5),
    ],
)
def test_a_wrong_value_is_named_by_its_field(kind: str, field: str, value: Any) -> None:
    assert field in render(why_not(kind, **{field: value}).why)


def test_an_unknown_choice_is_answered_with_what_is_allowed() -> None:
    why = render(why_not("ticket.received", category="表扬").why)
    for allowed in ("consultation", "suggestion", "help", "complaint"):
        assert allowed in why


def test_unknown_fields_are_passed_over_and_null_is_the_same_as_absent() -> None:
    read = content("ticket.received", street=None, x_city_code="A7", claimant={"age": 40})
    assert read.street is None
    assert read.claimant.contact is ContactWish.WANTED, "absent contact means wanted"


def test_parts_that_the_regulation_asks_for_are_left_to_its_rules() -> None:
    assert content("unit.returned", reason="").reason == ""
    assert content("extension.requested").facts is None


def test_an_envelope_reads_times_without_offset_as_shanghai() -> None:
    for at in ("2026-09-29T16:00", "2026-09-29T16:00:00+08:00", "2026-09-29T08:00:00Z"):
        envelope = read_envelope(RECEIVED | {"at": at})
        assert isinstance(envelope, Envelope)
        assert envelope.at == instant("2026-09-29 16:00")
        assert envelope.at.utcoffset() == timedelta(hours=8)
        assert (envelope.type, envelope.ticket) == ("ticket.received", "HJ-1")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"type": "ticket.lost"}, "ticket.lost"),
        ({"type": None}, "type"),
        ({"type": ["ticket.received"]}, "type"),
        ({"ticket": None}, "number is missing"),
        ({"ticket": "  "}, "number is missing"),
        ({"ticket": True}, "number is missing"),
        ({"at": None}, "time is missing"),
        ({"at": 1_790_000_000}, "time is missing"),
        ({"at": "yesterday"}, "yesterday"),
        ({"at": "2026-02-30T10:00"}, "2026-02-30T10:00"),
    ],
)
def test_what_cannot_be_kept_says_why(fields: dict[str, Any], says: str) -> None:
    refusal = read_envelope(RECEIVED | fields)
    assert isinstance(refusal, Refusal)
    assert says in render(refusal.why)


def test_the_id_is_the_sources_or_a_digest_of_the_content() -> None:
    given_id = read_envelope(RECEIVED | {"id": 17})
    assert isinstance(given_id, Envelope)
    assert given_id.id == "17"
    plain, turned = read_envelope(RECEIVED), read_envelope(dict(reversed(RECEIVED.items())))
    assert isinstance(plain, Envelope)
    assert isinstance(turned, Envelope)
    assert plain.id == turned.id == content_id(RECEIVED), "the order of the keys says nothing"
    other = read_envelope(RECEIVED | {"title": "路灯又不亮"})
    assert isinstance(other, Envelope)
    assert other.id != plain.id


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["help", "求助", "first", "hotline", "2.2.4", "2026-09-29T16:00"])
)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["contact", "workdays", "hours", "basis", "name"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


@given(kind=st.sampled_from(sorted(FIELDS)), data=st.data())
def test_any_body_is_taken_or_refused_with_a_reason(kind: str, data: st.DataObject) -> None:
    names = [*FIELDS[kind], "something_else"]
    raw = data.draw(st.dictionaries(st.sampled_from(names), ANY_JSON))
    for mixed in (raw, GOOD[kind] | raw):
        before = dict(mixed)
        read = read_content(MessageType(kind), mixed)
        assert mixed == before, "what came is not changed"
        if isinstance(read, Refusal):
            assert render(read.why)
        else:
            again = read_content(MessageType(kind), as_json(read))
            assert again == read, "what was taken is taken again as it is"


@given(
    raw=st.dictionaries(
        st.sampled_from(["type", "ticket", "at", "id", "title"]), ANY_JSON, max_size=5
    )
)
def test_any_envelope_is_read_or_refused_with_a_reason(raw: dict[str, Any]) -> None:
    for mixed in (raw, RECEIVED | raw):
        read = read_envelope(mixed)
        if isinstance(read, Refusal):
            assert render(read.why)
        else:
            assert read.id
            assert read.ticket
            assert not math.isnan(read.at.timestamp())
