"""`hotline events`: all logs as one feed, with a cursor that survives restarts."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from models.database import Store
from models.migrations import upgrade
from models.operations.changes import settle
from models.operations.event_channels import hold_channel
from models.queries.event_feed import Cursor, EventFilter, PageLimits, read_page
from models.security.encryption import load_cipher
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import advance_tickets, at, feed, letter, log_of, message
from tests.workers.event_receiver import SECRET, event_receiver

NOW = at("2026-11-20T09:00")


@pytest.fixture
def hotline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcessHotline:
    """A home with a new store."""
    command = InProcessHotline(tmp_path / "home", monkeypatch, capsys)
    command("db", "upgrade")
    return command


def _open(home: Path) -> Store:
    store = Store(f"sqlite:///{home / 'hotline.db'}", load_cipher(home / "hotline.key"))
    upgrade(store)
    return store


def _live(store: Store, numbers: Sequence[str]) -> None:
    feed(store, [letter(n, "2026-11-20T08:00") for n in numbers], NOW)
    advance_tickets(store, numbers, NOW)


def _events(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_every_line_once_and_from_any_cursor(hotline: InProcessHotline) -> None:
    """The lines of each ticket in their order; each cursor goes on with the next line."""
    store = _open(hotline.home)
    _live(store, ["C1", "C2"])
    feed(store, [message("C1", "unit.accepted", "2026-11-20T08:30")], NOW)
    advance_tickets(store, ["C1"], NOW)
    _live(store, ["C3"])
    events = _events(hotline("events").stdout)
    for number in ("C1", "C2", "C3"):
        lines = [event["seq"] for event in events if event["ticket"] == number]
        assert lines == [row.seq for row in log_of(store, number)]
    assert events[-1]["ticket"] == "C3"
    for place, event in enumerate(events):
        rest = _events(hotline("events", "--since", event["cursor"]).stdout)
        assert rest == events[place + 1 :]
    assert "13900001111" not in hotline("events").stdout
    store.close()


def test_only_what_is_wanted(hotline: InProcessHotline) -> None:
    """By the name of the event and by unit, which may be called by another of its names."""
    store = _open(hotline.home)
    _live(store, ["C1"])
    feed(store, [letter("C2", "2026-11-20T08:00", unit="住建局")], NOW)
    advance_tickets(store, ["C2"], NOW)
    events = _events(hotline("events", "--unit", "住建局").stdout)
    assert {event["ticket"] for event in events} == {"C2"}
    events = _events(hotline("events", "--type", "ticket.dispatched").stdout)
    assert [(e["ticket"], e["event"]) for e in events] == [
        ("C1", "ticket.dispatched"),
        ("C2", "ticket.dispatched"),
    ]
    store.close()


def test_in_clear_with_a_reason(hotline: InProcessHotline) -> None:
    """People's words are shown to whoever may see them, and the access log says of which ticket."""
    store = _open(hotline.home)
    text = "联系13912345678再说"
    words = message("C1", "claimant.supplemented", "2026-11-20T08:30", text=text)
    note = message("C1", "note.added", "2026-11-20T08:40", text="疑似重复件", by="林小燕")
    _live(store, ["C1", "C2"])
    feed(store, [words, note], NOW)
    advance_tickets(store, ["C1"], NOW)
    assert text not in hotline("events").stdout
    # the desk's own notes are shown to the desk, and leave it only where they are revealed
    [noted] = _events(hotline("events", "--type", "note.added").stdout)
    assert "by" in noted and "text" not in noted
    assert "疑似重复件" in hotline("show", "C1").stdout
    [kept] = json.loads(hotline("show", "C1", "--json").stdout)["notes"]
    assert kept["text"] == "疑似重复件"
    reveal = ("--reveal", "--reason", "review")
    [noted] = _events(hotline("events", "--type", "note.added", *reveal).stdout)
    assert noted["text"] == "疑似重复件"
    assert "--reason" in hotline("events", "--reveal", code=2).stderr
    wanted = ("events", "--type", "ticket.supplemented", "--reveal", "--reason", "review")
    [event] = _events(hotline(*wanted).stdout)
    assert event["text"] == text and event["id"].startswith(f"C1-{event['seq']}-")
    for entry in _events(hotline("access", "--json").stdout):
        assert (entry["ticket"], entry["act"], entry["fields"]) == ("C1", "reveal", ["log"])
    store.close()


def test_a_channel_is_tried_and_sent_again(hotline: InProcessHotline) -> None:
    """`hotline channels` knows those of events: a page without events, and another cursor."""
    store = _open(hotline.home)
    _live(store, ["C1"])
    file = hotline.home / "channels.toml"
    with event_receiver() as receiver:
        file.write_text(
            f'[channel.city]\nkind = "events"\nurl = "{receiver.url}"\nsecret = "{SECRET}"\n'
            'units = ["无名局"]\n'
        )
        file.chmod(0o600)
        hotline("channels", "try", "city")
        receiver.answer = 404
        assert "HTTP 404" in hotline("channels", "try", "city", code=1).stderr
        assert len(receiver.pages) == 2 and receiver.events == []
    assert "no worker" in hotline("channels", "rewind", "city", "0-0", code=1).stderr
    assert "city" in hotline("channels", "rewind", "town", "0-0", code=1).stderr
    with store.writing() as session:
        assert hold_channel(session, "city", "w", NOW, NOW, from_now=True)
    last = hotline("channels", "check", code=1).stdout.splitlines()
    assert "无名局" in last[1]
    hotline("channels", "rewind", "city", "0-0")
    assert hotline("channels", "check", code=1).stdout.splitlines()[0] != last[0]
    store.close()


def test_a_cursor_that_cannot_be(hotline: InProcessHotline) -> None:
    """It is said, and nothing is passed over."""
    for cursor in ("x", "-1", "1-", "1-x", "٣-1", "9" * 30 + "-1"):
        assert "no cursor" in hotline("events", "--since", cursor, code=1).stderr
    assert "backup" in hotline("events", "--since", "99999-1", code=1).stderr
    assert "event" in hotline("events", "--type", "ticket.eaten", code=1).stderr


def test_it_follows(hotline: InProcessHotline) -> None:
    """What comes later is printed as it comes, until it is told to stop."""
    store = _open(hotline.home)
    _live(store, ["C1"])
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    env = kept | {"HOTLINE_HOME": str(hotline.home), "HOTLINE_LANG": "en"}
    command = [sys.executable, "-P", "-m", "scripts", "events", "--follow"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = [json.loads(process.stdout.readline()) for _ in log_of(store, "C1")]
        assert {event["ticket"] for event in first} == {"C1"}
        _live(store, ["C2"])
        second = [json.loads(process.stdout.readline()) for _ in log_of(store, "C2")]
        assert {event["ticket"] for event in second} == {"C2"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stdout.read() == ""
    store.close()


def test_many_rows_of_the_feed(store: Store) -> None:
    """Read in batches of any size, on both databases."""
    numbers = [f"N{i}" for i in range(25)]
    for number in numbers:
        _live(store, [number])
    with store.writing() as session:
        settle(session)
    cursor, seen = Cursor(), list[tuple[str, int]]()
    while True:
        with store.reading() as session:
            page = read_page(session, cursor, EventFilter(), PageLimits(events=7))
        seen += [(each.event["ticket"], each.event["seq"]) for each in page.events]
        if page.end == cursor:
            break
        cursor = page.end
    assert seen == [(n, row.seq) for n in numbers for row in log_of(store, n)]
