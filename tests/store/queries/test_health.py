"""The health figures: live processes, waiting rows, and when a timekeeper rings again."""

from datetime import timedelta

from sqlalchemy import select

from models.database import Store
from models.operations.processes import remove_process, report_process
from models.queries.health import (
    ALIVE_WITHIN,
    DEFAULT_PATIENCE,
    health,
    is_reporting,
    patience,
)
from models.queries.queue_depths import queue_depths
from models.tables.core import BELL, NOTICE
from tests.store.factories import advance_tickets, at, feed, letter, message

NOW = at("2026-11-20T12:00")


def _report(store: Store, name: str, ago: timedelta, patience_ms: int | None = None) -> None:
    with store.writing() as session:
        report_process(
            session,
            NOW - ago,
            name=name,
            role=name.partition("@")[0],
            started_at=NOW - timedelta(hours=1),
            doing="intake 5",
            lateness_ms=80,
            done=7,
            failed=1,
            patience_ms=patience_ms,
        )


def test_a_process_is_alive_while_it_reports(store: Store) -> None:
    """For fifteen seconds after its last report, for everybody who asks."""
    _report(store, "worker@desk:1", ALIVE_WITHIN)
    _report(store, "worker@desk:2", ALIVE_WITHIN + timedelta(seconds=1))
    with store.reading() as session:
        processes = health(session, NOW).processes
        assert [(p.name, p.is_alive(NOW)) for p in processes] == [
            ("worker@desk:1", True),
            ("worker@desk:2", False),
        ]
        assert (processes[0].role, processes[0].doing, processes[0].lateness_ms) == (
            "worker",
            "intake 5",
            80,
        )
        assert (processes[0].done, processes[0].failed) == (7, 1)
        assert is_reporting(session, "worker@desk:1", NOW)
        assert not is_reporting(session, "worker@desk:2", NOW)
        assert not is_reporting(session, "worker@d_sk:", NOW), "a name is no pattern"
        assert not is_reporting(session, "timekeeper@desk:", NOW)


def test_a_process_that_ends_in_order_is_gone(store: Store) -> None:
    """And with it those that have not reported for a day."""
    for name, ago in (("worker@a:1", 0), ("worker@a:2", 1), ("worker@a:3", 25)):
        _report(store, name, timedelta(hours=ago))
    with store.writing() as session:
        remove_process(session, "worker@a:1", NOW)
    with store.reading() as session:
        assert [p.name for p in health(session, NOW).processes] == ["worker@a:2"]


def test_the_patience_is_that_of_the_timekeepers_alive(store: Store) -> None:
    """The longest of them; the usual one where none has told any."""
    with store.reading() as session:
        assert patience(session, NOW) == DEFAULT_PATIENCE
    _report(store, "worker@desk:1", timedelta())
    _report(store, "timekeeper@old:1", timedelta(minutes=1), 90_000)
    with store.reading() as session:
        assert patience(session, NOW) == DEFAULT_PATIENCE
    _report(store, "timekeeper@desk:2", timedelta(seconds=1), 1_500)
    _report(store, "timekeeper@desk:3", timedelta(seconds=1), 2_000)
    with store.reading() as session:
        assert patience(session, NOW) == timedelta(seconds=2)


def test_a_bell_that_was_rung_waits_for_as_long_as_the_timekeeper_says(store: Store) -> None:
    """With a patience of two minutes it is due again in two minutes, and waits until then."""
    feed(store, [letter("A1", "2026-11-20T11:00")], NOW)
    _report(store, "timekeeper@desk:1", timedelta(), 120_000)
    with store.writing() as session:
        again_at = NOW + timedelta(minutes=2)
        session.execute(BELL.update().values(ring_at=again_at))
    with store.reading() as session:
        assert queue_depths(session, NOW, NOW)["intake"].waiting == 1
        at_the_default = queue_depths(session, NOW, NOW + timedelta(hours=1))["intake"]
        assert at_the_default.waiting == 0, "that timekeeper is dead"
    with store.reading() as session:
        fast = queue_depths(session, NOW, NOW + timedelta(hours=1), speed=60.0)["intake"]
        assert fast.waiting == 1, "half a minute is half an hour on a clock that fast"


def test_what_waits_and_what_failed_is_counted(store: Store) -> None:
    """Messages due now, refused ones that nobody mended, notices queued and failed."""
    feed(store, [
        letter("A1", "2026-11-20T09:00"),
        message("A1", "unit.accepted", "2026-11-20T10:00", by="王"),
        message("A1", "result.submitted", "2026-11-20T10:30"),
        letter("A2", "2026-11-20T11:00"),
        letter("A3", "2026-11-20T13:00"),
    ], NOW)  # fmt: skip
    advance_tickets(store, ["A1"], NOW)
    with store.writing() as session:
        notices = session.scalars(select(NOTICE.c.id).order_by(NOTICE.c.id)).all()
        session.execute(NOTICE.update().where(NOTICE.c.id == notices[0]).values(state="failed"))
    with store.reading() as session:
        current = health(session, NOW)
        later = health(session, NOW + timedelta(hours=1))
    assert (current.inbox_waiting, later.inbox_waiting) == (1, 2), "A3 is dated later"
    assert current.refused == 1
    assert (current.notices_queued, current.notices_failed) == (len(notices) - 1, 1)
