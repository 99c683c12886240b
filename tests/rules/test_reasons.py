"""Stored reasons are shown by labels in the reader's language; what is stored are codes."""

from collections.abc import Iterator

import pytest

from models.i18n import LazyText, activate, lazy, render
from models.rules.messages import FIELDS, Refusal, read_content
from models.rules.papers import required_parts
from models.rules.vocabulary import Disposal, MessageType, Rating, RevisitOutcome, Status


@pytest.fixture
def chinese() -> Iterator[None]:
    """The process speaks Chinese during the test."""
    activate("zh")
    yield
    activate("en")


def _why(kind: MessageType, body: dict[str, object]) -> LazyText:
    content = read_content(kind, body)
    assert isinstance(content, Refusal)
    return content.why


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("why", "expected"),
    [
        (
            _why(MessageType.SURVEY_RATED, {"rating": "excellent"}),
            "字段 评价 只能是：非常满意, 满意, 基本满意, 不满意, 非常不满意",
        ),
        (
            _why(MessageType.TERM_RESTARTED, {"cause": "rain", "basis": "雨"}),
            "字段 事由 只能是：不可抗力, 法规调整",
        ),
        (
            lazy("the result lacks: {names}", names="facts, long_term.next_steps"),
            "办理结果缺少：事实, 长期办理计划.下一步安排",
        ),
        (
            lazy("not possible while the ticket is {status}", status=Status.DISPATCHED),
            "工单状态为「待受理」，不能这样操作",
        ),
    ],
)
def test_codes_and_fields_are_shown_in_chinese(why: LazyText, expected: str) -> None:
    assert render(why) == expected


@pytest.mark.usefixtures("chinese")
def test_no_code_of_a_message_type_is_shown() -> None:
    why = lazy(
        "it came late, and would undo what was done since: {types}",
        types="result.submitted, survey.rated",
    )
    assert "result" not in render(why)
    assert "survey" not in render(why)


def test_in_english_what_a_field_takes_are_its_codes() -> None:
    """The labels of a list are for reading; in English a message holds the code."""
    why = _why(MessageType.SURVEY_RATED, {"rating": "excellent"})
    assert render(why) == "field rating must be one of: " + ", ".join(Rating)
    restarted = lazy("{cause}: {basis} (Regulation 3.4.7)", cause="law_change", basis="x")
    assert render(restarted) == "change of law: x (Regulation 3.4.7)"
    another = lazy("not possible while the ticket is {status}", status="of a later version")
    assert render(another) == "not possible while the ticket is of a later version"


def test_what_is_stored_are_codes() -> None:
    why = lazy("not possible while the ticket is {status}", status=Status.DISPATCHED)
    assert why.args == {"status": "dispatched"}


@pytest.mark.usefixtures("chinese")
def test_every_field_that_a_message_may_lack_has_its_chinese() -> None:
    names = {
        n for fields in FIELDS.values() for n, (_check, needed, _null) in fields.items() if needed
    }
    variants: list[dict[str, object]] = [{}, {"outcome": RevisitOutcome.CORRECTED}]
    variants += [{"disposal": disposal, "long_term": {}} for disposal in Disposal]
    for message in variants:
        names.update(part for kind in MessageType for part in required_parts(kind, message))
    rendered = {name: render(lazy("{names}", names=name)) for name in names}
    assert [name for name, text in rendered.items() if text == name] == []
