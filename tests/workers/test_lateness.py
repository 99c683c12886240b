"""The lateness that a timekeeper reports is the present one, not the worst of the day."""

from datetime import timedelta

import pytest

from models.database import Store
from models.operations.bells import bell, set_bells
from models.queries.health import DEFAULT_PATIENCE, health
from models.rules.queues import ESCALATION
from monitor.widgets.bars import StatusLineData, status_line
from tests.store.factories import at, feed, letter
from workers.broker import Bells, connect
from workers.heartbeat import Heartbeat
from workers.timekeeper import LATENESS_KEPT, RUSH_LASTS, RUSH_ROWS, Timekeeper

_MORNING = "2026-03-02T09:00"


def _feed(store: Store, number: str, moment: str) -> None:
    feed(store, [letter(number, at(moment).isoformat())], at(moment))


def test_the_lateness_is_that_of_the_last_ring(store: Store, broker_url: str) -> None:
    """A row rung for late shows until the next ring, or for a few seconds; then none is late."""
    now, seconds = [at(_MORNING) + timedelta(minutes=3)], [100.0]
    bells = Bells(connect(broker_url, store.cipher.store_id))
    keeper = Timekeeper(store, bells, lambda: now[0], DEFAULT_PATIENCE, lambda: seconds[0])
    _feed(store, "L1", _MORNING)
    assert keeper.ring_due() == 1
    assert keeper.lateness == 180
    # what comes in next is rung for at once
    _feed(store, "L2", "2026-03-02T09:03")
    assert keeper.ring_due() == 1
    assert keeper.lateness == 0
    _feed(store, "L3", "2026-03-02T09:02")
    assert keeper.ring_due() == 1
    assert keeper.lateness == 60
    seconds[0] += LATENESS_KEPT
    assert keeper.ring_due() == 0
    assert keeper.lateness == 60
    seconds[0] += 0.1
    assert keeper.ring_due() == 0
    assert keeper.lateness == 0


@pytest.mark.store(databases=["sqlite"])
def test_levels_are_claimed_many_at_a_time(store: Store, broker_url: str) -> None:
    """While more than half of the queue waits, none is rung for; by the thousand it is a rush."""
    now, seconds = at(_MORNING), [100.0]
    broker = connect(broker_url, store.cipher.store_id)
    bells = Bells(broker)
    keeper = Timekeeper(store, bells, lambda: now, DEFAULT_PATIENCE, lambda: seconds[0])
    for _ in range(9):
        bells.ring({ESCALATION: [2]})
    with store.writing() as session:
        set_bells(session, [bell(ESCALATION, row, now) for row in range(1, RUSH_ROWS + 1)])
    assert (keeper.ring_due(), keeper.is_rushed) == (0, False)
    assert len(broker.do_fetch(ESCALATION, 1)) == 1
    assert (keeper.ring_due(), keeper.is_rushed) == (RUSH_ROWS, True)
    seconds[0] += RUSH_LASTS
    assert (keeper.ring_due(), keeper.is_rushed) == (0, False)


def test_the_status_line_tells_the_lateness_that_was_reported_last(store: Store) -> None:
    """Each heartbeat takes the place of the one before."""
    heartbeat = Heartbeat(store, "timekeeper")
    texts = []
    for late in (2.0, 0.0):
        heartbeat._next = 0.0
        heartbeat(lateness=late)
        with store.reading() as session:
            seen = health(session, at(_MORNING))
        status = StatusLineData(store=True, health=seen, wall=seen.processes[0].seen_at)
        texts.append(status_line(status, 200).plain)
    assert "timer 2.0 s" in texts[0]
    assert "timer 0.0 s" in texts[1]
