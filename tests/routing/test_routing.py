"""The order of what is believed: the city, then rules, then a model that is sure, then a person."""

import pickle
from functools import cache
from typing import Any

import msgspec
import pytest

from models.i18n import render
from models.rules.messages import TicketReceived
from models.rules.routing.directory import Directory
from models.rules.routing.learned import InvalidModel, LinearClassifier
from models.rules.routing.units_file import Rule, Unit
from models.rules.topics import Topic, TopicTree
from models.rules.vocabulary import Category
from scripts.training.fitting import build_corpus, train
from scripts.training.known_words import shipped_words
from scripts.training.labelled_letters import LabelledLetter
from tests.routing.sample_letters import letters

_UNITS = (
    Unit("甲局", aliases=("甲",), keywords=("路灯",), topics=("教育文体",)),
    Unit("环保局", topics=("环境保护",), rule=(Rule(words=("夜宵摊",), unless=("商场",)),)),
    Unit("丙局", rule=(Rule(topics=("停车",), streets=("东街",)),)),
    Unit("东街道", kind="street", streets=("东街",), keywords=("祠堂",)),
)
_SURE = {"title": "油烟扰民", "content": "烧烤店油烟和噪音扰民，污水排进小河，臭味刺鼻"}


@cache
def _model() -> bytes:
    made = letters(20)
    return msgspec.json.encode(train(build_corpus(made, shipped_words()), range(len(made)), 0.9))


def _directory(threshold: float | None = None) -> Directory:
    """The district with a model; without one where no threshold is given."""
    model = msgspec.json.decode(_model())
    model["threshold"] = threshold
    learned = LinearClassifier.read(msgspec.json.encode(model)) if threshold is not None else None
    return Directory(_UNITS, ["某区"], learned)


def _received(**fields: Any) -> TicketReceived:
    return TicketReceived(category=Category.HELP, **{"title": "", "content": "", **fields})


def _route(body: dict[str, Any], threshold: float | None = None) -> tuple[str | None, str]:
    route = _directory(threshold).route(_received(**body))
    return route.unit, render(route.why)


@pytest.mark.parametrize(
    ("body", "unit", "why"),
    [
        ({"unit": "甲", "content": "某区的夜宵摊"}, "甲局", "甲"),
        ({"content": "某区有夜宵摊，路灯也不亮"}, "环保局", "夜宵摊"),
        ({"content": "某区商场里有夜宵摊"}, None, ""),
        ({"content": "某区路灯不亮"}, "甲局", "路灯"),
        ({"content": "某区路灯不亮", "topic": "环境保护"}, "环保局", "环境保护"),
        ({"content": "东街停车", "topic": "停车"}, "丙局", "停车、东街"),
        ({"content": "某区停车", "topic": "停车"}, None, ""),
        ({"content": "东街的祠堂"}, "东街道", "祠堂"),
        ({"content": "随便说说", "street": "东街道"}, "东街道", "东街道"),
        ({"content": "路灯不亮"}, None, "place"),
        ({"unit": "没有的局", "content": "某区路灯不亮"}, None, "is not known"),
    ],
)
def test_rules_go_from_the_surest_to_the_least(
    body: dict[str, Any], unit: str | None, why: str
) -> None:
    """Each with the words that decided; a model that is sure changes none of them."""
    for threshold in (None, 0.0) if unit else (None,):
        result, reason = _route(body, threshold)
        assert result == unit
        assert why in reason


def test_a_cell_with_two_units_has_the_first_lead() -> None:
    """The second one helps."""
    route = _directory().route(_received(unit="环保局、甲"))
    assert (route.unit, route.joined) == ("环保局", ("甲局",))


def test_a_model_that_is_sure_decides_and_says_by_which_words() -> None:
    """Only for a letter that names a place of the district."""
    body = _SURE | {"address": "某区一巷"}
    unit, why = _route(body, 0.5)
    assert unit == "环保局"
    assert "环境保护" in why
    assert "油烟" in why


@pytest.mark.parametrize(
    ("more", "threshold"),
    [({"address": "某区一巷"}, 1.1), ({}, 0.0), ({"unit": "没有的局", "address": "某区"}, 0.0)],
)
def test_a_model_proposes_where_it_may_not_decide(more: dict[str, str], threshold: float) -> None:
    """Not sure; no place in the district; the city named a unit that nobody knows."""
    route = _directory(threshold).route(_received(**_SURE, **more))
    assert route.unit is None
    assert route.proposed == "环保局"
    assert route.proposal is not None
    assert "油烟" in render(route.proposal)


def test_a_label_that_no_unit_has_proposes_nothing() -> None:
    """The units file gives nobody the topic."""
    body = {"title": "拖欠工资", "content": "某区工地包工头拖欠农民工工资，社保断缴"}
    route = _directory(0.0).route(_received(**body))
    assert (route.unit, route.proposed) == (None, None)


def test_a_topic_below_a_units_own_is_the_units() -> None:
    """The city gives the third level, by its code; the units file the first."""
    tree = TopicTree([Topic("02", "环境保护"), Topic("0201", "噪声", "02")])
    directory = Directory(_UNITS, ["某区"], classification=tree)
    assert directory.route(_received(content="某区很吵", topic="0201")).unit == "环保局"


def test_the_same_letters_give_the_same_model() -> None:
    """Byte for byte, so that a version means something."""
    made = letters(20)
    again = msgspec.json.encode(train(build_corpus(made, shipped_words()), range(len(made)), 0.9))
    assert again == _model()


def test_a_model_shows_no_number_and_no_rare_name() -> None:
    """A reason stands in the log in clear: only words of the list, or of several letters."""
    made = letters(20)
    secret = "欧阳铁柱"
    named = [LabelledLetter(x.title, f"{secret}13800138000{x.content}", x.label) for x in made[:2]]
    model = LinearClassifier(
        train(build_corpus([*named, *made[2:]], shipped_words()), range(len(made)), 0.9)
    )
    judged = model.predict(secret, f"{secret}13800138000")
    assert not set("".join(judged.words)) & set(f"{secret}138")


@pytest.mark.parametrize(
    "other",
    [
        {"weights": "AAAA"},
        {"labels": ["甲"]},
        {"warmth": 0},
        {"form": 2},
        {"more": 1},
        {"bias": None},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_damaged_model_is_refused(other: dict[str, Any]) -> None:
    """It is checked as it is read, and nothing in it is ever run."""
    with pytest.raises(InvalidModel):
        LinearClassifier.read(msgspec.json.encode(msgspec.json.decode(_model()) | other))


def test_a_pickle_is_no_model() -> None:
    """A file that would run code in every worker is only bytes here."""
    with pytest.raises(InvalidModel):
        LinearClassifier.read(pickle.dumps({"labels": ["甲", "乙"]}))
