"""`hotline topics`: a classification from its file into the store and out again."""

import json
from pathlib import Path

import pytest
from openpyxl import Workbook

from models.rules.topic_lists import InvalidTopics
from scripts.rulebook.topic_files import read_topics
from tests.feeds.city_feeds import real_feed
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import letter

_TABLE = "分类代码,大类,中类,小类,别名\n010101,城建,市政,路灯,灯;灯杆\n010102,,,井盖,\n02,环保,,,\n"


@pytest.fixture
def hotline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcessHotline:
    """The command with a home of its own."""
    return InProcessHotline(tmp_path / "home", monkeypatch, capsys)


def test_a_classification_is_imported_mapped_and_exported(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    file = tmp_path / "分类.csv"
    file.write_bytes(_TABLE.encode("gb18030"))
    hotline("db", "upgrade")
    preview = hotline.json("topics", "import", file, "--dry-run")
    assert (preview["count"], preview["dry_run"]) == (5, True)
    assert "5 topics" in hotline("topics", "import", file).stdout
    assert "市政" in hotline("topics", "map", "马路照明", "路灯").stdout
    assert "name it by its code" in hotline("topics", "map", "照明", "没有的", code=1).stderr
    taken = hotline("topics", "map", "城建", "环保", code=1).stderr
    assert "城建 is the code or the path of 城建" in taken
    assert hotline.json("topics", "unknown") == []
    exported = tmp_path / "导出.csv"
    hotline("topics", "export", exported)
    assert "010101,城建,市政,路灯,灯;灯杆;马路照明" in exported.read_text("utf-8-sig")
    assert hotline("topics", "export", "-").stdout == exported.read_bytes().decode()
    assert hotline("queue", "--topic", "路灯").stdout.startswith("0 ")
    assert "no topic is 路登" in hotline("queue", "--topic", "路登", code=2).stderr
    again = hotline.json("topics", "import", exported)
    assert (again["added"], again["retired"], again["renamed"]) == ([], [], {})
    actions = [line["fields"] for line in hotline.lines("access")]
    assert ["hotline topics import"] in actions
    assert ["hotline topics map"] in actions


def test_a_replay_takes_a_classification_along(hotline: InProcessHotline, tmp_path: Path) -> None:
    """As a service does: a word of a source becomes a code, by which a unit is found."""
    (topics := tmp_path / "topics.csv").write_text(_TABLE, "utf-8")
    asked = letter("T1", "2026-11-02T09:00", topic="灯杆")
    del asked["unit"]
    (lives := tmp_path / "lives.jsonl").write_text(json.dumps(asked) + "\n", "utf-8")
    unit = "[[unit]]\nid = 'u1'\nname = '路灯所'\nkind = 'bureau'\ntopics = ['市政']\n"
    units = f"territory = ['濠江区']\n{unit}"
    (file := tmp_path / "units.toml").write_text(units, "utf-8")
    until = ("--until", "2026-11-02T09:30", "--units", file)
    for known in ((), ("--topics", topics)):
        played = {each["event"]: each for each in hotline.lines("replay", lives, *until, *known)}
        assert ("ticket.dispatched" in played) == bool(known)
        assert (played["ticket.received"].get("topic") == "010101") == bool(known)


def test_rows_that_are_merged_or_blank_mean_those_above(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["诉求分类目录"],
        ["一级分类", "一级代码", "二级分类", "二级代码"],
        ["城建", "01", "路灯", "0101"],
        [None, None, "井盖", "0102"],
        [None, None, None, None],
        ["环保", "02", None, None],
    ):
        sheet.append(row)
    book.save(file := tmp_path / "分类.xlsx")
    rows = [(row.labels, row.codes) for row in read_topics(file)]
    assert rows == [
        (("城建", "路灯"), ("01", "0101")),
        (("城建", "井盖"), ("", "0102")),
        (("环保",), ("02",)),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("编号,标题\n1,路灯\n", "一级分类"),
        ("一级分类,二级分类\n,路灯\n", "line 2"),
    ],
)
def test_what_is_no_classification_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (file := tmp_path / "分类.csv").write_text(text, "utf-8")
    with pytest.raises(InvalidTopics, match=why):
        read_topics(file)


def test_the_tree_of_a_province_is_read_whole() -> None:
    rows = read_topics(real_feed("topic_tree.xlsx"))
    assert (len(rows), len({row.labels[0] for row in rows})) == (517, 15)
