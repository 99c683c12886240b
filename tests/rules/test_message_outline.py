"""The outline of a message: what the rules read, without what people wrote."""

from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from models.i18n import PrivateText
from models.rules.calendar import SHANGHAI
from models.rules.events import private_part
from models.rules.lifecycle.decide import fold
from models.rules.message_outline import decode_outline, encode_outline, outline_of
from models.rules.messages import ORIGINS, Message, Refusal, read_message
from models.rules.origins import PRIVATE
from models.rules.state import RuleContext, State
from models.rules.vocabulary import MessageType
from tests.examples import examples
from tests.rules.district import CALENDAR, POLICY
from tests.rules.random_lives import TICKET, lives
from tests.rules.test_messages import GOOD

AT = datetime(2026, 11, 2, 9, tzinfo=SHANGHAI)


def read(kind: MessageType, **fields: Any) -> Message:
    """A message of the first arrival."""
    return read_message(kind, "T", AT, 1, {"type": kind, **GOOD[kind], **fields})


def stored(message: Message) -> Message:
    """The outline of a message as the store gives it back."""
    outline = encode_outline(outline_of(message))
    return decode_outline(
        message.type, message.ticket, message.at, message.arrival, outline, message.quiet_before
    )


@pytest.mark.parametrize("kind", MessageType)
def test_it_is_stored_and_read_again(kind: MessageType) -> None:
    """With every field of its type, and with those that it must have alone."""
    texts = [name for name, origin in ORIGINS[kind].items() if origin is PRIVATE]
    parts = {name: f"文字{name}" for name in texts} | GOOD[kind]
    for message in (read(kind), read(kind, **parts)):
        outline = outline_of(message)
        assert outline.raw == {}
        assert stored(message) == outline
        assert outline_of(outline) is outline
        assert "文字" not in repr(outline)


def test_a_paper_that_says_nothing_is_none() -> None:
    message = read(MessageType.RESULT_SUBMITTED, facts="无", measures=["", " "], remedies="已告知")
    content = outline_of(message).content
    assert not isinstance(content, Refusal)
    assert (content.facts, content.measures) == (None, None)  # type: ignore[attr-defined]
    assert content.remedies == PrivateText("remedies")  # type: ignore[attr-defined]


def test_parts_of_a_long_term_result_are_told_apart() -> None:
    long_term = {"progress": "已立项", "next_steps": "无", "extra": "x"}
    content = outline_of(read(MessageType.RESULT_SUBMITTED, long_term=long_term)).content
    texts = {"progress": PrivateText("long_term.progress")}
    assert content.long_term == texts  # type: ignore[union-attr]


def test_a_yes_is_a_yes_and_a_text_is_none() -> None:
    for answer, yes in (("是", True), (True, True), ("已电话告知", False), ("否", False)):
        content = outline_of(read(MessageType.EXTENSION_REQUESTED, claimant_told=answer)).content
        assert content.claimant_told is yes  # type: ignore[union-attr]


@given(messages=lives())
@settings(max_examples=examples(60), deadline=None)
def test_a_life_is_the_same_without_its_texts(messages: list[Message]) -> None:
    """Its state, its events, and the texts that they refer to."""
    context, end = RuleContext(POLICY, CALENDAR), messages[-1].at
    full, bare = State(TICKET), State(TICKET)
    events = fold(full, messages, context, end)
    assert fold(bare, list(map(stored, messages)), context, end) == events
    assert bare == full
    texts = {message.arrival: message.raw for message in messages}
    for event in events:
        kept = private_part(event.data, {})
        assert not kept, "nothing but what refers to a message"
        private_part(event.data, texts.get(event.cause or 0, {}))
    assert msgspec.json.decode(msgspec.json.encode(full), type=State) == full
