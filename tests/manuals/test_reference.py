"""The pages that list what the code has: messages, settings, files of the home."""

import ast
import json
import re
from pathlib import Path

import pytest
from sqlalchemy import select

from models.database import Store
from models.rules.messages import CONTENT_TYPES
from models.rules.speaking import senders_of
from models.settings import SETTINGS
from models.tables.core import EVENT, INBOX
from models.tables.inbox import APPLIED
from tests.manuals.blocks import ROOT
from tests.manuals.home_page import named_files, unnamed_files
from tests.manuals.messages_page import EXAMPLES, message_examples
from tests.manuals.reference import stale_pages
from tests.manuals.settings_page import SETTING_WORDS
from tests.store.factories import advance_tickets, at, feed

NOW = at("2026-11-13T10:00")
CODE = [
    path
    for room in ("models", "workers", "monitor", "scripts")
    for path in (ROOT / room).rglob("*.py")
]
TEXTS = [*(ROOT / "deploy").rglob("*"), ROOT / "Dockerfile", ROOT / "docker-compose.yml"]
VARIABLE = re.compile(r"\bHOTLINE_[A-Z_]+\b")


def test_made_pages_are_up_to_date() -> None:
    """`make reference` writes them."""
    assert stale_pages() == []


def test_every_type_that_may_be_sent_has_an_example() -> None:
    sent = {kind for kind in CONTENT_TYPES if senders_of(kind, {})}
    assert set(message_examples()) == sent


@pytest.mark.store
def test_the_examples_of_the_manual_are_applied(store: Store) -> None:
    """All of them, as they stand: a store takes them, and refuses none."""
    messages = [json.loads(line) for line in EXAMPLES.read_text("utf-8").splitlines()]
    assert feed(store, messages, NOW).enqueued == len(messages)
    advance_tickets(store, sorted({message["ticket"] for message in messages}), NOW)
    with store.reading() as session:
        assert set(session.scalars(select(INBOX.c.state))) == {APPLIED}
        assert "message.refused" not in set(session.scalars(select(EVENT.c.name)))


def test_no_variable_of_the_code_is_missing() -> None:
    """Neither in a text of the code, nor in what is deployed."""
    named = set(SETTINGS)
    for path in CODE:
        if "HOTLINE_" in (text := path.read_text("utf-8")):
            constants = [n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant)]
            named |= {v for c in constants if isinstance(c, str) for v in VARIABLE.findall(c)}
    for path in TEXTS:
        if path.is_file():
            named |= set(VARIABLE.findall(path.read_text("utf-8")))
    assert {name for name in named if not name.startswith("HOTLINE_TEST")} - {"HOTLINE_"} == set(
        SETTING_WORDS
    )


def test_a_file_that_no_page_names_is_found(tmp_path: Path) -> None:
    """Files in folders are named with their folder."""
    for name in ("hotline.db", "valkey/valkey.log", "demo/valkey/x", "exports/a.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert unnamed_files(tmp_path) == []
    unnamed = ["other.txt", "valkey/deep/x", "x/hotline.db"]
    for name in unnamed:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert unnamed_files(tmp_path) == unnamed
    assert "watched/*/done/*" in named_files()
