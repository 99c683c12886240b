"""Marked personal data passes through the whole service and comes out only where it is revealed."""

import asyncio
import csv
import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import dramatiq
import pytest
import redis
from sqlalchemy import func, select

from models.clock import system_clock
from models.database import Store
from models.errors import describe_safely
from models.migrations import upgrade
from models.security.encryption import load_cipher
from models.tables.core import INBOX, NOTICE, TICKET
from monitor.app import MonitorApp
from tests.monitor.driving import wait_for_refresh
from tests.monitor.scene import screen_text
from tests.scripts.hotline_in_process import InProcessHotline
from tests.scripts.hotline_process import HotlineProcess
from tests.store.factories import letter, message, prepared_home
from tests.workers.processes import process, wait_until
from workers.broker_keys import namespace_of
from workers.embedded import EmbeddedServer

NAME, OTHER = "欧阳漏漏", "诸葛泄泄"
PHONE, LANDLINE, SECOND = "13977712345", "0754-86543219", "15866677788"
THIRD = "18977711122"
IDENTITY = "440507198807061239"
ADDRESS, TEXT, TOLD = "秘密巷七弄九号", "只有我知道的水管秘密", "补充的独家细节"
MARKS = (NAME, OTHER, PHONE, LANDLINE, SECOND, THIRD, IDENTITY, ADDRESS, TEXT, TOLD)


def _letters(folder: Path) -> list[Path]:
    """Good ones, bad ones and torn ones, each with marked data in it, in two formats."""
    person = {"name": NAME, "phone": PHONE, "identity": IDENTITY}
    body = f"{TEXT}。请打{SECOND}，身份证{IDENTITY}，住{ADDRESS}。"
    other = {"name": OTHER, "phone": LANDLINE}
    details = {"claimant": person, "address": ADDRESS, "content": body}
    moment = "2026-11-02T09:00:00+08:00"
    good = [
        letter("L1", moment, title=f"请回电{PHONE}", **details),
        letter("L2", moment, title="路灯", **details | {"claimant": other}),
        letter("L3", moment, title="不存在的单位", **details | {"unit": "无此单位"}),
        message("L1", "claimant.supplemented", "2026-11-03T09:00:00+08:00", text=f"{TOLD}{THIRD}"),
        message("L1", "contact.attempted", "2026-11-03T10:00:00+08:00", purpose="first",
                outcome="no_answer", method="phone", evidence=f"打{PHONE}找{NAME}"),
        message("L1", "result.submitted", "2026-11-04T10:00:00+08:00", facts=f"{NAME}{TEXT}",
                measures=TOLD, remedies="", basis="", disposal="ordinary"),
        message("L2", "progress.reported", "2026-11-04T10:00:00+08:00", text=f"已答复{OTHER}"),
        message("L2", "survey.rated", "2026-11-04T11:00:00+08:00", rating="dissatisfied"),
    ]  # fmt: skip
    bad = [
        {k: v for k, v in good[0].items() if k != "at"} | {"id": "bad-1"},
        good[0] | {"id": "bad-2", "at": f"{NAME}{PHONE}"},
        good[0] | {"id": "bad-3", "category": f"{IDENTITY}"},
        good[0] | {"id": "bad-4", "claimant": f"{NAME}{PHONE}"},
    ]
    lines = [json.dumps(m, ensure_ascii=False) for m in (*good, *bad)]
    torn = lines[0][: lines[0].index(ADDRESS) + 10]
    feed = folder / "letters.jsonl"
    feed.write_text("\n".join([*lines, torn]) + "\n", "utf-8")
    table = folder / "letters.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["留言编号", "留言用户", "留言主题", "留言时间", "留言详情"])
        # no column says whose address stands in the text, so there is none in it
        body = body.replace(ADDRESS, "")
        rows.writerow(["L7", NAME, f"{NAME}的问题{PHONE}", "2026/11/2 9:00:00", body + NAME])
        rows.writerow(["L8", OTHER, f"{OTHER}的问题{SECOND}", "昨天", body])
    return [feed, table]


def _grep(place: str, content: str | bytes) -> list[str]:
    """Return the marks in a text, each looked for in every form that it may have."""
    raw = content.encode() if isinstance(content, str) else content
    marks = []
    for mark in MARKS:
        forms = {mark.encode(e) for e in ("utf-8", "gbk", "utf-16-le")}
        forms |= {json.dumps(mark).strip('"').encode(), mark.encode("unicode_escape")}
        marks += [f"{mark} in {place}" for form in forms if form in raw]
    return marks


@pytest.mark.usefixtures("starts_servers")
def test_nothing_personal_comes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Feed, workers, failures, notices, every command, logs, the broker's dump, refused rows."""
    home = tmp_path / "home"
    hotline = InProcessHotline(home, monkeypatch, capsys)
    server = EmbeddedServer(home / "valkey")
    outputs: dict[str, str | bytes] = {}
    for path in _letters(tmp_path):
        done = hotline("feed", path, code=1, BROKER_URL=server.url)
        outputs[f"feed {path.name}"] = done.stdout + done.stderr
    log = tmp_path / "service.log"
    url = f"sqlite:///{home / 'hotline.db'}"
    env = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    env |= {"HOTLINE_HOME": str(home), "HOTLINE_BROKER_URL": server.url, "HOTLINE_LOG": "json"}
    store = Store(url, load_cipher(home / "hotline.key"))
    upgrade(store)
    with server, process("worker", env=env, log=log), process("timekeeper", env=env, log=log):
        # one ticket whose kept state is broken, so that it is quarantined with what comes next
        wait_until(lambda: _count(store, TICKET) >= 3, 60, log.read_text())
        with store.writing() as session:
            broken = f'{{"number": "{NAME}'
            session.execute(TICKET.update().where(TICKET.c.number == "L3").values(state=broken))
        hotline("feed", _urge(tmp_path), BROKER_URL=server.url)
        wait_until(lambda: "ticket quarantined" in log.read_text(), 60, log.read_text())
        _forged(server.url, store)
        wait_until(lambda: log.read_text().count("refused a bell") == 2, 30, log.read_text())
        with redis.Redis.from_url(server.url) as client:
            client.save()
            outputs["keys"] = repr([client.dump(k) for k in client.scan_iter()])
    with store.writing() as session:
        # what the broken one kept was put there by this test
        session.execute(TICKET.update().where(TICKET.c.number == "L3").values(state=""))
    store.close()
    for command in (
        ("show", "L1"), ("show", "L1", "--json"), ("show", "L7"), ("log", "L1"),
        ("log", "L2", "--json"), ("queue",), ("queue", "--json"), ("access",), ("refused",),
        ("refused", "--json"), ("log", "--verify"), ("find", "--phone", "13800000000"),
        ("report", "--month", "2026-11"), ("similar",), ("doctor", "--json"),
        ("report", "--month", "2026-11", "--format", "html"), ("metrics", "--once"),
        ("bench", "P1", "--quick", "--json"),
    ):  # fmt: skip
        for lang in ("zh", "en") if command in (("show", "L1"), ("log", "L1")) else ("zh",):
            # the verification finds the state that this test has taken out
            code = int(command[0] == "doctor" or command == ("log", "--verify"))
            done = hotline(*command, code=code, LANG=lang)
            outputs[" ".join((*command, lang))] = done.stdout + done.stderr
    for file in (*home.rglob("*"), log):
        if file.is_file() and file.name not in ("hotline.db-wal", "hotline.db-shm"):
            outputs[file.name] = file.read_bytes()
    assert {"hotline.db", "notices.jsonl", "refused.jsonl", "dump.rdb", "service.log"} <= set(
        outputs
    )
    assert any(name.endswith(".aof") and outputs[name] for name in outputs)
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert any("ticket quarantined" in record["event"] for record in records)
    assert all({"timestamp", "level", "logger"} <= record.keys() for record in records)
    leaks = [leak for place, content in outputs.items() for leak in _grep(place, content)]
    leaks += asyncio.run(_monitored(hotline))
    # what a letter is about is what a ticket is shown for; whose it is, is hidden in it
    allowed = {f"{mark} in {place}" for mark in (TEXT, TOLD) for place in outputs
             if place.startswith(("show ", "log L"))}  # fmt: skip
    allowed |= {f"{mark} in the monitor" for mark in (TEXT, TOLD)}
    assert [leak for leak in leaks if leak not in allowed] == []
    # and the same data is there, for who asks for it
    assert NAME in hotline("show", "L1", "--reveal", "--reason", "handling").stdout
    assert hotline.json("find", "--identity", IDENTITY) != []
    assert hotline.json("find", "--phone", THIRD) != []
    assert PHONE in hotline("refused", "--reveal", "--reason", "handling").stdout
    access_lines = [line["act"] for line in hotline.lines("access")]
    # rows of feeds and messages that workers refused are two lines
    assert access_lines[-5:] == ["reveal", "find", "find", "reveal", "reveal"]


async def _monitored(hotline: InProcessHotline) -> list[str]:
    """Every screen, and the details of a ticket that has everything in it."""
    store = Store(
        f"sqlite:///{hotline.home / 'hotline.db'}", load_cipher(hotline.home / "hotline.key")
    )
    upgrade(store)
    app = MonitorApp(store, system_clock, broker_ok=lambda: True, every=None)
    drawn = []
    async with app.run_test(size=(200, 100)) as pilot:
        for key in ("1", "3", "4", "5", "6", "2", "enter", "escape", "down", "enter"):
            await pilot.press(key)
            await wait_for_refresh(pilot)
            drawn.append(screen_text(app))
    store.close()
    assert any("欧**" in screen for screen in drawn)
    return sorted({leak for screen in drawn for leak in _grep("the monitor", screen)})


def _urge(folder: Path) -> Path:
    more = message("L3", "unit.urged", "2026-11-05T10:00:00+08:00", text=f"{NAME}催办", by="王")
    path = folder / "more.jsonl"
    path.write_text(json.dumps(more, ensure_ascii=False) + "\n", "utf-8")
    return path


def _forged(url: str, store: Store) -> None:
    """Forged messages in the broker: instead of row ids they carry data and actions."""
    with redis.Redis.from_url(url) as client:
        calls: list[tuple[tuple[object, ...], dict[str, object]]] = [
            (([1, "1; DROP TABLE ticket"],), {}),
            (([1],), {"desk": {"store": "/etc/passwd"}}),
        ]
        for number, (args, more) in enumerate(calls):
            forged: dramatiq.Message[None] = dramatiq.Message(
                queue_name="intake",
                actor_name="answer_intake",
                args=args,
                kwargs=more,
                options={"redis_message_id": f"forged-{number}"},
            )
            queue = f"{namespace_of(store.cipher.store_id)}:intake"
            client.hset(f"{queue}.msgs", f"forged-{number}", forged.encode())
            client.rpush(queue, f"forged-{number}")


def _count(store: Store, table: object) -> int:
    with store.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


def _waiting(store: Store) -> int:
    with store.reading() as session:
        inbox = select(func.count()).where(INBOX.c.state == "waiting")
        notices = select(func.count()).where(NOTICE.c.state == "queued")
        return (session.scalar(inbox) or 0) + (session.scalar(notices) or 0)


CRASHES = """
import logging, threading
from sqlalchemy import text
from models.database import Store
from models.security.encryption import Cipher
from scripts.service.logs import configure_logging
configure_logging(FORM)
data = DATA
try:
    int(data)
except ValueError:
    logging.getLogger("hotline.x").exception("failed")
store = Store(URL, Cipher([bytes(32)]))
try:
    store.engine.connect().execute(text("SELECT :a, x"), {"a": data})
except Exception:
    logging.getLogger("hotline.x").exception("failed")
thread = threading.Thread(target=lambda: int(data))
thread.start(); thread.join()
int(data)
"""


@pytest.mark.parametrize("form", ["json", "text"])
def test_exceptions_are_told_without_their_words(tmp_path: Path, form: str) -> None:
    """Logged, from the database, in a thread or unhandled: type and place, and nothing else."""
    script = tmp_path / "crashing.py"
    code = CRASHES.replace("FORM", repr(form)).replace("DATA", repr(f"{NAME}{PHONE}"))
    code = code.replace("URL", repr(f"sqlite:///{tmp_path / 'x.db'}"))
    script.write_text(code, "utf-8")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, check=False, text=True,
        cwd=Path(__file__).parents[2], env=os.environ | {"PYTHONPATH": "."},
    )  # fmt: skip
    assert done.returncode == 1
    assert _grep("crashes", done.stdout + done.stderr) == []
    lines = done.stderr.splitlines()
    assert len(lines) == 4, done.stderr
    assert all("Error in " in line for line in lines), done.stderr
    assert all("crashing.py:" in line for line in lines if "OperationalError" not in line), lines
    assert sum("OperationalError" in line for line in lines) == 1


def test_a_command_that_fails_tells_no_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A programming error is one line with type and place."""
    hotline = InProcessHotline(prepared_home(tmp_path / "home"), monkeypatch, capsys)

    def fail(*_given: object, **_more: object) -> None:
        raise KeyError(f"{NAME}{PHONE}")

    monkeypatch.setattr("models.queries.log.ticket_log", fail)
    error = hotline("log", "L1", code=1).stderr
    assert error.startswith("hotline: this should not happen")
    assert "KeyError in " in error
    assert "in fail" in error or " fail" in error
    assert _grep("stderr", error) == []
    assert describe_safely(ValueError(NAME)) == "ValueError"


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_comes_from_outside_forges_no_line_of_the_log(tmp_path: Path, form: str) -> None:
    """A name with line ends and escapes, or of megabytes, becomes one line of a limited length."""
    script = tmp_path / "logging_names.py"
    script.write_text(
        "import logging\n"
        "from scripts.service.logs import configure_logging\n"
        f"configure_logging({form!r})\n"
        "log = logging.getLogger('hotline.x')\n"
        "log.warning('undefined actor %s', 'a\\n2026 forged \\x1b[2J' + 'x' * 2_000_000)\n"
        "log.warning('key', extra={'key': 'b\\r\\nforged\\x1b[31m' + 'y' * 2_000_000})\n",
        "utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, check=True, text=True,
        cwd=Path(__file__).parents[2], env=os.environ | {"PYTHONPATH": "."},
    )  # fmt: skip
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert all(len(line) < 1_000 and line.isprintable() for line in lines)


def test_a_refused_row_says_why_without_the_senders_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reasons repeated types, times and numbers as they were sent, in clear."""
    hotline = InProcessHotline(tmp_path / "home", monkeypatch, capsys)
    marks = [f"mark{n}" for n in range(5)]
    bodies: list[dict[str, object]] = [
        {"id": "1", "type": marks[0], "ticket": "1", "at": "2026-11-02T09:00:00+08:00"},
        {"id": "2", "type": "ticket.received", "ticket": "1", "at": marks[1]},
        {"id": "3", "type": "ticket.received", "ticket": "1", "at": "2026-11-02T09:00:00+08:00",
         "category": marks[2]},
        {"id": "4", "type": "ticket.received", "ticket": "1", "at": "2026-11-02T09:00:00+08:00",
         "claimant": {"contact": marks[3]}},
        {"id": "5", "type": "unit.urged", "ticket": "1", "at": {"x": marks[4]}},
    ]  # fmt: skip
    letters = tmp_path / "letters.jsonl"
    letters.write_text("".join(json.dumps(body) + "\n" for body in bodies), "utf-8")
    hotline("feed", letters, code=1)
    kept = (hotline.home / "refused.jsonl").read_text("utf-8")
    listed = hotline("refused").stdout + hotline("refused", "--json").stdout
    assert not any(mark in kept + listed for mark in marks)
    assert all(json.loads(line)["why"] for line in kept.splitlines())
    revealed = hotline.lines("refused", "--reveal", "--reason", "handling")
    assert any(marks[0] in row["why"] for row in revealed)
    assert set(revealed[0]) == {"feed", "source", "line", "why", "raw"}


def test_a_file_name_obeys_no_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hotline = InProcessHotline(tmp_path / "home", monkeypatch, capsys)
    for name, content in (
        ("a\x1b[2J\n\u202eb.jsonl", "{}\n"),
        ("c\x1b]0;x\x07.csv", "x,y\n1,2\n"),
        ("投\udcff.jsonl", "{}\n"),
        ("\x1b[31mgone.csv", None),
    ):
        if content is not None:
            (tmp_path / name).write_text(content)
        done = hotline("feed", tmp_path / name, code=1)
        output = done.stdout + done.stderr + hotline("refused").stdout
        assert output.replace("\n", "").isprintable(), ascii(output)


def _on_a_terminal(hotline: HotlineProcess, *arguments: str) -> str:
    """What a command shows on a terminal."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "-P", "-m", "scripts", *arguments]
    on_screen = b""
    with subprocess.Popen(
        command, env=hotline.environment | {"TERM": "xterm"}, cwd=hotline.folder,
        stdout=terminal, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        os.close(terminal)
        while True:
            try:
                piece = os.read(controller, 1 << 16)
            except OSError:
                # Linux ends a terminal so when its last process has gone
                break
            if not piece:
                break
            on_screen += piece
        assert process.stderr is not None
        process.stderr.read()
    os.close(controller)
    return on_screen.decode().replace("\r\n", "\n")


def test_what_the_database_holds_obeys_no_terminal(tmp_path: Path) -> None:
    """Whoever writes to the database, or to a file that is listed, has not cleaned his texts."""
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    body = {"id": "1", "type": "ticket.received", "ticket": "T1", "category": "help",
            "at": "2026-11-02T09:00:00+08:00", "title": "灯", "content": "灯不亮"}  # fmt: skip
    hotline("feed", "-", stdin=json.dumps(body) + "\n")
    hotline("find", "--phone", "13900001111")
    row = {"feed": "a\x1b]0;owned\x07\x1b[2J", "line": 1, "why": "\x9b31mb\u202e", "sealed": ""}
    (hotline.home / "refused.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", "utf-8")
    evil = "\x1b]52;c;b3duZWQ=\x07\x1b[2J\x1b[5;5Hx\x08\u202e"
    with closing(sqlite3.connect(hotline.home / "hotline.db")) as database:
        database.execute("UPDATE access SET who = who || ?", (evil,))
        database.commit()
    on_screen = _on_a_terminal(hotline, "refused") + _on_a_terminal(hotline, "access")
    assert "x" in on_screen
    on_screen = re.sub(r"\x1b\[[0-9;]*m", "", on_screen)
    assert on_screen.strip()
    assert on_screen.replace("\n", "").isprintable(), ascii(on_screen)
