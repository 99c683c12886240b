"""Decision 31: a published month stays as printed; what changes it later is listed once."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from models.database import Store
from models.operations.calendar import change_calendar
from models.operations.editions import MonthNotOver, publish
from models.queries.access_log import access_log
from models.queries.bulletin import Bulletin, Correction, bulletin
from models.queries.bulletin_dict import bulletin_as_dict
from models.queries.editions import pending_corrections, published_bulletin
from models.queries.figures import FIGURES, Month
from models.rules.calendar import DeclaredDay
from models.rules.policy import BulletinRules
from models.rules.vocabulary import UserRole
from models.security.roles import Actor, NotAllowed
from models.tables.core import EDITION
from tests.report.test_duties import NOVEMBER, OCTOBER, A, live
from tests.scripts.hotline_process import HotlineProcess
from tests.store.factories import (
    KEY_LINE,
    RESULT,
    advance_tickets,
    at,
    letter,
    message,
    prepared_store,
    simple_units,
)

pytestmark = pytest.mark.store(units=simple_units())

CHIEF = Actor("科长", UserRole.SUPERVISOR)
RULES = BulletinRules()
SECOND, THIRD = at("2026-11-02T09:00"), at("2026-12-01T09:00")

OVERDUE = [letter("T", "2026-10-08T09:00"), message("T", "unit.accepted", "2026-10-08T10:00")]
ANSWERED = message("T", "result.submitted", "2026-10-12T10:00", **RESULT)


def _publish(store: Store, month: Month, now: Any) -> Bulletin:
    with store.writing() as session:
        return publish(session, CHIEF, month, RULES, now).bulletin


def _pending(store: Store) -> Sequence[Correction]:
    with store.reading() as session:
        return pending_corrections(session)


def test_a_late_message_leaves_the_edition_and_is_listed_in_the_next(store: Store) -> None:
    """X is answered in time after all: its cards and its lateness go, by a correction."""
    live(store, OVERDUE, "2026-11-01T09:00")
    printed = _publish(store, OCTOBER, SECOND)
    (line,) = printed.lines
    assert (line.count("yellow"), line.count("red"), line.count("timed")) == (1, 1, 0)
    live(store, [ANSWERED], "2026-11-03T09:00")
    again = _publish(store, OCTOBER, at("2026-11-04T09:00"))
    assert again == printed
    corrections = [c for c in _pending(store) if c.unit == A]
    assert [(c.month, c.figure, c.was, c.now, c.tickets) for c in corrections] == [
        ("2026-10", "timed", 0, 1, ("T",)),
        ("2026-10", "on_time", 0, 1, ("T",)),
        ("2026-10", "prewarning", 1, 0, ("T",)),
        ("2026-10", "yellow", 1, 0, ("T",)),
        ("2026-10", "red", 1, 0, ("T",)),
        ("2026-10", "cards", 2, 0, ("T",)),
    ]
    november = _publish(store, NOVEMBER, THIRD)
    assert [c for c in november.corrections if c.unit == A] == corrections
    assert _pending(store) == (), "each correction is listed once"
    assert _publish(store, OCTOBER, THIRD) == printed


def test_what_changes_back_is_another_correction(store: Store) -> None:
    """Listed as 0 now, the figure that changes again is measured against that."""
    live(store, OVERDUE, "2026-11-01T09:00")
    _publish(store, OCTOBER, SECOND)
    live(store, [ANSWERED], "2026-11-03T09:00")
    _publish(store, NOVEMBER, THIRD)
    refused = message("T", "result.reviewed", "2026-12-01T10:00", approved=False)
    live(store, [refused], "2026-12-01T11:00")
    changes = {c.figure: (c.was, c.now, c.added, c.removed) for c in _pending(store)}
    assert changes["timed"] == (1, 0, (), ("T",))
    assert changes["on_time"] == (1, 0, (), ("T",))


def test_a_declared_day_corrects_a_published_month(store: Store) -> None:
    """A day declared off afterwards moves the due: the answer was in time, the cards go."""
    life = [*OVERDUE, message("T", "result.submitted", "2026-10-21T10:00", **RESULT)]
    live(store, life, "2026-11-01T09:00")
    printed = _publish(store, OCTOBER, SECOND)
    before = printed.lines[0].counts
    off = DeclaredDay(working=False, document="穗府〔2026〕1号")
    days = {at(f"2026-10-{day}T00:00").date(): off for day in (13, 14, 15, 16, 19, 20)}
    with store.writing() as session:
        change_calendar(session, days, at("2026-11-03T09:00"))
    advance_tickets(store, ["T"], at("2026-11-03T09:00"))
    changed = {c.figure: (c.was, c.now) for c in _pending(store) if c.unit == A}
    assert changed.get("cards") == (before["cards"], 0)
    assert _publish(store, OCTOBER, THIRD) == printed


def test_only_a_month_that_is_over_is_published(store: Store) -> None:
    with store.writing() as session, pytest.raises(MonthNotOver, match="2026-11"):
        publish(session, CHIEF, OCTOBER, RULES, at("2026-10-31T23:59"))
    assert not _publish(store, OCTOBER, at("2026-11-01T00:00")).lines


def test_publishing_takes_a_permission_and_is_logged_once(store: Store) -> None:
    operator = Actor("话务员", UserRole.OPERATOR)
    with store.writing() as session, pytest.raises(NotAllowed):
        publish(session, operator, OCTOBER, RULES, SECOND)
    for now in (SECOND, THIRD):
        _publish(store, OCTOBER, now)
    with store.reading() as session:
        lines = [(line.who, line.act, line.fields) for line in access_log(session)]
        assert len(session.execute(select(EDITION.c.id)).all()) == 1
    assert lines == [("科长", "publish", ["2026-10"])]


def test_an_edition_has_all_of_its_bulletin_and_the_tickets_behind_it(store: Store) -> None:
    live(store, [*OVERDUE, ANSWERED], "2026-11-01T09:00")
    with store.reading() as session:
        preview = bulletin(session, OCTOBER, RULES)
    _publish(store, OCTOBER, SECOND)
    with store.reading() as session:
        edition = published_bulletin(session, OCTOBER)
        assert edition is not None
        from_edition, expected = bulletin_as_dict(edition.bulletin), bulletin_as_dict(preview)
        for key in ("units", "total", "trend", "proposals", "conduct", "hotline", "bodies"):
            assert from_edition[key] == expected[key]
        for figure in FIGURES:
            counted = sum(line.count(figure) for line in edition.bulletin.lines)
            if counted:
                assert len(list(edition.cases(figure, [A]))) == counted
        (case,) = edition.cases("on_time")
        assert case.note["due"] > case.at


def _moved(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [m | {"at": m["at"].replace("2026", "2024")} for m in messages]


@pytest.mark.store(databases=["sqlite"])
def test_every_format_says_whether_it_is_an_edition(tmp_path: Path) -> None:
    """By the command: a preview, then an edition, then the next one with the correction."""
    home = tmp_path / "home"
    home.mkdir(0o700)
    key = home / "hotline.key"
    key.write_text(KEY_LINE)
    key.chmod(0o600)
    hotline = HotlineProcess(home, tmp_path)
    url = f"sqlite:///{home / 'hotline.db'}"
    with prepared_store(url) as store:
        live(store, _moved(OVERDUE), "2024-11-01T09:00")

    def report(*arguments: str) -> str:
        return hotline("report", "--month", *arguments, LANG="en").stdout

    assert "preview" in report("2024-10")
    first = report("2024-10", "--publish", "--json")
    assert json.loads(first)["preview"] is False
    assert report("2024-10", "--json") == first
    with prepared_store(url) as store:
        live(store, _moved([ANSWERED]), "2024-11-03T09:00")
    assert report("2024-10", "--publish", "--json") == first
    next_edition = json.loads(report("2024-11", "--json"))
    assert next_edition["preview"] is True
    assert {c["figure"] for c in next_edition["corrections"]} >= {"yellow", "red", "on_time"}
    for form in ("table", "csv", "html"):
        text = report("2024-11", "--format", form)
        assert "preview" in text
        assert "Corrections" in text
        assert "published" in report("2024-10", "--format", form)
    book = tmp_path / "b.xlsx"
    report("2024-11", "--format", "xlsx", "--output", str(book))
    sheet = load_workbook(book)["Corrections"]
    assert sheet.max_row - 1 == len(next_edition["corrections"])
    too_early = hotline("report", "--month", "2099-01", "--publish", code=1, LANG="en")
    assert "2099-02-01" in too_early.stderr
    assert too_early.stderr.count("\n") == 1
