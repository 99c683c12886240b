"""The parts of the served monitor that need no server: tries, and lines of the log."""

import logging

import pytest

from models.rules.limits import KNOWN_ADDRESSES, LOG_IN_PAUSE, LOG_IN_TRIES
from models.serving.log_limit import LINES_A_MINUTE, LogLimit
from models.serving.tries import FailedLogIns, Tries

PAUSE = LOG_IN_PAUSE.total_seconds()


def test_after_a_few_tries_each_further_one_waits() -> None:
    tries = Tries()
    for _n in range(LOG_IN_TRIES):
        assert tries.pause("a", 0) == 0
        tries.add("a", 0)
    assert (tries.pause("a", 0), tries.pause("a", 20), tries.pause("b", 0)) == (60, 40, 0)
    assert tries.pause("a", PAUSE) == 0
    tries.add("a", PAUSE)
    assert tries.pause("a", PAUSE) == PAUSE
    # tries that came at the same time owe no more than one pause
    for _n in range(50):
        tries.add("a", PAUSE)
    assert tries.pause("a", PAUSE) == PAUSE
    assert tries.pause("a", 9_999 * PAUSE) == 0


def test_of_many_addresses_the_oldest_are_forgotten() -> None:
    """Somebody with many addresses fills no memory."""
    tries = Tries()
    for _n in range(LOG_IN_TRIES):
        tries.add("first", 0)
    for n in range(KNOWN_ADDRESSES - 1):
        tries.add(str(n), 0)
    assert tries.pause("first", 0) > 0
    tries.add("one more", 0)
    assert tries.pause("first", 0) == 0


@pytest.mark.parametrize(
    ("address", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "192.0.2.2", False),
    ],
)
def test_addresses_of_one_site_are_counted_together(address: str, other: str, same: bool) -> None:
    failed = FailedLogIns()
    for _n in range(LOG_IN_TRIES):
        failed.add(address, 0)
    assert (failed.pause(other, 0) > 0) == same


def test_failed_log_ins_take_a_line_a_minute_which_names_a_few_addresses() -> None:
    failed = FailedLogIns()
    assert failed.to_log(0) is None
    failed.add("192.0.2.1", 0)
    assert failed.to_log(0) == (["192.0.2.1"], 1)
    for n in range(1_000):
        failed.add(f"192.0.2.{n % 250}", 1)
    assert failed.to_log(59) is None
    addresses, count = failed.to_log(60) or ([], 0)
    assert (len(addresses), count) == (5, 1_000)


def test_a_place_in_the_code_writes_a_few_lines_a_minute() -> None:
    now = [0.0]
    limit = LogLimit(lambda: now[0])

    def written(line: int) -> bool:
        record = logging.LogRecord("x", logging.WARNING, "f.py", line, "text", (), None)
        return limit.filter(record)

    assert [written(1) for _n in range(9)] == [True] * LINES_A_MINUTE + [False] * (
        9 - LINES_A_MINUTE
    )
    assert written(2)
    now[0] = 60.0
    assert written(1)
