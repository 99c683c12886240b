"""The home and the folder that every page begins with: a small store, and the files it names."""

import re
import shutil
from importlib import resources
from pathlib import Path

from models.operations.notices.record import give_up
from models.operations.topics import replace_topics
from scripts.rulebook.topic_files import read_topics
from tests.feeds.feed_files import HEADERS, LETTER, lines, workbook
from tests.manuals.shell import Shell
from tests.store.factories import (
    RESULT,
    advance_tickets,
    at,
    feed,
    letter,
    message,
    opened_store,
    prepared_home,
)

TICKETS = ("20261102-0001", "DEMO0042", "188006", "工单号", "TICKET")
"""The tickets that the manuals name, and the words that stand for one."""

_VALID_FROM = re.compile(r"^valid_from = .*$", re.M)
_TOPICS = [("代码", "一级分类", "二级分类", "三级分类"), ("010101", "城乡建设", "市政", "路灯")]
NOW = at("2026-11-27T10:00")
FAILED_NOTICE = 7
"""The row of the notice that pages send again as `n7`."""


def world_template(folder: Path) -> Path:
    """Make the home and the files once; pages get copies."""
    shell = Shell(folder / "user", folder / "files")
    shell.folder.mkdir(parents=True)
    shell.home.parent.mkdir(parents=True)
    prepared_home(shell.home)
    _write_files(shell.folder)
    with opened_store(f"sqlite:///{shell.home / 'hotline.db'}") as store:
        with store.writing() as session:
            replace_topics(session, read_topics(shell.folder / "topics.xlsx"), "chen", NOW)
        feed(store, _lives(), NOW)
        advance_tickets(store, TICKETS, NOW)
        with store.writing() as session:
            assert give_up(session, {FAILED_NOTICE: "550"}, "mail", NOW) == 1
    return folder


def copy_world(template: Path, folder: Path, program: str) -> Shell:
    """Copy them for one page; `program` is the command."""
    shell = Shell(folder / "user", folder / "files")
    shutil.copytree(template / "user", shell.user)
    shutil.copytree(template / "files", shell.folder)
    shell.install(program)
    return shell


def _lives() -> list[dict[str, object]]:
    """A ticket that is done and archived, open ones with cards, and messages that are refused."""
    begun = dict.fromkeys(TICKETS, "2026-10-12") | {TICKETS[0]: "2026-11-02"}
    done, *handled = TICKETS[:3]
    # whoever asks for erasure has no other ticket
    other = {"claimant": {"name": "测试者乙", "phone": "13900002222"}}
    lives = [
        letter(ticket, f"{day}T09:00", **({} if ticket == done else other))
        for ticket, day in begun.items()
    ]
    lives += [message(ticket, "unit.accepted", f"{begun[ticket]}T10:00") for ticket in handled]
    lives += [
        message(done, "unit.accepted", "2026-11-02T10:00"),
        message(done, "result.submitted", "2026-11-03T10:00", **RESULT),
        message(done, "result.reviewed", "2026-11-03T15:00", approved=True),
    ]
    # the rows of these are what pages call m12 and m13
    proof = {"unit": "没有的单位", "purpose": "first", "evidence": "录音"}
    refused = [
        message(ticket, "contact.proof", f"{day}T11:00", **proof) for ticket, day in begun.items()
    ]
    return [*lives, *refused]


def _write_files(folder: Path) -> None:
    """Write every file that a page takes for granted, under all names that pages give it."""
    policy = (resources.files("models") / "policy" / "haojiang.toml").read_text("utf-8")
    units = (resources.files("models") / "policy" / "haojiang-units.toml").read_text("utf-8")
    next_policy = _VALID_FROM.sub("valid_from = 2027-01-01", policy, count=1)
    days = "2026-12-05,working,通知\n2026-12-07,off,通知\n"
    year = "2027-01-01,off,国办\n2027-02-06,working,国办\n"
    files: dict[str, bytes | str] = {
        **dict.fromkeys(("letters.xlsx", "来信.xlsx"), workbook([HEADERS, LETTER])),
        "letters.jsonl": lines(*_lives()),
        **dict.fromkeys(("days.csv", "调休.csv"), days),
        "2027.csv": year,
        "2027.xlsx": workbook([row.split(",") for row in year.splitlines()]),
        **dict.fromkeys(("policy.toml", "制度.toml"), next_policy),
        "fragment.toml": '[terms]\ncomplaint = "5 workdays"\n',
        "2026.toml": policy,
        "2027.toml": next_policy,
        "单位.toml": units,
        **dict.fromkeys(("topics.xlsx", "分类.xlsx"), workbook(_TOPICS)),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
