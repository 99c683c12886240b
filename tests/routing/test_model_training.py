"""A model is learned, kept, used by the workers, judged, and put away again."""

from pathlib import Path

import msgspec
import pytest

from models.database import Store
from models.i18n import render
from models.operations.routing_models import RoutingModelNotFound, add_model, use_model
from models.queries.detail import proposed_unit, ticket_detail
from models.queries.dispatch_history import past_dispatches
from models.queries.routing_models import load_model, models
from models.rulebook import RulebookCache
from models.rules.routing.directory import Unit, UnitsFile
from models.rules.topics import Topic, TopicTree
from monitor.actions import available_actions
from scripts.screen import Screen
from scripts.tickets.presentation import print_ticket
from scripts.training.evaluation import wilson_interval
from scripts.training.fitting import build_corpus, folds, train, usable_letters
from scripts.training.known_words import (
    merged,
    shipped_words,
    words_of_topics,
    words_of_units,
)
from scripts.training.labelled_letters import Columns, InvalidLetters, LabelledLetter, read_letters
from scripts.training.near_duplicates import duplicate_groups
from tests.feeds.city_feeds import real_feed
from tests.feeds.feed_files import workbook
from tests.routing.sample_letters import ABOUT, letters, table
from tests.scripts.hotline_process import HotlineProcess
from tests.store.factories import (
    advance_tickets,
    at,
    feed,
    letter,
    log_of,
    message,
    prepared_home,
    row_of,
)

_NOW = at("2026-10-12T12:00")
_UNITS = UnitsFile(
    tuple(Unit(f"{topic}局", topics=(topic,)) for topic in ABOUT), territory=("某区",)
)
_SURE = {"title": "油烟扰民", "content": "烧烤店油烟和噪音扰民，污水排进小河，臭味刺鼻"}


pytestmark = pytest.mark.store(units=_UNITS)


@pytest.fixture
def hotline(tmp_path: Path) -> HotlineProcess:
    """The command with a home of its own."""
    return HotlineProcess(tmp_path / "home", tmp_path)


def model_body(seed: int = 1) -> bytes:
    made = letters(20, seed)
    return msgspec.json.encode(train(build_corpus(made, shipped_words()), range(len(made)), 0.9))


def _receive(store: Store, ticket: str, address: str) -> str:
    body = letter(ticket, "2026-10-12T10:00:00+08:00", address=address, **_SURE)
    del body["unit"]
    body["claimant"] = {"name": ticket}
    feed(store, [body], _NOW)
    advance_tickets(store, [ticket], _NOW)
    return str(log_of(store, ticket)[1].name)


def test_workers_use_the_newest_model_and_stop_when_told(store: Store) -> None:
    """A rulebook is read again when a model comes or goes; letters already routed stay."""
    rulebooks = RulebookCache()
    with store.reading() as session:
        before = rulebooks.current(session)
    assert _receive(store, "A1", "某区一巷") == "ticket.unrouted"
    with store.writing() as session:
        first = add_model(session, model_body(), "letters.csv", _NOW)
        second = add_model(session, model_body(2), "letters.csv", _NOW)
    with store.reading() as session:
        assert [(m.version, m.in_use) for m in models(session)] == [(second, True), (first, False)]
        assert rulebooks.current(session) is not before
    assert _receive(store, "A2", "某区一巷") == "ticket.routed"
    routed = log_of(store, "A2")[1].data
    assert routed["unit"] == "环境保护局"
    assert "油烟" in routed["why"]["args"]["words"]
    with store.writing() as session:
        use_model(session, first)
    with store.reading() as session:
        assert [m.in_use for m in models(session)] == [False, True]
    with store.writing() as session:
        use_model(session, None)
        assert load_model(session) is None
        with pytest.raises(RoutingModelNotFound):
            use_model(session, 99)
    assert _receive(store, "A3", "某区一巷") == "ticket.unrouted"


def test_a_proposal_stands_in_the_log_of_a_ticket_in_the_manual_queue(store: Store) -> None:
    """The letter names no place of the district, so a person decides and sees what is proposed."""
    with store.writing() as session:
        add_model(session, model_body(), "letters.csv", _NOW)
    assert _receive(store, "B1", "") == "ticket.unrouted"
    data = log_of(store, "B1")[1].data
    assert data["proposed"] == "环境保护局"
    assert "油烟" in data["proposal"]["args"]["words"]
    with store.reading() as session:
        ticket = ticket_detail(session, "B1")
        print_ticket(screen := Screen(), session, "B1", _NOW)
    assert "环境保护局" in screen.text
    proposed = proposed_unit(ticket)
    assert proposed is not None
    assert proposed[0] == "环境保护局"
    choice = next(act for act in available_actions(ticket) if act.type == "ticket.assigned")
    assert choice.questions[0].default == "环境保护局"
    assert "油烟" in render(choice.label)
    chosen = message("B1", "ticket.assigned", "2026-10-12T11:00:00+08:00", by="值班员")
    feed(store, [chosen | {"unit": "教育文体局"}], _NOW)
    advance_tickets(store, ["B1"], _NOW)
    with store.reading() as session:
        assert proposed_unit(ticket_detail(session, "B1")) is None


def test_the_second_unit_of_a_cell_joins(store: Store) -> None:
    """The first one leads and has the clocks; the other is told."""
    body = letter("D1", "2026-10-12T10:00:00+08:00", unit="环境保护局、教育文体局")
    feed(store, [body], _NOW)
    advance_tickets(store, ["D1"], _NOW)
    told_of = {e.name: e.data for e in log_of(store, "D1")}
    assert told_of["ticket.dispatched"]["unit"] == "环境保护局"
    assert told_of["unit.joined"]["unit"] == "教育文体局"
    assert row_of(store, "D1").unit == "环境保护局"


def test_it_learns_from_what_units_accepted(store: Store) -> None:
    """From the units' word or silence, not from a dispatch that nobody took yet."""
    received = [
        letter(
            f"C{n}", f"2026-10-{9 if n < 3 else 12:02d}T10:00:00+08:00", unit="环境保护局", **_SURE
        )
        for n in range(5)
    ]
    output = message("C3", "unit.accepted", "2026-10-12T11:00:00+08:00", unit="环境保护局")
    feed(store, [*received, output], _NOW)
    advance_tickets(store, [f"C{n}" for n in range(5)], _NOW)
    with store.reading() as session:
        past = list(past_dispatches(session))
    # C0 to C2 were received before the weekend and not answered within a working day
    assert [p.unit for p in past] == ["环境保护局"] * 4
    assert past[0].title == _SURE["title"]


def test_a_letter_sent_twice_is_never_on_both_sides() -> None:
    """Else a model would be praised for what it has by heart; a few changed words do not matter."""
    made = letters(6)
    twice = made + [LabelledLetter(x.title, f"{x.content}请回复。", x.label) for x in made]
    corpus = build_corpus(twice, shipped_words())
    for learn, predict in folds(corpus.truth, corpus.groups, 5, seed=3):
        assert not {n % len(made) for n in learn} & {n % len(made) for n in predict}
        assert len(learn) + len(predict) == len(twice)


def test_letters_about_different_matters_are_no_duplicates() -> None:
    """Short ones that share an opening and an ending may be on both sides."""
    texts = ("楼下烧烤店油烟呛人，每天到半夜", "学校食堂饭菜变凉，学生吃不饱", "工资拖了半年没有发")
    made = [LabelledLetter("", f"您好，{text}，请处理。", "甲") for text in texts]
    assert duplicate_groups([*made, made[1]]) == [0, 1, 2, 1]


def test_the_names_of_topics_are_known_words() -> None:
    """With their parts, for each topic above them; a unit's words are those of its topics too."""
    tree = TopicTree(
        [
            Topic("1", "水上事务"),
            Topic("11", "码头和航道管理", "1", aliases=("渡口",)),
            Topic("12", "其他", "1"),
            Topic("13", "灯塔", "1", retired=True),
        ]
    )
    words = words_of_topics(tree)
    assert words["码头和航道管理"] == (
        "码头和航道管理",
        "码头和航道",
        "码头",
        "航道管理",
        "航道",
        "渡口",
    )
    assert words["水上事务"] == ("水上事务", "水上", *words["码头和航道管理"])
    unit = Unit("港航局", keywords=("拖轮",), topics=("水上事务",))
    assert words_of_units([unit], words) == {"港航局": ("拖轮", *words["水上事务"])}
    assert merged({"甲": ("a",)}, {"甲": ("b", "a"), "乙": ("c",)}) == {
        "甲": ("a", "b"),
        "乙": ("c",),
    }


def test_the_interval_of_an_accuracy_is_wide_for_few_letters() -> None:
    """By Wilson's formula: 84.6 % of 247 letters, and all of ten."""
    low, high = wilson_interval(209 / 247, 247)
    assert (round(low, 3), round(high, 3)) == (0.796, 0.886)
    low, high = wilson_interval(1.0, 10)
    assert (round(low, 3), high) == (0.722, 1.0)


def test_labels_with_too_few_letters_are_left_out_and_named() -> None:
    """Nothing can be learned from two letters; with one label left there is nothing to choose."""
    kept, few = usable_letters([*letters(4), LabelledLetter("问", "问", "其他")])
    assert few == {"其他": 1}
    assert len(kept) == 12
    with pytest.raises(InvalidLetters):
        usable_letters([letter for letter in letters(4) if letter.label == "环境保护"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_labelled_files_are_read_in_their_encodings(tmp_path: Path, encoding: str) -> None:
    """Columns are found by their usual names."""
    made = letters(3)
    assert read_letters(table(tmp_path / "l.csv", made, encoding)) == (made, 0)


def test_a_spreadsheet_of_labelled_letters_is_read(tmp_path: Path) -> None:
    """Columns may be named by hand; rows without a label are counted, not taken."""
    file = tmp_path / "l.xlsx"
    rows = [("a", "b"), ("路灯不亮", "城管"), ("没有类别", ""), ("", "城管"), ("", "")]
    file.write_bytes(workbook(rows))
    result, lacking = read_letters(file, Columns(text="A", label="b"))
    assert (result, lacking) == ([LabelledLetter("", "路灯不亮", "城管")], 2)
    with pytest.raises(InvalidLetters, match="there are: a, b"):
        read_letters(file)


@pytest.mark.slow
def test_train_and_evaluate_from_the_shell(hotline: HotlineProcess, tmp_path: Path) -> None:
    """A model is not evaluated on its own training letters; without a model a file is split."""
    training = table(tmp_path / "own.csv", letters(12))
    unseen = table(tmp_path / "b.csv", letters(12, 2))
    split = hotline.json("routing", "evaluate", training, "--rounds", "2", "--folds", "4")
    assert split["method"] == "cross-validation"
    assert set(split["classes"]) == set(ABOUT)
    assert split["letters"] == 36
    low, high = split["interval"]
    assert 0.9 < split["accuracy"] <= high
    assert low < split["accuracy"]
    assert not hotline.home.exists()
    prepared_home(hotline.home)
    trained = hotline.json("routing", "train", training)
    assert (trained["version"], trained["letters"]) == (1, 36)
    judged = hotline.json("routing", "evaluate", unseen)
    assert judged["method"] == "model"
    assert judged["accuracy"] > 0.9
    assert (
        hotline.json("routing", "evaluate", training, "--rounds", "1")["method"]
        == "cross-validation"
    )
    error = hotline("routing", "evaluate", training, "--model", code=1).stderr
    assert "--cross-validate" in error
    assert "in use" in hotline("routing", "models").stdout
    hotline("routing", "use", "0")
    assert hotline.json("routing", "models")[0]["in_use"] is False
    assert "no model 7" in hotline("routing", "use", "7", code=1).stderr
    assert "two labels" in hotline("routing", "train", code=1).stderr


@pytest.mark.slow
def test_a_replay_takes_a_model_only_by_hand(hotline: HotlineProcess, tmp_path: Path) -> None:
    """The store's own model changes no replay; one that is handed in gives the same log again."""
    units = tmp_path / "units.toml"
    lines = "".join(f'[[unit]]\nname="{t}局"\ntopics=["{t}"]\n' for t in ABOUT)
    units.write_text(f'territory=["某区"]\n{lines}', "utf-8")
    file = table(tmp_path / "own.csv", letters(20))
    body = letter("R1", "2026-10-12T10:00:00+08:00", address="某区一巷", **_SURE)
    del body["unit"]
    feed_file = tmp_path / "feed.jsonl"
    feed_file.write_bytes(msgspec.json.encode(body))
    prepared_home(hotline.home)
    hotline("routing", "train", file)
    hotline("routing", "train", file, "--output", tmp_path / "m.json")
    assert (tmp_path / "m.json").stat().st_mode & 0o077 == 0
    plain = hotline.lines("replay", feed_file, "--units", units)
    assert [e["event"] for e in plain][:2] == ["ticket.received", "ticket.unrouted"]
    ways = [
        hotline("replay", feed_file, "--units", units, "--model", tmp_path / "m.json").stdout
        for _turn in range(2)
    ]
    assert ways[0] == ways[1]
    assert "环境保护局" in ways[0]


@pytest.mark.slow
@pytest.mark.feeds
def test_real_letters_are_told_apart(hotline: HotlineProcess) -> None:
    """Topics of a province's letters: most are right, and nearly all that it is surest of."""
    file = real_feed("labelled_topics.csv")
    result = hotline.json("routing", "evaluate", file, "--rounds", "1")
    assert result["accuracy"] > 0.86
    assert result["coverage"][-1]["accuracy"] > 0.93
