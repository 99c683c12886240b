"""Every figure of the bulletin, against the same counted from the logs by hand."""

from itertools import pairwise
from typing import Any

import pytest
from alembic import command
from sqlalchemy import select

from models.database import Store
from models.i18n import render
from models.migrations import config_of, upgrade
from models.queries.bulletin import bulletin
from models.queries.figure_cases import figure_cases, figure_counts
from models.queries.figures import FIGURES, HOTLINE_DUTIES, Month
from models.queries.units import Ratio, UnitRates, unit_rates
from models.rules.policy import BulletinRules
from models.rules.vocabulary import HOTLINE_HOLDERS
from models.tables.core import TICKET
from tests.report.recount import counted
from tests.report.two_months import OTHER, fill_two_months

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
DESK = "城市管理和综合执法局"
BUILDING = "住房和城乡建设局"


pytestmark = pytest.mark.store(fill=fill_two_months, shared=True)


@pytest.mark.parametrize("month", [Month(2026, 9), OCTOBER, NOVEMBER, Month(2026, 12)], ids=str)
def test_every_figure_is_what_the_logs_say(store: Store, month: Month) -> None:
    with store.reading() as session:
        (result,) = figure_counts(session, [month])
    assert result == counted(store, month)
    if month == NOVEMBER:
        # nothing that is compared is nought everywhere
        everywhere = {figure for counts in result.values() for figure in counts}
        rare = {"extensions", "recorded", "proposed", "mediation_met"}
        never = {f"{duty}_expired" for duty in HOTLINE_DUTIES} - {"revisit_expired"}
        assert everywhere >= set(FIGURES) - rare - never


def test_months_counted_in_one_go_are_those_counted_alone(store: Store) -> None:
    span = [Month(2026, 9), OCTOBER, NOVEMBER, Month(2026, 12)]
    with store.reading() as session:
        assert figure_counts(session, span) == [
            figure_counts(session, [month])[0] for month in span
        ]


@pytest.mark.parametrize("figure", FIGURES)
def test_behind_every_figure_stand_so_many_tickets(store: Store, figure: str) -> None:
    with store.reading() as session:
        for month in (OCTOBER, NOVEMBER):
            everything = list(figure_cases(session, month, figure))
            (by_figure,) = figure_counts(session, [month])
            by_unit = {unit: counts.get(figure, 0) for unit, counts in by_figure.items()}
            assert len(everything) == sum(by_unit.values())
            for unit, count in by_unit.items():
                cases = [case for case in everything if case.unit == unit]
                assert len(cases) == count
                assert list(figure_cases(session, month, figure, unit)) == cases


def test_figures_that_are_easily_got_wrong(store: Store) -> None:
    """Month's ends, a denied contact, a second handling elsewhere, cards taken back."""
    with store.reading() as session:

        def tickets(month: Month, figure: str, unit: str) -> list[str]:
            return [case.ticket for case in figure_cases(session, month, figure, unit)]

        # completed on the month's last evening; the first completion of X2 stays where it was
        assert tickets(OCTOBER, "completed", DESK) == ["X2", "X1"]
        # it was called, denied that, and nothing was proved
        assert "X1" in tickets(OCTOBER, "first_due", DESK)
        assert tickets(OCTOBER, "first_contact", DESK) == []
        assert tickets(NOVEMBER, "absent", DESK) == ["X1"]
        # both extensions for who had accepted, the second handling for who did it
        assert tickets(OCTOBER, "extensions", DESK) == ["X2", "X2"]
        assert tickets(OCTOBER, "reworks", BUILDING) == ["X2"]
        assert "X2" in tickets(NOVEMBER, "satisfied", BUILDING)
        assert tickets(OCTOBER, "returns", DESK) == ["X3"]
        assert tickets(OCTOBER, "proposed", BUILDING) == ["X4"]
        # X5 has both cards, X6's have been taken back, X7's are the next month's
        assert [t for t in tickets(OCTOBER, "cards", DESK) if t in ("X5", "X6", "X7")] == ["X5"] * 2
        assert tickets(NOVEMBER, "cards", DESK).count("X7") == 2


def test_ranks_trend_and_talks(store: Store) -> None:
    with store.reading() as session:
        result = bulletin(session, NOVEMBER, BulletinRules(last_ranks=3, ranked_from=5))
        october = bulletin(session, OCTOBER, BulletinRules())
    ranked = [line for line in result.lines if line.rank is not None]
    rates = [line.rate("on_time_rate") or 0 for line in ranked]
    assert rates == sorted(rates, reverse=True)
    assert ranked[0].rank == 1
    for before, line in pairwise(ranked):
        assert before.rank is not None
        assert line.rank is not None
        assert line.rank >= before.rank
    assert [str(month) for month, _own, _total in result.trend] == [
        f"2026-{n:02}" for n in range(6, 12)
    ]
    assert result.trend[-2][2].counts == october.total.counts
    last = [p.unit for p in result.proposals if render(p.why).startswith("rank")]
    enough = [line.unit for line in result.lines if line.count("completed") >= 5]
    assert last == enough[-3:]
    clauses = {(p.unit, p.clause): p for p in october.proposals}
    assert clauses[BUILDING, "6.1(5)"].tickets == ("X4",)
    grounds = [render(p.why) for p in october.proposals if p.unit == DESK]
    assert grounds == ["3 yellow and 3 red cards", "falsification has been registered"]
    assert [(p.clause, p.grave) for p in october.conduct] == [("6.1(3)", True), ("6.1(4)", False)]
    assert OTHER not in {line.unit for line in result.lines}
    silent = BulletinRules(red_from=0, yellow_from=0, last_ranks=0)
    with store.reading() as session:
        quiet = bulletin(session, NOVEMBER, silent).proposals
    assert quiet == ()


def test_an_older_store_gets_what_is_counted(store: Store) -> None:
    """The migration fills in, from the clocks, what is written with each ticket since."""
    columns = select(TICKET.c.number, TICKET.c.first_unit, TICKET.c.completed_by,
                     TICKET.c.reworked).order_by(TICKET.c.number)  # fmt: skip

    def figures() -> list[tuple[Any, ...]]:
        with store.reading() as session:
            return [tuple(row) for row in session.execute(columns)]

    before = figures()
    assert any(row.count(None) == 0 and row[3] for row in before)
    command.downgrade(config_of(store), "0014")
    upgrade(store)
    assert figures() == before


def test_a_month_is_found_by_index(store: Store) -> None:
    """No figure reads the whole of tickets or events."""
    if store.engine.dialect.name != "sqlite":
        pytest.skip("a planner may read a small table whole; SQLite's always takes a fitting index")
    from sqlalchemy import event as listening

    plans: list[str] = []
    with store.reading() as session:
        connection = session.connection()
        statements: list[tuple[str, Any]] = []

        def keep(_c: object, _cursor: object, text: str, parameters: Any, *_: object) -> None:
            statements.append((text, parameters))

        listening.listen(connection, "before_cursor_execute", keep)
        figure_counts(session, [NOVEMBER])
        listening.remove(connection, "before_cursor_execute", keep)
        for text, parameters in statements:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)
            plans += [row[3] for row in rows]
    assert len(statements) == 6
    used = "\n".join(plans)
    for index in (
        "ticket_received",
        "ticket_completed",
        "ticket_reworked",
        "clock_ended",
        "event_raised",
        "event_reported",
    ):
        assert index in used
    assert [p for p in plans if p.startswith(("SCAN ticket", "SCAN event", "SCAN clock"))] == []


def test_the_screen_of_the_units_counts_as_the_bulletin_does(store: Store) -> None:
    """Thirty days that are a month: in time, contacted and satisfied of the same tickets."""
    with store.reading() as session:
        (result,) = figure_counts(session, [NOVEMBER])
        rates = unit_rates(session, NOVEMBER.plus(1).begins_at)
    assert set(rates) <= set(result)
    for unit, counts in result.items():
        if unit in HOTLINE_HOLDERS:
            continue
        seen = rates.get(unit, UnitRates())
        assert (seen.on_time.good, seen.on_time.of) == _two(counts, "on_time", "timed")
        assert seen.first_contact == Ratio(*_two(counts, "first_contact", "first_due"))
        assert seen.closing_contact == Ratio(*_two(counts, "closing_contact", "closing_due"))
        assert (seen.satisfied.good, seen.satisfied.of) == _two(counts, "satisfied", "rated")
        assert (seen.yellow, seen.red) == _two(counts, "yellow", "red")
    assert sum(seen.first_contact.of for seen in rates.values()) > 0


def _two(counts: dict[str, int], first: str, second: str) -> tuple[int, int]:
    return counts.get(first, 0), counts.get(second, 0)
