"""What workers refused and channels gave up: listed, shown, named, and sent again by right."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from models.clock import system_clock
from models.database import Store
from models.operations.notices.record import give_up
from models.tables.core import BELL, INBOX, NOTICE
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import KEY_LINE, RESULT, advance_tickets, feed, letter, message

PHONE = "13912345678"


@pytest.fixture
def hotline(
    store: Store,
    store_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> InProcessHotline:
    """The command, on a store with a refused result, a refused acceptance and a failed notice."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    now = system_clock()
    received = (now - timedelta(days=1)).isoformat()
    at = (now - timedelta(minutes=5)).isoformat()
    bare = {**RESULT, "basis": f"请电 {PHONE}"}
    missing = next(iter(k for k in RESULT if k != "basis"))
    del bare[missing]
    feed(store, [
        letter("K1", received), message("K1", "result.submitted", at, **bare),
        message("NEVER", "unit.accepted", at),
    ], now)  # fmt: skip
    advance_tickets(store, ["K1", "NEVER"], now + timedelta(days=8))
    with store.writing() as session:
        row = session.scalar(select(NOTICE.c.id).where(NOTICE.c.kind == "dispatched"))
        assert row is not None
        give_up(session, {row: "451 mailbox full"}, "mail", now)
    return InProcessHotline(
        home, monkeypatch, capsys, DATABASE_URL=store_url, KEY=KEY_LINE, BROKER="memory"
    )


def names(hotline: InProcessHotline, code: int = 0) -> dict[str, str]:
    """The names of what is listed, by type."""
    return {row["type"]: row["id"] for row in hotline.lines("refused", code=code) if "id" in row}


def test_rows_of_feeds_and_refusals_of_workers_are_one_list(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    """A named file is listed alone; in clear is shown only what is asked for, and it is logged."""
    file = tmp_path / "rows.jsonl"
    file.write_text('{"type": "nothing"}\n', "utf-8")
    hotline("feed", file, code=1)
    rows = hotline.lines("refused")
    assert "feed" in rows[0]
    listed = {row["type"]: row for row in rows if "id" in row}
    assert set(listed) == {"result.submitted", "unit.accepted", "dispatched"}
    assert listed["dispatched"]["why"] == "451 mailbox full"
    assert listed["unit.accepted"]["ticket"] == "NEVER"
    assert len(hotline.lines("refused", hotline.home / "refused.jsonl")) == 1
    text = hotline("refused").stdout
    assert listed["result.submitted"]["id"] in text and PHONE not in text
    rows = hotline.lines("refused", "--reveal", "--reason", "checking")
    (result,) = [row for row in rows if row.get("type") == "result.submitted"]
    assert PHONE in result["raw"]["basis"]
    fields = [line["fields"] for line in hotline.lines("access")]
    assert fields[-1] == ["refused messages"]
    assert hotline.lines("access")[-1]["amount"] == 2


_DAMAGE: tuple[Callable[[bytes], bytes], ...] = (
    lambda line: line[:40],
    lambda line: b"[" * 100_000,
    lambda line: line.replace(b'"line":', b'"line":"'),
    lambda line: line.replace(b'"sealed":"', b'"sealed":"%'),
    lambda line: line + line,
    lambda line: b"\xff\x00",
)


def test_a_damaged_row_is_named_and_the_others_are_listed(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"type": "a"}\n' * (len(_DAMAGE) + 2), "utf-8")
    hotline("feed", file, code=1)
    path = hotline.home / "refused.jsonl"
    first, *others, last = path.read_bytes().splitlines()
    damaged = [damage(line) for damage, line in zip(_DAMAGE, others, strict=True)]
    path.write_bytes(b"\n".join((first, *damaged, last)) + b"\n")
    for options in ((), ("--reveal", "--reason", "checking")):
        output = hotline("refused", *options, "--json", code=1)
        rows = [row for line in output.stdout.splitlines() if "feed" in (row := json.loads(line))]
        assert [row["line"] for row in rows] == [1, len(_DAMAGE) + 2]
        for number in range(2, len(_DAMAGE) + 2):
            assert f"{path}, line {number}: is damaged" in output.stderr
    assert hotline.lines("access")[-2]["amount"] == 2
    assert names(hotline, code=1), "what workers refused is listed too"
    hotline("keys", "show")


def test_a_row_that_does_not_decrypt_is_listed_without_its_content(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"type": "a"}\n{"type": "b"}\n', "utf-8")
    hotline("feed", file, code=1)
    path = hotline.home / "refused.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"line":1', b'"line":7'))
    output = hotline("refused", "--reveal", "--reason", "checking", "--json", code=1)
    rows = [row for line in output.stdout.splitlines() if "feed" in (row := json.loads(line))]
    assert [("raw" in row, row["line"]) for row in rows] == [(False, 7), (True, 2)]
    assert f"{path}, line 1: " in output.stderr and "was altered" in output.stderr


def test_show_finds_a_ticket_that_was_only_refused(hotline: InProcessHotline) -> None:
    ticket = hotline.json("show", "NEVER")
    assert (ticket["status"], ticket["waiting"]) == (None, 0)
    assert [row["type"] for row in ticket["refused"]] == ["unit.accepted"]
    assert names(hotline)["unit.accepted"] in hotline("show", "NEVER").stdout
    assert "no ticket nothing" in hotline("show", "nothing", code=1).stderr


def test_show_says_that_messages_wait(hotline: InProcessHotline, store: Store) -> None:
    now = system_clock()
    feed(store, [message("LATER", "unit.accepted", now.isoformat())], now)
    assert hotline.json("show", "LATER")["waiting"] == 1
    assert "1 message waits" in hotline("show", "LATER").stdout


def test_doctor_names_them(hotline: InProcessHotline) -> None:
    checks = [c for c in hotline.json("doctor", code=1) if c["check"] in ("refused", "notices")]
    texts = {c["check"]: c["told"] for c in checks}
    listed = names(hotline)
    assert "2 messages were refused" in texts["refused"]
    assert listed["unit.accepted"] in texts["refused"] and "NEVER" in texts["refused"]
    assert listed["dispatched"] in texts["notices"] and "451 mailbox full" in texts["notices"]


def test_doctor_names_what_waits_without_a_bell(hotline: InProcessHotline, store: Store) -> None:
    feed(store, [letter("UNRUNG", system_clock().isoformat())], system_clock())
    assert "bells" not in {c["check"] for c in hotline.json("doctor", code=1)}
    with store.writing() as session:
        session.execute(BELL.delete())
    (check,) = (c for c in hotline.json("doctor", code=1) if c["check"] == "bells")
    assert check["state"] == "wrong" and "UNRUNG" in check["told"]


def test_a_message_is_sent_again_as_it_was(hotline: InProcessHotline, store: Store) -> None:
    """Refused again it can be sent again again; meanwhile it is not refused any more."""
    now = system_clock() + timedelta(days=8)
    for _time in range(2):
        name = names(hotline)["result.submitted"]
        assert name in hotline("resend", name).stdout
        assert "result.submitted" not in names(hotline)
        assert "neither refused" in hotline("resend", name, code=1).stderr
        advance_tickets(store, ["K1"], now)
    with store.reading() as session:
        rows = session.execute(select(INBOX).where(INBOX.c.type == "result.submitted")).all()
        bodies = session.decrypt_all(INBOX.c.body, rows)
    assert [row.current for row in rows] == [False, False, True]
    assert {body["basis"] for body in bodies} == {f"请电 {PHONE}"}
    assert {row.message_id for row in rows} == {rows[0].message_id}


def test_a_message_is_mended_without_being_seen_in_clear(
    hotline: InProcessHotline, store: Store, tmp_path: Path
) -> None:
    """What is still redacted in the file is as it was; that it was opened is logged."""
    name = names(hotline)["result.submitted"]
    printed = hotline("resend", name, "--print").stdout
    assert PHONE not in printed
    mended = RESULT | json.loads(printed)
    file = tmp_path / "mended.json"
    file.write_text(json.dumps(mended, ensure_ascii=False), "utf-8")
    hotline("resend", name, "--file", file)
    advance_tickets(store, ["K1"], system_clock() + timedelta(days=8))
    with store.reading() as session:
        rows = session.execute(
            select(INBOX).where(INBOX.c.type == "result.submitted", INBOX.c.current)
        ).all()
        (body,) = session.decrypt_all(INBOX.c.body, rows)
    assert rows[0].state == "applied"
    assert PHONE in body["basis"]
    assert [(a["act"], a["ticket"], a["reason"]) for a in hotline.lines("access")] == [
        ("reveal", "K1", "mending")
    ] * 2
    file.write_text("[]", "utf-8")
    other = names(hotline)["unit.accepted"]
    assert "no JSON object" in hotline("resend", other, "--file", file, code=1).stderr
    hotline("resend", other, other, "--file", file, code=2)


def test_a_notice_is_sent_again(hotline: InProcessHotline, store: Store) -> None:
    """It is queued by its own channel, and the log says by whom."""
    name = names(hotline)["dispatched"]
    hotline("resend", name)
    assert "dispatched" not in names(hotline)
    with store.reading() as session:
        row = session.execute(select(NOTICE).where(NOTICE.c.kind == "dispatched")).one()
    assert (row.state, row.channel) == ("queued", "mail")
    assert hotline.lines("log", "K1")[-1]["by"]
    for other in (name, "n99999", "17", "mx", "x1"):
        assert other in hotline("resend", other, code=1).stderr


def test_only_who_may_act_sends_again(hotline: InProcessHotline) -> None:
    """What somebody may not send in his own name he may not send again; it is on record."""
    listed = names(hotline)
    tokens: dict[str, str] = {}
    for name, role in (("wang", "operator"), ("li", "auditor")):
        tokens[name] = hotline("tokens", "issue", name, "--role", role).stdout.strip()
    denied = hotline("resend", listed["dispatched"], code=1, TOKEN=tokens["li"]).stderr
    assert "li" in denied
    other = hotline("resend", listed["result.submitted"], code=1, TOKEN=tokens["wang"]).stderr
    assert "may not speak for" in other
    hotline("resend", listed["dispatched"], TOKEN=tokens["wang"])
    assert [line["who"] for line in hotline.lines("access") if line["outcome"] == "denied"] == [
        "li", "wang",
    ]  # fmt: skip


def test_a_value_that_nobody_can_read_is_named_and_hides_nothing_else(
    hotline: InProcessHotline, store: Store
) -> None:
    """SQLite keeps any value in any column, PostgreSQL infinite ones: lists and `doctor` go on."""
    with store.writing() as session:
        unreadable = "X'FF'" if session.dialect == "sqlite" else "'infinity'"
        session.execute(text(f"UPDATE inbox SET arrived_at = {unreadable} WHERE ticket = 'NEVER'"))
        session.execute(text(f"UPDATE policy_version SET added_at = {unreadable}"))
    refused = {row["ticket"]: row["why"] for row in hotline.lines("refused") if "ticket" in row}
    assert "log --verify" in refused["NEVER"]
    assert "log --verify" not in refused["K1"]
    if store.has_one_writer:
        with store.writing() as session:
            session.execute(text("UPDATE inbox SET reason = '7' WHERE ticket = 'K1'"))
            session.execute(text("UPDATE ticket SET title = CAST(X'FF' AS TEXT)"))
        assert "log --verify" in hotline("show", "K1", code=1).stderr
        assert "log --verify" in hotline("queue", code=1).stderr
        refused = {row["ticket"]: row["why"] for row in hotline.lines("refused") if "ticket" in row}
        assert "log --verify" in refused["K1"]
    checks = {check["check"]: check["told"] for check in hotline.json("doctor", code=1)}
    assert "log --verify" in checks["store"]
    assert checks.keys() >= {"refused", "terminal"}
