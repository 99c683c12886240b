"""A classification of requests: what a text means in it, and what an import makes of a list."""

import pytest

from models.rules.topic_lists import InvalidTopics, ListedTopic, listed, topics_of, with_alias
from models.rules.topics import Topic, TopicTree

TREE = TopicTree(
    [
        Topic("01", "城乡建设"),
        Topic("0101", "安全生产", "01"),
        Topic("010101", "安全生产", "0101"),
        Topic("010102", "其他", "0101", aliases=("工地 杂项",)),
        Topic("02", "环境保护", former=("环保",)),
        Topic("0201", "其他", "02"),
        Topic("0202", "公交/地铁", "02"),
        Topic("0203", "老分类", "02", retired=True),
    ]
)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("0101", "0101"),
        (" ０１０１ ", "0101"),
        ("101", "0101"),
        ("城乡建设", "01"),
        ("城乡建设/安全生产/其他", "010102"),
        ("城乡建设＞安全生产 → 其他", "010102"),
        ("安全生产/其他", "010102"),
        ("环保/其他", "0201"),
        ("工地杂项", "010102"),
        ("公交/地铁", "0202"),
        ("环境保护/公交/地铁", "0202"),
        ("安全生产", "0101"),
        (["城乡建设", "安全生产", "其他"], "010102"),
        (["没有的", "环境保护"], "02"),
        ("其他", None),
        ("没有的", None),
        ("城乡建设/没有的", None),
        ("老分类", None),
        ("0203", None),
        ("", None),
        (None, None),
        ({"label": "城乡建设"}, None),
        (7, None),
    ],
    ids=str,
)
def test_a_text_means_one_topic_or_none(words: object, code: str | None) -> None:
    assert TREE.find(words) == code


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("城乡建设", ["01", "0101", "010101", "010102"]),
        ("0101", ["0101", "010101", "010102"]),
        ("02", ["02", "0201", "0202", "0203"]),
        ("010", ["0101", "010101", "010102"]),
        ("地铁", ["0202"]),
        ("老分类", ["0203"]),
        ("?", ["?"]),
        ("没有的", []),
    ],
)
def test_a_first_level_finds_all_below_it(text: str, codes: list[str]) -> None:
    assert TREE.matching(text) == codes


def test_a_topic_is_shown_by_its_path() -> None:
    assert TREE.path("010102") == "城乡建设/安全生产/其他"
    assert TREE.path("none") == "none"
    assert TREE.names("0101") == ["安全生产", "0101", "城乡建设", "01"]


def _rows(*paths: str, codes: dict[str, str] | None = None) -> list[ListedTopic]:
    rows = []
    for line, path in enumerate(paths, 2):
        labels = tuple(path.split("/"))
        given = tuple((codes or {}).get(label, "") for label in labels)
        rows.append(ListedTopic(line, labels, given))
    return rows


def test_topics_without_codes_get_some_and_keep_them() -> None:
    first = TopicTree(topics_of(_rows("甲/乙/丙", "甲/乙/丁", "戊"), TopicTree()))
    assert list(first.topics) == ["T01", "T0101", "T010101", "T010102", "T02"]
    second = TopicTree(topics_of(_rows("己", "戊", "甲/乙/丁", "甲/乙/庚"), first))
    assert [(t.code, t.label) for t in second.topics.values() if not t.retired] == [
        ("T03", "己"), ("T02", "戊"), ("T01", "甲"), ("T0101", "乙"),
        ("T010102", "丁"), ("T010103", "庚"),
    ]  # fmt: skip
    assert second.topics["T010101"].retired
    # what had left comes back under its own code
    third = TopicTree(topics_of(_rows("甲/乙/丙"), second))
    assert third.find("丙") == "T010101"


def test_a_label_that_changed_is_still_known() -> None:
    before = TopicTree(topics_of(_rows("环保", codes={"环保": "02"}), TopicTree()))
    before = TopicTree(with_alias(before, "污染", "02"))
    after = TopicTree(topics_of(_rows("生态环境", codes={"生态环境": "02"}), before))
    assert [after.find(text) for text in ("环保", "生态环境", "污染")] == ["02"] * 3
    assert after.topics["02"].former == ("环保",)


def test_a_list_comes_out_as_it_went_in() -> None:
    topics = topics_of(_rows("甲/乙/丙", "甲/乙/丁", "戊"), TopicTree())
    tree = TopicTree(with_alias(TopicTree(topics), "旧词", "T0101"))
    assert topics_of(listed(tree), TopicTree()) == list(tree.topics.values())


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "lists no topic"),
        ([ListedTopic(2, ("甲",), ("1",)), ListedTopic(3, ("甲",), ("2",))], "line 3"),
        ([ListedTopic(2, ("甲",), ("1",)), ListedTopic(3, ("乙",), ("1",))], "line 3"),
        ([ListedTopic(2, ("甲",), ("?",))], "line 2"),
        (
            [ListedTopic(2, ("甲",), ("1",), ("丙",)), ListedTopic(3, ("乙",), ("2",), ("丙",))],
            "丙",
        ),
        (_rows(*(f"第{n}" for n in range(100))), "give them codes"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(rows: list[ListedTopic], why: str) -> None:
    with pytest.raises(InvalidTopics, match=why):
        topics_of(rows, TopicTree())
