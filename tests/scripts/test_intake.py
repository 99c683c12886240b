"""Feeds into the inbox, day after day, on both databases."""

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.clock import system_clock
from models.database import Store
from models.operations.advance import advance
from models.operations.inbox import add_messages, numbers_of_several
from models.queries.failures import failures
from models.rulebook import load_rulebook
from models.rules.calendar import SHANGHAI
from models.tables.core import BELL, INBOX
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.feed_runner import parts
from scripts.ingest.known_letters import LettersDoubled
from scripts.ingest.pipeline import FeedCounts, IngestPipeline
from scripts.ingest.records import MAPPINGS
from scripts.ingest.refused_rows import decrypted
from tests.feeds.feed_files import delimited, lines
from tests.store.factories import letter

HEADERS = ("留言编号", "留言用户", "留言主题", "留言时间", "留言详情", "答复意见", "答复时间")
Letters = dict[str, tuple[str, ...]]


def row(number: str, **cells: str) -> tuple[str, ...]:
    texts = {"用户": "某女士", "主题": "路灯不亮", "时间": "2026/9/3 8:05:07", "详情": "坏了两周。"}
    texts |= cells
    keys = ("用户", "主题", "时间", "详情", "意见", "答时")
    return (number, *(texts.get(key, "") for key in keys))


@pytest.fixture
def feed(store: Store, tmp_path: Path) -> Callable[..., FeedCounts]:
    """Feed rows as one day's file of the board."""

    def feed(*rows: tuple[str, ...], batch: int = 1_000, **options: Any) -> FeedCounts:
        path = tmp_path / "feed.csv"
        path.write_text(delimited([HEADERS, *rows]), encoding="utf-8")
        refused, rebased = tmp_path / "refused.jsonl", "start" in options
        doubling = bool(options.pop("doubling", False))
        intake = IngestPipeline(store, refused, rebased=rebased, doubling=doubling)
        intake.begin("feed.csv")
        parsed = list(read_feed(path, FeedOptions(**options)))
        for start in range(0, len(parsed), batch):
            intake.take(parsed[start : start + batch])
        return intake.counts

    return feed


def stored(store: Store, kind: str = "%") -> list[dict[str, Any]]:
    with store.reading() as session:
        taken = INBOX.c.current, ~INBOX.c.conflicting
        rows = session.execute(select(INBOX).where(*taken).order_by(INBOX.c.id)).all()
        # what the store has of a type is a letter
        of_kind = [row for row in rows if fnmatchcase(row.type, kind.replace("%", "*"))]
        return session.decrypt_all(INBOX.c.body, of_kind)


def refused(store: Store, tmp_path: Path) -> list[dict[str, Any]]:
    """The refused rows as `hotline refused --reveal --json` shows them."""
    text = (tmp_path / "refused.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    for row in rows:
        row["raw"] = decrypted(store.cipher, "sealed", row)
        if "reason" in row:
            row["why"] = decrypted(store.cipher, "reason", row)
            del row["reason"]
        del row["sealed"]
    return rows


def test_the_next_day_brings_only_what_is_new(store: Store, feed: Any) -> None:
    assert feed(row("1"), row("2")) == FeedCounts(2, 2, 0, 0)
    assert feed(row("2"), row("3")) == FeedCounts(2, 1, 1, 0)
    assert [body["ticket"] for body in stored(store)] == ["1", "2", "3"], "what vanished stays"


def test_white_space_is_no_change(store: Store, feed: Any) -> None:
    feed(row("1", 详情='"坏了两周。\n请修"'))
    again = row("1", 详情=" 坏了\u00a0两周。 请\u200b修\u3000", 主题="路灯 不亮", 用户="某 女士")
    assert feed(again) == FeedCounts(1, 0, 1, 0)
    assert len(stored(store)) == 1


def test_a_real_change_is_said_by_the_claimant_once(store: Store, feed: Any) -> None:
    feed(row("1"), row("2"))
    for counts in (FeedCounts(2, 1, 1, 0), FeedCounts(2, 0, 2, 0)):
        assert feed(row("1", 详情="坏了三周。"), row("2")) == counts
    assert feed(row("1", 详情="坏了四周。", 主题="还是不亮"), row("2")) == FeedCounts(2, 1, 1, 0)
    for counts in (FeedCounts(2, 1, 1, 0), FeedCounts(2, 0, 2, 0)):
        assert feed(row("1"), row("2")) == counts, "taken back, it is news once more"
    bodies = stored(store, "claimant.%")
    texts = ["坏了三周。", "还是不亮\n坏了四周。", "路灯不亮\n坏了两周。"]
    assert [body["text"] for body in bodies] == texts
    assert {body["ticket"] for body in bodies} == {"1"}
    assert len({body["id"] for body in bodies}) == 3
    assert all(body["id"].startswith("1#changed#") for body in bodies)


@pytest.mark.parametrize("batch", [1, 1_000])
def test_two_letters_under_one_number_are_not_one(
    store: Store, feed: Any, batch: int, tmp_path: Path
) -> None:
    first, second = row("1"), row("1", 详情="井盖丢了。")
    assert feed(first, second, first, batch=batch) == FeedCounts(3, 1, 1, 1)
    assert len(stored(store)) == 1
    (kept,) = refused(store, tmp_path)
    assert "key" in kept["why"]
    assert (kept["line"], kept["raw"]["留言详情"]) == (3, "井盖丢了。")
    later = row("1", 详情="井盖丢了。", 时间="2026/9/4 8:05:07")
    assert feed(later) == FeedCounts(1, 0, 0, 1), "written at another moment it is another letter"


def test_a_letter_refused_as_anothers_stays_so(store: Store, feed: Any, tmp_path: Path) -> None:
    """A column of days cannot tell two letters of a day apart when the file comes again."""
    light = row("7", 时间="2026/9/3 0:00:00", 用户="")
    cover = row("7", 时间="2026/9/3 0:00:00", 主题="井盖丢失", 详情="很危险。", 用户="")
    assert feed(light, cover) == FeedCounts(2, 1, 0, 1)
    assert feed(light, cover) == FeedCounts(2, 0, 1, 1)
    assert feed(cover) == FeedCounts(1, 0, 0, 1), "in a file of its own too"
    edited = row("7", 时间="2026/9/3 0:00:00", 主题="井盖丢失", 详情="很危险！快修", 用户="")
    assert feed(edited) == FeedCounts(1, 0, 0, 1), "whose change it is nobody knows"
    assert stored(store, "claimant.supplemented") == []
    with store.reading() as session:
        listed = [f for f in failures(session).rows if f.ticket == "7"]
        assert len(listed) == 2, "shown with what workers refused, each letter once"
        assert all("another letter" in failure.why for failure in listed)
    with store.writing() as session:
        assert advance(session, ["7"], load_rulebook(session), system_clock()).applied == 1
        assert numbers_of_several(session, "messages", ["7", "8"]) == set()


def test_letters_of_two_persons_are_two(store: Store, feed: Any) -> None:
    """Also when the second comes a day later, under a number and a day that are the first's."""
    feed(row("7", 时间="2026/9/3 0:00:00", 用户="u1"))
    other = row("7", 时间="2026/9/3 0:00:00", 用户="u2", 主题="井盖丢失", 详情="很危险。")
    assert feed(other) == FeedCounts(1, 0, 0, 1)
    assert stored(store, "claimant.supplemented") == []


def _keyed(folder: Path, *columns: str) -> Path:
    """The board's mapping, told by which columns it tells letters apart."""
    path = folder / "keyed.toml"
    text = (MAPPINGS / "provincial-board.toml").read_text(encoding="utf-8")
    path.write_text(f"key = {json.dumps(columns, ensure_ascii=False)}\n{text}", encoding="utf-8")
    return path


_DAY = {"时间": "2026/9/3 0:00:00", "用户": ""}


def test_letters_keep_their_number_when_the_mapping_gets_a_key(
    store: Store, feed: Any, tmp_path: Path
) -> None:
    """As the refusal of a number that two letters have advises."""
    light = row("7", **_DAY)
    cover = row("7", 主题="井盖丢失", 详情="很危险。", **_DAY)
    replied = row("8", 意见="已修好。", 答时="2026/9/4 9:00:00")
    assert feed(light, cover, replied, unit="城管局").refused == 1
    before = len(stored(store))
    keyed = _keyed(tmp_path, "留言主题")
    assert feed(light, cover, replied, unit="城管局", mapping=keyed) == FeedCounts(3, 1, 2, 0)
    assert len(stored(store)) == before + 1, "only the letter that was refused before"
    edited = row("7", 详情="坏了三周了。", **_DAY)
    assert feed(edited, cover, mapping=keyed) == FeedCounts(2, 1, 1, 0)
    (change,) = stored(store, "claimant.supplemented")
    assert (change["ticket"], change["text"]) == ("7", "坏了三周了。")
    assert feed(edited, row("9"), mapping=keyed) == FeedCounts(2, 1, 1, 0)


def test_a_changed_key_doubles_nothing_unless_that_is_meant(
    store: Store, feed: Any, tmp_path: Path
) -> None:
    letters = [row(str(number)) for number in range(1, 30)]
    feed(*letters, mapping=_keyed(tmp_path, "留言主题"))
    for options in ({}, {"mapping": _keyed(tmp_path, "留言主题", "留言用户")}):
        with pytest.raises(LettersDoubled, match="--yes"):
            feed(*letters, row("30"), **options)
        assert len(stored(store)) == 29
    # one old letter among a day's new ones is enough
    new = [row(str(number)) for number in range(1_000, 1_200)]
    with pytest.raises(LettersDoubled, match="of 201 letters looked at, 1 are in already"):
        feed(*new, letters[3], mapping=_keyed(tmp_path, "留言主题", "留言用户"))
    assert feed(row("1", 时间="2026/9/9 9:00:00"), row("31")).enqueued == 2, "others are new"
    assert feed(*letters, doubling=True) == FeedCounts(29, 28, 1, 0)


@pytest.mark.parametrize(
    ("written", "replied", "at"),
    [
        ("2026/9/3 8:50:13", "2026/9/3", "2026-09-03T17:30:00+08:00"),  # the letter's own day
        ("2026/9/3 19:00:00", "2026/9/3 0:00:00", "2026-09-03T19:00:00+08:00"),  # after hours
        ("2026/9/3 8:50:13", "2026/9/8", "2026-09-08T17:30:00+08:00"),
        ("2026/9/3 8:50:13", "2026/9/3 9:00:00", "2026-09-03T09:00:00+08:00"),
        ("2026/9/3 8:50:13", "2026/9/2", None),
    ],
)
def test_a_reply_dated_by_a_day_is_of_its_office_hours(
    store: Store, feed: Any, written: str, replied: str, at: str | None
) -> None:
    """It is not before its letter, and the same reply when it comes again."""
    rows = [row("1", 时间=written, 意见="已修好。", 答时=replied)]
    counts = feed(*rows, unit="城管局")
    assert counts.enqueued == 1
    assert [reply["at"] for reply in stored(store, "result.submitted")] == ([at] if at else [])
    assert feed(*rows, unit="城管局") == FeedCounts(1, 0, 1, 0)


def test_a_reply_of_today_is_of_the_moment_when_it_is_read(store: Store, feed: Any) -> None:
    """Never of an hour that is still to come."""
    now = system_clock().astimezone(SHANGHAI)
    today = f"{now:%Y/%m/%d}"
    feed(row("1", 意见="已修好。", 答时=today), unit="城管局")
    (reply,) = stored(store, "result.submitted")
    at = datetime.fromisoformat(reply["at"])
    closing = at.replace(hour=17, minute=30, second=0, microsecond=0)
    assert min(now, closing) <= at <= min(system_clock(), closing)


def test_a_table_of_replies_is_compared_with_the_tickets(
    store: Store, feed: Any, tmp_path: Path
) -> None:
    """A reply of the day on which its ticket was received in the evening comes after it."""
    feed(row("1", 时间="2026/9/3 19:00:00"), unit="城管局")
    with store.writing() as session:
        advance(session, ["1"], load_rulebook(session), system_clock())
    path = tmp_path / "replies.csv"
    path.write_text("编号,答复,日期\n1,已修好。,2026/9/3\n", encoding="utf-8")
    mapping = tmp_path / "replies.toml"
    mapping.write_text(_REPLIES, encoding="utf-8")
    intake = IngestPipeline(store, tmp_path / "refused.jsonl")
    intake.begin("replies.csv")
    intake.take(list(read_feed(path, FeedOptions(mapping=mapping))))
    (reply,) = stored(store, "result.submitted")
    assert reply["at"] == "2026-09-03T19:00:00+08:00"


_REPLIES = """
name = "replies"
source = "provincial-board"
about = "Replies"
headers = ["编号", "答复", "日期"]
letters = false
dates = ["%Y/%m/%d"]

[columns]
ticket = "编号"

[[later]]
name = "reply"
type = "result.submitted"
at = "日期"
columns = { facts = "答复" }
"""


def test_a_reply_waits_in_its_letter_until_somebody_can_have_sent_it(
    store: Store, feed: Any
) -> None:
    answered = row("1", 意见="已修复。", 答时="2026/9/10 9:00:00")
    assert feed(answered) == FeedCounts(1, 1, 0, 0)
    assert stored(store)[0]["reply"] == "已修复。"
    assert stored(store, "result.%") == []
    assert feed(answered, unit="区住建局") == FeedCounts(1, 1, 0, 0)
    assert feed(answered, unit="区住建局") == FeedCounts(1, 0, 1, 0)
    (result,) = stored(store, "result.%")
    assert (result["unit"], result["facts"]) == ("区住建局", "已修复。")


def test_a_reply_is_of_the_unit_that_has_the_ticket(store: Store, feed: Any) -> None:
    assert feed(row("1"), unit="区住建局") == FeedCounts(1, 1, 0, 0)
    with store.writing() as session:
        advance(session, ["1"], load_rulebook(session), system_clock())
    assert feed(row("1", 意见="已修复。", 答时="2026/9/10 9:00:00")) == FeedCounts(1, 1, 0, 0)
    (result,) = stored(store, "result.%")
    assert (result["ticket"], result["unit"]) == ("1", "住房和城乡建设局")


def test_a_refused_row_is_kept_whole_and_taken_when_mended(
    store: Store, feed: Any, tmp_path: Path
) -> None:
    assert feed(row("1", 时间="2026/9/31")) == FeedCounts(1, 0, 0, 1)
    (kept,) = refused(store, tmp_path)
    assert (kept["feed"], kept["source"], kept["line"]) == ("feed.csv", "provincial-board", 2)
    assert kept["raw"] == dict(zip(HEADERS, row("1", 时间="2026/9/31"), strict=True))
    assert (tmp_path / "refused.jsonl").stat().st_mode & 0o077 == 0
    assert feed(row("1", 时间="2026/9/30")) == FeedCounts(1, 1, 0, 0)


def test_the_file_of_refused_rows_is_fed_again_when_mended(
    store: Store, feed: Any, tmp_path: Path
) -> None:
    torn = ("2", "某女士", "路灯不亮")
    assert feed(row("1", 时间="2026/9/31"), torn, row("3")) == FeedCounts(3, 1, 0, 2)
    path = tmp_path / "mended.jsonl"
    path.write_bytes(lines(*refused(store, tmp_path)))

    def again(*names: tuple[str, str]) -> FeedCounts:
        text = path.read_text(encoding="utf-8")
        for old, new in names:
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        intake = IngestPipeline(store, tmp_path / "refused.jsonl")
        intake.begin("mended.jsonl")
        intake.take(list(read_feed(path)))
        return intake.counts

    assert again() == FeedCounts(2, 0, 0, 2), "nothing was mended"
    time = '"留言主题": "路灯不亮", "留言时间": "2026/9/4", "留言详情": "坏了。"}'
    mended = again(("2026/9/31", "2026/9/30"), ('"留言主题": "路灯不亮"}', time))
    assert mended == FeedCounts(2, 2, 0, 0)
    assert {body["ticket"] for body in stored(store)} == {"1", "2", "3"}
    with store.reading() as session:
        assert set(session.scalars(select(INBOX.c.source))) == {"provincial-board"}


def test_a_letter_of_tomorrow_is_refused_unless_it_is_played(feed: Any) -> None:
    tomorrow = (system_clock() + timedelta(days=2)).strftime("%Y/%m/%d %H:%M:%S")
    assert feed(row("1", 时间=tomorrow)) == FeedCounts(1, 0, 0, 1)
    start = (system_clock() + timedelta(days=9)).date()
    assert feed(row("1", 时间=tomorrow), start=start) == FeedCounts(1, 1, 0, 0)


def test_many_feeders_of_the_same_rows_put_each_once(store: Store) -> None:
    now = system_clock()
    messages = [letter(f"T-{n}", "2026-09-01T09:00") for n in range(300)]
    results: list[int] = []
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        with store.writing() as session:
            results.append(add_messages(session, "city", messages, now).enqueued)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0, 0, 300]
    with store.reading() as session:
        rows = session.execute(select(INBOX.c.id, INBOX.c.queue)).all()
        bells = session.execute(select(BELL.c.row_id, BELL.c.queue)).all()
    assert len(rows) == 300
    assert sorted(map(tuple, bells)) == sorted(map(tuple, rows))


def test_no_database_keeps_a_nought_in_a_name(store: Store) -> None:
    bad = letter("T-1", "2026-09-01T09:00") | {"id": "a\0b"}
    with store.writing() as session:
        result = add_messages(
            session, "city", [bad, letter("T-2", "2026-09-01T09:00")], system_clock()
        )
    assert (result.enqueued, [index for index, _why in result.refused]) == (1, [0])


@pytest.mark.parametrize("value", [None, ""])
def test_no_emergency_is_no_emergency(store: Store, value: str | None) -> None:
    """A source may send the field empty; only a real one goes before all others."""
    body = letter("E1", "2026-11-02T09:00") | {"emergency": value}
    with store.writing() as session:
        add_messages(session, "messages", [body], datetime(2026, 11, 2, 9, tzinfo=SHANGHAI))
    with store.reading() as session:
        assert session.scalars(select(INBOX.c.queue)).all() == ["intake"]


def test_messages_are_stored_in_parts_and_rows_of_a_table_together(tmp_path: Path) -> None:
    """The number that a row keeps depends on the others; a message stands for itself."""
    messages, table = tmp_path / "messages.jsonl", tmp_path / "letters.csv"
    messages.write_bytes(lines(*(letter(f"T{n}", "2026-11-02T09:00") for n in range(5))))
    rows = [row(str(n)) for n in range(5)]
    table.write_text(delimited([HEADERS, *rows]), "utf-8")
    sizes = [
        [len(part) for part in parts(list(read_feed(path, FeedOptions())), 2)]
        for path in (messages, table)
    ]
    assert sizes == [[2, 2, 1], [5]]
