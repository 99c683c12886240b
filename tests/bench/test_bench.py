"""`hotline bench`: what it tells of a row, and its limits and peers against the service's work."""

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from models.child_environment import environment_for_child
from models.clock import system_clock
from models.database import Store
from models.operations.advance import advance
from models.rulebook import load_rulebook
from models.rules.vocabulary import EventName
from models.tables.ticket import named
from scripts.bench import intake, limits, storm, workload
from scripts.bench.context import BenchContext
from scripts.bench.disk import measure_disk
from scripts.bench.figures import Figure, Goal, Row
from scripts.bench.growth import fill_with_closed
from scripts.bench.monitor import measure_monitor
from scripts.bench.operator_feel import measure_feel
from scripts.bench.peers import transactions
from scripts.bench.peers.processes import PEERS, select_peers
from scripts.bench.presentation import as_markdown
from scripts.bench.rules import shipped_rulebook
from scripts.bench.runner import ROWS
from scripts.bench.sqlite import copy_of, letters_written, levels_written, seconds_to_write
from scripts.bench.storm import (
    CROSSING_SHARE,
    MOMENT,
    prepare_storm,
    save_storm_rows,
    undo_storm,
    write_in_one_statement,
)
from scripts.bench.testbed import Testbed
from scripts.bench.ticket_copies import TICKET_TABLES
from scripts.bench.whatif import measure_whatif
from scripts.cli import build
from scripts.demo.scenario import letter_content


@pytest.fixture
def bench(starts_servers: None, tmp_path: Path) -> BenchContext:
    """The smallest bench there is."""
    return BenchContext(tmp_path, print, runs=1, scale=0.001, quick=True)


def test_rows_as_json() -> None:
    """The rows that are asked for come as a list of objects with figure, reference and ratio."""
    done = CliRunner().invoke(build(), ["bench", "P1", "p2", "--quick", "--json"])
    assert done.exit_code == 0, done.output
    first, second = json.loads(done.stdout)
    assert (first["id"], second["id"]) == ("P1", "P2")
    for row in (first, second):
        assert row["figure"] > 0
        assert row["reference"] > 0
        assert row["met"] in (True, False)
    assert first["ratio"] == pytest.approx(first["reference"] / first["figure"], rel=0.01)
    assert second["ratio"] == pytest.approx(second["figure"] / 20_000, rel=0.01)


def test_an_unknown_row_is_named() -> None:
    """A row that there is not is told, with those that there are."""
    done = CliRunner().invoke(build(), ["bench", "P99"])
    assert done.exit_code != 0
    assert "P99" in str(done.exception)
    assert "P12" in str(done.exception)


def test_every_row_has_its_function() -> None:
    """All rows can be measured, in their order."""
    assert list(ROWS) == [f"P{n}" for n in range(1, 17)]


def test_ratios_and_goals() -> None:
    """A rate is held against a rate, a time the other way round, a bound by the share used."""
    rate = Figure("intake", "tickets/s", [900, 1_000, 1_100], "L", [2_000], Goal(least=0.3))
    assert (rate.ratio, rate.met) == (0.5, True)
    span = Figure("storm", "s", [4.0], "L", [1.0], Goal(least=0.5))
    assert (span.ratio, span.met) == (0.25, False)
    bound = Figure("lateness", "ms", [40.0], "50 ms", [50.0], Goal(most=1))
    assert (bound.ratio, bound.met) == (0.8, True)
    assert Figure("alone", "s", [1.0]).met is None


def test_markdown() -> None:
    """A line a figure, and one for each peer that was not measured, with the reason."""
    figure = Figure("intake", "tickets/s", [1_000.0], "L", [2_000.0], Goal(least=0.3))
    lines = as_markdown([Row("P3", [figure], {"Celery": "left out by --quick"})]).splitlines()
    assert lines[2].startswith("| P3 | intake | 1,000 tickets/s |")
    assert "Celery" in lines[3]
    assert len(lines) == 4


def test_a_row_that_fails_is_told() -> None:
    """A row that could not be measured stands in the table and in the JSON, with the reason."""
    row = Row("P3", [], failed="the workers did not start\nand so on")
    assert "the workers did not start" in as_markdown([row])
    assert row.as_dict()["figure"] is None
    assert "did not start" in row.as_dict()["failed"]


def test_peers_that_are_not_measured_are_named() -> None:
    """Whatever is installed, none of them is passed over in silence."""
    for quick in (True, False):
        there, absent = select_peers(PEERS, quick=quick)
        assert {p.name for p in there} | set(absent) == {p.name for p in PEERS}


def test_letters_are_the_same_every_time() -> None:
    """Letters and lives are the same at every call, and every letter finds a unit."""
    rulebook, now = shipped_rulebook(), workload.shanghai_time("2026-03-02T09:00:00")
    twice = [list(workload.new_tickets(rulebook.directory, "T", 400, now)) for _ in range(2)]
    assert twice[0] == twice[1]
    assert all(rulebook.directory.route(letter_content(letter)).unit for letter in twice[0])
    assert workload.ticket_lives(rulebook, 200, now) == workload.ticket_lives(rulebook, 200, now)


def test_letters_reach_their_units(bench: BenchContext) -> None:
    """A file of letters through `hotline feed`, real workers and the broker, on SQLite."""
    with bench.cleanup, bench.sqlite_testbed("intake") as testbed:
        testbed.start()
        intake.seconds_to_apply(testbed, intake.letters_file(testbed, "T-", 20))
        assert intake.all_applied(testbed)


def test_the_limit_of_the_storm_writes_what_the_storm_writes(bench: BenchContext) -> None:
    """Copied tickets are carried on like any other, and one statement leaves the same rows."""
    with bench.cleanup, bench.testbed("storm") as testbed:
        fill_with_closed(testbed, 300)
        crossing = prepare_storm(testbed, 900)
        assert crossing == 900 * CROSSING_SHARE
        numbers = [number for (number,) in testbed.sql("SELECT number FROM bench.before")]
        with testbed.store.writing() as session:
            advance(session, numbers, load_rulebook(session), MOMENT + timedelta(seconds=1))
        by_rules = _everything(testbed)
        save_storm_rows(testbed, crossing)
        before = _everything(testbed)
        assert before != by_rules
        write_in_one_statement(testbed)
        assert _everything(testbed) == by_rules
        undo_storm(testbed)
        assert _everything(testbed) == before


def _everything(testbed: Testbed) -> dict[str, list[Any]]:
    keys = {"ticket": "id", "clock": "ticket_id, key", "event": "ticket_id, seq"}
    return {
        table: testbed.sql(f"SELECT * FROM {table} ORDER BY {keys.get(table, '1, 2')}")
        for table in ("ticket", "bell", *TICKET_TABLES)
    }


def test_peers_do_the_same_work(bench: BenchContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer's transaction leaves ticket, clocks and log as the service's own does."""
    with bench.cleanup, bench.testbed("ours") as ours, bench.testbed("theirs") as theirs:
        for name, value in environment_for_child(theirs.settings).items():
            monkeypatch.setenv(name, value)
        when = system_clock() - timedelta(minutes=1)
        letters = list(workload.new_tickets(shipped_rulebook().directory, "T", 5, when))
        ours.play(letters, system_clock)
        for letter in letters:
            transactions.dispatch(letter)
        transactions.engine().dispose()
        sent = named(EventName.NOTICE_SENT)
        for same in (
            "SELECT number, status, category, unit, due, title FROM ticket ORDER BY 1",
            "SELECT key, base, due, state FROM clock ORDER BY ticket_id, key",
            f"SELECT name, data FROM event WHERE NOT {sent} ORDER BY ticket_id, seq",
        ):
            assert ours.sql(same) == theirs.sql(same)


def test_disk_is_measured_on_both_databases(bench: BenchContext) -> None:
    """What a ticket takes is told, with what of it is deleted later, and the largest tables."""
    with bench.cleanup:
        row = measure_disk(bench)
    assert row.failed == ""
    assert [figure.unit for figure in row.figures] == ["B", "B", "GB"] * 2
    for whole, left, year in (row.figures[:3], row.figures[3:]):
        assert whole.reference is not None
        assert whole.value > left.value > whole.reference > 500
        assert year.value == pytest.approx(whole.value * 240_000 / 1e9)
        assert {"event", "inbox", "ticket"} <= {part.split()[0] for part in whole.note.split(", ")}


def test_the_limit_of_the_intake_writes_what_the_intake_writes(bench: BenchContext) -> None:
    """The rows of tickets, and those of messages as they are once they are applied."""
    with bench.cleanup, bench.testbed("ours") as ours, bench.testbed("L") as other:
        when = system_clock() - timedelta(minutes=1)
        letters = list(workload.new_tickets(shipped_rulebook().directory, "T", 12, when))
        ours.play(letters, system_clock)
        (first, last) = ours.sql("SELECT min(id), max(id) FROM ticket")[0]
        assert limits.copy_rows(other.url, limits.read_rows(ours.url, first, last)) > 0
        # the bells of messages are gone once they are answered, those of notices once sent
        for table in limits.TABLES:
            rows = [
                testbed.sql(f"SELECT * FROM {table} ORDER BY 1, 2 LIMIT 1000")
                for testbed in (ours, other)
            ]
            assert rows[0] == rows[1], table
            # how alike letters are is compared later, and operators claim none
            assert rows[0] or table in {"matter_band", "claim"}


def test_sqlite_is_held_against_its_own_limit(bench: BenchContext) -> None:
    """What the limit writes are the rows that the service has written, all of them."""
    with bench.cleanup, bench.sqlite_testbed("ours") as ours, bench.sqlite_testbed("L") as other:
        storm.play_crossing(ours, 12)
        seconds_to_write(other.store, letters_written(ours.store, 0, 12))
        tables = ("ticket", "inbox", "event", "clock", "notice", "trace")
        assert _rows_of(other.store, tables) == _rows_of(ours.store, tables)
        before = copy_of(ours)
        with ours.store.writing() as session:
            numbers = session.scalars(text("SELECT number FROM ticket")).all()
            advance(session, numbers, load_rulebook(session), MOMENT + timedelta(seconds=1))
        batches = levels_written(ours.store, before)
        with closing(Store(f"sqlite:///{before}", ours.store.cipher)) as copy:
            assert seconds_to_write(copy, batches) > 0
            assert _rows_of(copy, (*tables, "bell")) == _rows_of(ours.store, (*tables, "bell"))


def _rows_of(store: Store, tables: Sequence[str]) -> dict[str, list[Any]]:
    with store.reading() as session:
        rows = {table: session.execute(text(f"SELECT * FROM {table}")).all() for table in tables}
    return {table: sorted(rows[table], key=repr) for table in tables}


def test_other_rules_are_measured_for_a_year(bench: BenchContext) -> None:
    """Copied messages are read as the service's own, and folded as often as there are rules."""
    with bench.cleanup:
        row = measure_whatif(bench)
    assert row.failed == ""
    sample, year = row.figures
    assert sample.value > 0 and sample.reference is not None
    assert year.value > 0 and year.reference == pytest.approx(60 * 0.001, rel=1)


@pytest.mark.long
def test_the_monitor_is_measured_on_one_store(bench: BenchContext) -> None:
    """Beside Textual's own table."""
    with bench.cleanup:
        row = measure_monitor(bench)
    assert row.failed == ""
    names = [figure.what for figure in row.figures]
    assert len(names) == 2 * len(set(names)) == 10
    assert all(figure.value > 0 for figure in row.figures)


@pytest.mark.long
def test_the_monitor_is_measured_at_a_terminal(bench: BenchContext) -> None:
    """As its operator feels it."""
    with bench.cleanup:
        row = measure_feel(bench)
    assert row.failed == ""
    bounds = [figure for figure in row.figures if figure.references]
    assert len(bounds) == 7
    assert all(figure.value > 0 for figure in bounds if figure.unit != "B/s")
    assert all(figure.met is not None for figure in bounds)
