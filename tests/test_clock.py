"""The description of a demo clock: read as written, or refused with a word on what is wrong."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.clock import DemoClock, InvalidClock, has_ended, parse_clock, system_clock
from models.database import Store
from models.shared_clock import SharedClock, note_demo_clock, service_clock
from scripts.ingest.pipeline import IngestPipeline

BEGAN, START = "2026-12-01T01:00:00+00:00", "2026-10-12T09:00:00+08:00"


def test_a_description_gives_the_clock_that_wrote_it() -> None:
    """Every process of a demo is given the same text."""
    clock = parse_clock(f"{BEGAN},{START},600")
    assert isinstance(clock, DemoClock)
    assert (clock.began, clock.speed) == (datetime(2026, 12, 1, 1, tzinfo=UTC), 600.0)
    assert parse_clock(str(clock)) == clock
    ending = parse_clock(f"{BEGAN},{START},600,2026-10-23T18:00:00+08:00")
    assert parse_clock(str(ending)) == ending != clock


def test_a_clock_with_an_end_stands_still_there() -> None:
    """Before it, it runs; the system's and one without an end never end."""
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    over = DemoClock(long_ago, long_ago, 600.0, datetime(2020, 1, 15, tzinfo=UTC))
    assert over() == over() == datetime(2020, 1, 15, tzinfo=UTC)
    assert has_ended(over)
    running = DemoClock(system_clock(), long_ago, 600.0, datetime(2020, 1, 15, tzinfo=UTC))
    assert long_ago <= running() < datetime(2020, 1, 15, tzinfo=UTC)
    endless = DemoClock(long_ago, long_ago, 1.0)
    assert not any(has_ended(now) for now in (running, endless, system_clock))


def test_no_description_is_the_system_clock() -> None:
    """A real service names none."""
    assert parse_clock("") is system_clock


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("tomorrow", "began,start,speed"),
        (f"{BEGAN},{START},fast", "began,start,speed"),
        (f"2026-12-01T09:00,{START},1", "offset"),
        (f"{BEGAN},2026-12-01T09:00,1", "offset"),
        (f"{BEGAN},{START},1,2026-12-01T09:00", "offset"),
        (f"{BEGAN},{START},1,{START},{START}", "began,start,speed"),
        (f"{BEGAN},{START},0", "over 0"),
        (f"{BEGAN},{START},nan", "over 0"),
        (f"{BEGAN},{START},inf", "over 0"),
    ],
)
def test_a_clock_that_would_not_run_is_refused(text: str, word: str) -> None:
    """Instants without an offset cannot be compared, and a speed of 0 divides by it."""
    with pytest.raises(InvalidClock, match=word):
        parse_clock(text)


@pytest.mark.store(databases=["sqlite"])
def test_whoever_opens_a_demos_store_has_its_clock(store: Store, tmp_path: Path) -> None:
    """A second monitor, a feed, a command: what they date the service would wait for else."""
    assert isinstance(service_clock(store), SharedClock)
    clock = parse_clock(f"{BEGAN},{START},600,2026-10-23T18:00:00+08:00")
    assert isinstance(clock, DemoClock)
    note_demo_clock(store, clock)
    assert service_clock(store) == clock
    assert IngestPipeline(store, tmp_path / "refused").now == clock
