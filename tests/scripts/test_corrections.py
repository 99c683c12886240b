"""A letter that comes again with other particulars is corrected, once, on both databases."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.clock import Now, system_clock
from models.database import Store
from models.operations.inbox import StoredMessage, add_messages
from models.rules.calendar import SHANGHAI
from models.tables.core import INBOX
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.letter_changes import facts_digest
from scripts.ingest.pipeline import FeedCounts, IngestPipeline
from scripts.ingest.seen_letters import SeenLetters
from tests.feeds.feed_files import delimited, lines
from tests.store.factories import advance_tickets, feed, log_of, message, row_of

MAPPING = """
name = "city"
headers = ["工单编号", "来电时间", "诉求内容"]
dates = ["%Y-%m-%d %H:%M:%S"]
zone = "Asia/Shanghai"

[columns]
ticket = "工单编号"
at = "来电时间"
updated = "修改时间"
category = "类别"
title = "标题"
content = "诉求内容"
"claimant.name" = "诉求人"
"claimant.phone" = "电话"
"claimant.contact" = "回访"
address = "地址"
unit = "承办单位"
emergency = "紧急"
"statutory_limit.workdays" = "法定天数"
"statutory_limit.basis" = "依据"

[constants]
category = "complaint"

[values.category]
"咨询" = "consultation"
"投诉" = "complaint"

[values."claimant.contact"]
"是" = "wanted"
"否" = "unwanted"

[values.emergency]
"否" = ""
"停水停电" = "utilities"

[[later]]
name = "replied"
type = "result.submitted"
at = "答复时间"
columns = { facts = "答复内容" }
constants = { measures = "见", remedies = "见", basis = "见", disposal = "ordinary" }
"""
COLUMNS = (
    *("工单编号", "来电时间", "修改时间", "类别", "标题", "诉求内容", "诉求人", "电话", "回访"),
    *("地址", "承办单位", "紧急", "法定天数", "依据", "答复时间", "答复内容"),
)
NEW, KNOWN, CHANGED = FeedCounts(1, 1, 0, 0), FeedCounts(1, 0, 1, 0), FeedCounts(1, 1, 0, 0)
REFUSED = FeedCounts(1, 0, 0, 1)
Feed = Callable[..., FeedCounts]


@pytest.fixture
def hour_ago() -> str:
    """An hour ago, as the city writes it."""
    return _written(timedelta(hours=1))


def _written(ago: timedelta) -> str:
    return f"{system_clock().astimezone(SHANGHAI) - ago:%Y-%m-%d %H:%M:%S}"


@pytest.fixture
def notes() -> list[str]:
    """The notes on the last feed."""
    return []


@pytest.fixture
def take(store: Store, tmp_path: Path, hour_ago: str, notes: list[str]) -> Feed:
    """Feed rows of the city, each given by its cells, as one file."""
    mapping = tmp_path / "city.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    usual = {
        "工单编号": "C1",
        "来电时间": hour_ago,
        "类别": "投诉",
        "标题": "路灯不亮",
        "诉求内容": "巷口的路灯坏了两周。",
        "诉求人": "某女士",
        "电话": "13800001111",
        "承办单位": "城市管理和综合执法局",
    }

    def take(
        *rows: dict[str, str],
        without: tuple[str, ...] = (),
        clock: Now | None = None,
        **options: Any,
    ) -> FeedCounts:
        columns = [name for name in COLUMNS if name not in without]
        table = [[(usual | row).get(name, "") for name in columns] for row in rows or ({},)]
        path = tmp_path / "feed.csv"
        path.write_text(delimited([columns, *table]), encoding="utf-8")
        pipeline = IngestPipeline(store, tmp_path / "refused.jsonl", now=clock)
        records = list(read_feed(path, FeedOptions(mapping=mapping, **options)))
        pipeline.take(records)
        notes[:] = pipeline.notes
        return pipeline.counts

    return take


def changes(store: Store) -> list[dict[str, Any]]:
    """What the inbox has beside letters and replies, in order of arrival."""
    with store.reading() as session:
        rows = session.execute(
            select(INBOX)
            .where(INBOX.c.current, INBOX.c.message_id.contains("#"), ~INBOX.c.conflicting)
            .order_by(INBOX.c.id)
        ).all()
        bodies = session.decrypt_all(INBOX.c.body, rows)
    hidden = ("id", "ticket", "at", "by", "why", "fields", "updated")
    bodies = [body for body in bodies if body["type"] != "result.submitted"]
    return [{k: v for k, v in body.items() if k not in hidden} for body in bodies]


def work(store: Store) -> list[Any]:
    """Let the workers apply what waits; returns the ticket's log."""
    advance_tickets(store, ["C1"], system_clock())
    return log_of(store, "C1")


def events(store: Store) -> list[str]:
    return [event.name for event in work(store)]


@pytest.mark.parametrize(
    ("cells", "amended"),
    [
        ({"电话": "13900002222"}, {"claimant": {"phone": "13900002222"}}),
        ({"类别": "咨询"}, {"category": "consultation"}),
        ({"地址": "达濠街道1号", "标题": "路灯不亮"}, {"address": "达濠街道1号"}),
        ({"诉求人": "某先生"}, {"claimant": {"name": "某先生"}}),
        ({"回访": "否"}, {"claimant": {"contact": "unwanted"}}),
        ({"紧急": "停水停电"}, {"emergency": "utilities"}),
        (
            {"法定天数": "10", "依据": "条例"},
            {"statutory_limit": {"workdays": 10, "basis": "条例"}},
        ),
        (
            {"电话": "13900002222", "类别": "咨询"},
            {"claimant": {"phone": "13900002222"}, "category": "consultation"},
        ),
    ],
)
def test_a_correction_is_one_message(
    store: Store, take: Feed, cells: dict[str, str], amended: dict[str, Any]
) -> None:
    assert take() == NEW
    assert take(cells) == CHANGED
    for _again in range(2):
        assert take(cells) == KNOWN
    made = [body for body in changes(store) if body["type"] == "ticket.amended"]
    assert made == [{"type": "ticket.amended", **amended}]
    assert "ticket.amended" in events(store)
    assert take(cells) == KNOWN, "also when it has been applied"


def test_an_edit_that_is_taken_back_is_a_correction(store: Store, take: Feed) -> None:
    take()
    other = {"电话": "13900002222", "诉求内容": "巷口的路灯坏了三周。"}
    for cells in (other, {}, other, {}):
        assert take(cells) == CHANGED
        assert take(cells) == KNOWN
    made = changes(store)
    phones = [m["claimant"]["phone"] for m in made if m["type"] == "ticket.amended"]
    assert phones == ["13900002222", "13800001111"] * 2
    texts = [m["text"] for m in made if m["type"] == "claimant.supplemented"]
    assert texts == ["巷口的路灯坏了三周。", "巷口的路灯坏了两周。"] * 2
    assert events(store).count("ticket.amended") == 4


def test_an_edited_letter_without_a_title_gets_none(store: Store, take: Feed) -> None:
    """The letter stands in for its title: an edit of it is new facts, once, and no new title."""
    without = ("标题",)
    assert take(without=without) == NEW
    assert events(store)
    edited = {"诉求内容": "巷口的路灯坏了三周，请打 13800001111。"}
    for counts in (CHANGED, KNOWN):
        assert take(edited, without=without) == counts
    assert changes(store) == [{"type": "claimant.supplemented", "text": edited["诉求内容"]}]
    assert events(store).count("ticket.supplemented") == 1
    assert row_of(store, "C1").title == "投诉举报"


@pytest.mark.parametrize(
    "cells",
    [
        {"电话": "+86 138-0000-1111"},
        {"电话": "１３８００００１１１１"},
        {"电话": "138****1111", "诉求人": "某＊＊"},
        {"电话": "", "诉求人": "", "地址": "", "承办单位": "", "类别": ""},
        {"标题": " 路灯 不亮", "诉求人": "某 女士"},
        {"承办单位": "区城管局"},
    ],
)
def test_what_says_the_same_or_nothing_is_no_correction(
    store: Store, take: Feed, cells: dict[str, str]
) -> None:
    take({"地址": "达濠街道1号"})
    assert take({"地址": "达濠街道1号"} | cells) == KNOWN
    assert take(without=("地址", "电话", "诉求人")) == KNOWN, "an export without these columns"
    assert changes(store) == []


def test_what_the_mapping_or_an_option_says_is_no_correction(
    store: Store, take: Feed, tmp_path: Path
) -> None:
    assert take({"类别": "", "承办单位": ""}, unit="达濠街道") == NEW
    assert take({"类别": "", "承办单位": ""}, unit="广澳街道") == KNOWN
    (tmp_path / "city.toml").write_text(
        MAPPING.replace('category = "complaint"', 'category = "help"'), encoding="utf-8"
    )
    assert take({"类别": "", "承办单位": ""}) == KNOWN
    assert changes(store) == []
    assert take({"类别": "咨询", "承办单位": ""}) == CHANGED, "what the row says is one"


def test_an_emergency_and_a_limit_are_taken_back_by_a_blank_cell(store: Store, take: Feed) -> None:
    """But not by an export that lacks the column."""
    urgent = {"紧急": "停水停电", "法定天数": "3", "依据": "条例"}
    take(urgent)
    assert take(without=("紧急", "法定天数", "依据")) == KNOWN
    assert take({"紧急": "否"}) == CHANGED
    assert take({"紧急": "否"}) == KNOWN
    assert changes(store) == [
        {"type": "ticket.amended", "emergency": None, "statutory_limit": None}
    ]
    assert take(urgent) == CHANGED
    assert take(urgent) == KNOWN
    assert events(store).count("ticket.amended") == 2


def test_an_object_without_a_field_takes_nothing_back(
    store: Store, take: Feed, tmp_path: Path, hour_ago: str
) -> None:
    letter = {"工单编号": "C1", "来电时间": hour_ago, "诉求内容": "停电了", "标题": "停电"}
    mapping, path = tmp_path / "city.toml", tmp_path / "feed.jsonl"

    def take_object(more: dict[str, Any]) -> FeedCounts:
        path.write_bytes(lines(letter | more))
        pipeline = IngestPipeline(store, tmp_path / "refused.jsonl")
        records = list(read_feed(path, FeedOptions(mapping=mapping)))
        pipeline.take(records)
        return pipeline.counts

    assert take_object({"紧急": "停水停电"}) == NEW
    assert take_object({}) == KNOWN
    assert take_object({"紧急": None}) == CHANGED


def test_another_unit_is_a_reassignment_by_the_source(store: Store, take: Feed) -> None:
    take()
    assert "ticket.dispatched" in events(store)
    moved = {"承办单位": "住建局"}
    assert take(moved) == CHANGED
    assert take(moved) == KNOWN
    log = work(store)
    assert [e.data["unit"] for e in log if e.name == "ticket.reassigned"] == ["住房和城乡建设局"]
    assert [e.data["unit"] for e in log if e.name == "ticket.dispatched"][-1] == "住房和城乡建设局"
    assert take(moved) == KNOWN, "also when it has been applied"
    assert take({"承办单位": "住建局、达濠街道"}) == KNOWN, "the lead is the same"
    assert take() == CHANGED, "and back again"
    assert [e.data["unit"] for e in work(store) if e.name == "ticket.reassigned"][1:] == [
        "城市管理和综合执法局"
    ]


def test_a_unit_that_has_the_ticket_by_now_is_only_noted(store: Store, take: Feed) -> None:
    """The desk has moved it, and the city's next file says so; then the desk moves it again."""
    take()
    work(store)
    now = system_clock()
    by_desk = {"by": "desk", "why": "错派"}
    moment = now.isoformat()
    feed(store, [message("C1", "ticket.reassigned", moment, unit="住建局", **by_desk)], now)
    work(store)
    named = {"承办单位": "住建局"}
    assert take(named) == CHANGED
    assert [body["type"] for body in changes(store)] == ["note.added"]
    moment = system_clock().isoformat()
    feed(store, [message("C1", "ticket.reassigned", moment, unit="达濠街道", **by_desk)], now)
    work(store)
    assert take(named) == KNOWN, "an old word does not undo what the desk has done since"


def test_a_unit_for_a_ticket_that_none_has_is_an_assignment(store: Store, take: Feed) -> None:
    nowhere = {"承办单位": "", "标题": "路", "诉求内容": "路"}
    take(nowhere)
    assert "ticket.unrouted" in events(store)
    assert take(nowhere | {"承办单位": "住建局"}) == CHANGED
    assert take(nowhere | {"承办单位": "住建局"}) == KNOWN
    assert [e.data["unit"] for e in work(store) if e.name == "ticket.dispatched"] == [
        "住房和城乡建设局"
    ]


def test_another_units_reply_comes_after_the_ticket_was_given_to_it(
    store: Store, take: Feed
) -> None:
    take()
    work(store)
    done = {
        "承办单位": "住建局",
        "答复时间": _written(timedelta(minutes=9)),
        "答复内容": "已修好。",
    }
    assert take(done) == CHANGED
    log = work(store)
    assert [e.data["unit"] for e in log if e.name == "result.submitted"] == ["住房和城乡建设局"]
    assert "message.refused" not in [e.name for e in log]
    assert take(done) == KNOWN


def test_a_unit_after_a_result_is_refused_by_the_rules_and_told_once(
    store: Store, take: Feed
) -> None:
    done = {"答复时间": _written(timedelta(minutes=9)), "答复内容": "已修好。"}
    take(done)
    work(store)
    assert take(done | {"承办单位": "住建局"}) == CHANGED
    assert [e.data["type"] for e in work(store) if e.name == "message.refused"] == [
        "ticket.reassigned"
    ]
    assert take(done | {"承办单位": "住建局"}) == KNOWN


def test_of_several_rows_of_one_ticket_in_a_feed_the_first_counts(
    store: Store, take: Feed, notes: list[str]
) -> None:
    """A row for each unit that helps: no feeding of them moves the ticket to and fro."""
    rows: list[dict[str, str]] = [{}]
    rows += ({"承办单位": "住建局"}, {"承办单位": "达濠街道", "电话": "13900002222"})
    assert take(*rows) == FeedCounts(3, 1, 2, 0)
    assert any("several rows under one number" in note for note in notes)
    work(store)
    assert take(*rows) == FeedCounts(3, 0, 3, 0)
    assert changes(store) == []
    other_text = {"诉求内容": "井盖丢了。"}
    assert take({}, other_text) == FeedCounts(2, 0, 1, 1), "that is another letter"


def test_an_older_version_undoes_nothing(store: Store, take: Feed) -> None:
    old, new = _written(timedelta(minutes=50)), _written(timedelta(minutes=5))
    take({"修改时间": old})
    assert take({"修改时间": new, "电话": "13900002222"}) == CHANGED
    assert take({"修改时间": old}) == KNOWN, "yesterday's file after today's"
    assert take({"修改时间": new}) == CHANGED
    assert take({"修改时间": "unreadable", "类别": "咨询"}) == CHANGED


def test_a_change_that_an_older_release_has_taken_stays_known(
    store: Store, take: Feed, hour_ago: str
) -> None:
    """Its supplements say only their text, and their id the digest of all facts."""
    take()
    edited = {"诉求内容": "巷口的路灯坏了三周。"}
    facts = ("title", "content", "address")
    digest = facts_digest({"title": "路灯不亮", "content": edited["诉求内容"]}, facts)
    old = {
        "type": "claimant.supplemented",
        "ticket": "C1",
        "id": f"C1#changed#{digest}",
        "at": f"{hour_ago.replace(' ', 'T')}+08:00",
        "text": edited["诉求内容"],
    }
    with store.writing() as session:
        assert add_messages(session, "city", [old], system_clock()).enqueued == 1
    assert take(edited) == KNOWN
    assert take() == CHANGED, "taken back since"
    assert take() == KNOWN
    assert take(edited) == CHANGED
    assert take(edited) == KNOWN
    texts = [body["text"] for body in changes(store)]
    assert texts[1:] == ["路灯不亮\n巷口的路灯坏了两周。", edited["诉求内容"]]


def test_a_letter_of_another_person_is_no_correction(store: Store, take: Feed) -> None:
    take()
    stranger = {"诉求人": "某先生", "电话": "13900002222", "诉求内容": "井盖丢了。"}
    assert take(stranger) == REFUSED
    assert take(stranger | {"类别": "咨询"}) == REFUSED
    assert changes(store) == []


def test_two_feeders_of_one_corrected_file_correct_once(
    store: Store, take: Feed, tmp_path: Path
) -> None:
    take()
    take({"电话": "13900002222", "承办单位": "住建局"})
    take()
    rows: list[list[str]] = [["工单编号", "来电时间", "诉求内容", "电话"]]
    with store.reading() as session:
        first = session.execute(select(INBOX.c.at).order_by(INBOX.c.id)).first()
    assert first is not None
    at = datetime.astimezone(first.at, SHANGHAI)
    rows.append(["C1", f"{at:%Y-%m-%d %H:%M:%S}", "巷口的路灯坏了两周。", "13900002222"])
    path = tmp_path / "again.csv"
    path.write_text(delimited(rows), encoding="utf-8")
    options = FeedOptions(mapping=tmp_path / "city.toml")
    counts: list[int] = []
    start = threading.Barrier(3)

    def work_once(number: int) -> None:
        pipeline = IngestPipeline(store, tmp_path / f"refused{number}.jsonl")
        records = list(read_feed(path, options))
        start.wait()
        pipeline.take(records)
        counts.append(pipeline.counts.enqueued)

    threads = [threading.Thread(target=work_once, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 1]


def test_what_a_long_feed_has_had_takes_no_endless_memory() -> None:
    known = StoredMessage(9, {})
    seen = SeenLetters(last_before=9, most=100)
    for number in range(1_000):
        seen.add("city", f"C{number}")
        assert seen.has("city", f"C{max(0, number - 99)}", known)
    assert not seen.has("city", "C1", known)
    assert not seen.has("another", "C999", known)
    assert seen.has("city", "C1", StoredMessage(10, {})), "it has come since the feed began"


def test_a_clock_that_is_put_back_makes_no_correction_a_second_row(
    store: Store, take: Feed
) -> None:
    def slow() -> datetime:
        return system_clock() - timedelta(minutes=5)

    assert take() == NEW
    assert take({"电话": "13900002222"}, clock=slow) == CHANGED
    assert take({"类别": "咨询"}, {"类别": "投诉"}, clock=slow) == FeedCounts(2, 1, 1, 0)
    made = [body["type"] for body in changes(store)]
    assert made == ["ticket.amended", "ticket.amended"]
