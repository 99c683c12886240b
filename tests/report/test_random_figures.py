"""No figure is charged to a unit that did not hold the duty: random lives, read slowly and fast."""

from collections import Counter
from datetime import datetime
from random import Random
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy import select

from models.database import Store
from models.queries.figure_cases import Counts, figure_cases, figure_counts
from models.queries.figures import FIGURES, Month
from models.rules.messages import Message
from models.tables.core import EVENT, TICKET
from tests.report.recount import counted, logs
from tests.rules.random_lives import lives
from tests.store.factories import advance_tickets, feed, simple_units

pytestmark = pytest.mark.store(units=simple_units())

_END = datetime.fromisoformat("2028-06-01T00:00:00+08:00")
_LIVES = 60


def _random_messages(seed: int) -> list[dict[str, Any]]:
    drawn: list[list[Message]] = []

    @hypothesis.seed(seed)
    @settings(
        max_examples=_LIVES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(lives())
    def collect(life: list[Message]) -> None:
        drawn.append(life)

    collect()
    return [
        {
            **drawn.raw,
            "id": f"R{number}-{drawn.arrival}",
            "type": drawn.type,
            "ticket": f"R{number}",
            "at": drawn.at.isoformat(),
        }
        for number, life in enumerate(drawn)
        for drawn in life
    ]


def _live(store: Store, messages: list[dict[str, Any]]) -> None:
    feed(store, messages, _END)
    advance_tickets(store, sorted({m["ticket"] for m in messages}), _END)


def _months(store: Store) -> list[Month]:
    """Every month in which something happened, and one more."""
    with store.reading() as session:
        moments = session.scalars(select(EVENT.c.moment)).all()
    first, last = Month.of(min(moments)), Month.of(max(moments)).plus(1)
    months = [first]
    while months[-1] != last:
        months.append(months[-1].plus(1))
    return months


@pytest.mark.parametrize("seed", (1, 2))
def test_no_figure_is_charged_to_a_unit_that_did_not_hold_the_duty(store: Store, seed: int) -> None:
    """The queries say what the logs say, event by event; something of most figures occurs."""
    _live(store, _random_messages(seed))
    months = _months(store)
    with store.reading() as session:
        by_month = figure_counts(session, months)
    for month, counts in zip(months, by_month, strict=True):
        assert _with_any(counts) == counted(store, month), str(month)
    everywhere = {f for counts in by_month for figures in counts.values() for f in figures}
    assert everywhere >= {"tickets", "timed", "first_due", "completed", "cards"}


@pytest.mark.parametrize("seed", (3,))
def test_sums_agree_when_messages_come_late(store: Store, seed: int) -> None:
    """A quarter of the messages comes when all is over: the sums are still those of the tickets."""
    rng = Random(seed)
    messages = _random_messages(seed)
    late = [m for m in messages if m["type"] != "ticket.received" and rng.random() < 0.25]
    _live(store, [m for m in messages if m not in late])
    _live(store, late)
    months = _months(store)
    with store.reading() as session:
        by_month = figure_counts(session, months)
        received = session.scalars(select(TICKET.c.first_unit)).all()
        total: Counter[str] = Counter()
        for month, counts in zip(months, by_month, strict=True):
            for figures in counts.values():
                total.update(figures)
                assert figures.get("timed", 0) == figures.get("on_time", 0) + figures.get("late", 0)
                assert figures.get("cards", 0) == figures.get("yellow", 0) + figures.get("red", 0)
                assert figures.get("first_contact", 0) <= figures.get("first_due", 0)
                assert figures.get("satisfied", 0) <= figures.get("rated", 0)
            for figure in FIGURES:
                units = Counter(case.unit for case in figure_cases(session, month, figure))
                assert units == {u: c[figure] for u, c in counts.items() if figure in c}
    completed = [
        e for events in logs(store).values() for e in events if e.name == "ticket.completed"
    ]
    assert total["completed"] == len(completed) > 0
    assert total["tickets"] == sum(unit is not None for unit in received)


def _with_any(counts: Counts) -> Counts:
    return {unit: figures for unit, figures in counts.items() if figures}
