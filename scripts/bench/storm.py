"""P4: a tenth of all open tickets crosses a level at half past eight."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from time import sleep
from typing import Any

from sqlalchemy import Select, func, select

from models.clock import Now, monotonic
from models.rulebook import load_rulebook
from models.rules.queues import ESCALATION
from models.tables.core import BELL, EVENT
from scripts.bench import workload
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row, measure_seconds
from scripts.bench.peers.processes import PEERS, SWEEP, Peer, PeerProcesses, select_peers
from scripts.bench.testbed import DECIDING, BenchFailed, Testbed
from scripts.bench.ticket_copies import copy_tickets
from workers.broker import Bells, connect

CLOCKS = 1_000_000
PEERS_CROSSING = 2_000

# Complaints have seven working days; accepted on these, they cross at the storm's moment:
# their pre-warning, their yellow card, their red card. The others' pre-warnings come later.
MOMENT = workload.shanghai_time("2026-03-18T08:30:00")
_BEFORE = MOMENT - timedelta(minutes=1)
_TEMPLATES = 300
_CROSSING_ACCEPTED = (("2026-03-10", 15), ("2026-03-06", 9), ("2026-03-05", 6))
CROSSING_SHARE = sum(share for _, share in _CROSSING_ACCEPTED) / _TEMPLATES
_LATER_ACCEPTED = ("2026-03-11", "2026-03-12", "2026-03-13", "2026-03-16", "2026-03-17")


def measure_storm(bench: BenchContext) -> Row:
    """P4: the time until every level is recorded, compared with one statement of SQL."""
    testbed, clocks, crossing = open_tickets(bench)
    ours, limit = [], []
    for run in range(bench.runs):
        bench.progress(f"P4: run {run + 1}, {crossing:,} tickets cross a level")
        ours.append(measure_crossing(testbed, crossing))
        save_storm_rows(testbed, crossing)
        limit.append(write_in_one_statement(testbed))
        undo_storm(testbed)
    figures = [
        Figure("the storm: all levels recorded with their notices", "s", ours,
               "L: one SQL statement that writes the same rows", limit, Goal(least=0.8),
               f"{crossing:,} of {clocks:,} open tickets"),
        Figure("the storm, in all", "s", ours, "10 s", [10.0], Goal(most=1.0)),
    ]  # fmt: skip
    rate = Figure("tickets that cross a level, by peers", "tickets/s", [crossing / s for s in ours])
    peers, absent = select_peers((SWEEP, *PEERS), quick=bench.quick)
    for peer in peers:
        bench.progress(f"P4: {peer.name}")
        rates_of_peer = _peer(bench, testbed, peer)
        goal = Goal(least=15) if peer is SWEEP else Goal()
        figures.append(rate.against_peer(peer.name, rates_of_peer, goal))
    return Row("P4", figures, absent)


def open_tickets(bench: BenchContext) -> tuple[Testbed, int, int]:
    """A store of open tickets, filled at the first call; how many, and how many will cross."""
    clocks = bench.scaled(CLOCKS, 3_000)
    if "open" not in bench.cache:
        bench.progress(f"making {clocks:,} open tickets")
        testbed = bench.cleanup.enter_context(bench.testbed("open"))
        bench.cache["open"] = testbed, prepare_storm(testbed, clocks)
    testbed, crossing = bench.cache["open"]
    return testbed, clocks, crossing


def _peer(bench: BenchContext, testbed: Testbed, peer: Peer) -> list[float]:
    """Tickets a second that a peer raises the level of, one job and one transaction each."""
    count, rates = bench.scaled(PEERS_CROSSING, 50), []
    file = testbed.settings.home / "crossing.jsonl"
    sample = "SELECT id, seq FROM bench.before ORDER BY id LIMIT %s"
    clocks = [
        {"id": number, "now": MOMENT.isoformat()} for number, _ in testbed.sql(sample, [count])
    ]
    done = ("SELECT count(*) FROM ticket t JOIN bench.before b USING (id)"
            " WHERE t.id = ANY(%s) AND t.seq > b.seq")  # fmt: skip
    with PeerProcesses(peer, testbed) as running:
        for part in (clocks[:20], *[clocks] * bench.runs):
            testbed.settle()
            workload.write_lines(file, part)
            numbers = [clock["id"] for clock in part]
            began = monotonic()
            running.enqueue_file("clocks", file)
            testbed.until(partial(_all, testbed, done, numbers), 120, peer.name)
            rates.append(len(part) / (monotonic() - began))
            undo_storm(testbed)
    # The first run warmed up interpreters, pools and the rulebook.
    return rates[1:]


def _all(testbed: Testbed, count: str, numbers: Sequence[int]) -> bool:
    return bool(testbed.sql(count, [numbers])[0][0] == len(numbers))


def prepare_storm(testbed: Testbed, clocks: int) -> int:
    """Fill a store with open tickets; returns how many cross a level at the moment."""
    first = testbed.sql("SELECT coalesce(max(id), 0) + 1 FROM ticket")[0][0]
    days = [day for day, share in _CROSSING_ACCEPTED for _ in range(share)]
    later = _TEMPLATES - len(days)
    days += [_LATER_ACCEPTED[n % len(_LATER_ACCEPTED)] for n in range(later)]
    play_templates(testbed, days, _BEFORE)
    copy_tickets(testbed, first, clocks)
    testbed.sql("CREATE SCHEMA bench")
    bells = "SELECT * FROM bell WHERE queue = 'escalation' AND due_at = %s"
    testbed.sql("CREATE TABLE bench.bell_before AS " + bells, [MOMENT])
    testbed.sql("CREATE TABLE bench.before AS SELECT t.* FROM ticket t"
             " JOIN bench.bell_before b ON b.row_id = t.id")  # fmt: skip
    testbed.sql("ALTER TABLE bench.before ADD PRIMARY KEY (id)")
    early = testbed.sql("SELECT count(*) FROM bell WHERE due_at < %s", [MOMENT])[0][0]
    crossing = testbed.sql("SELECT count(*) FROM bench.before")[0][0]
    if early or not crossing:
        raise BenchFailed(f"P4: {crossing} tickets cross at the moment, {early} before")
    return int(crossing)


def play_crossing(testbed: Testbed, count: int) -> None:
    """Make so many tickets that will all cross a level, none of which does so before the moment."""
    days = [day for day, _ in _CROSSING_ACCEPTED]
    play_templates(testbed, [days[n % len(days)] for n in range(count)], _BEFORE)


def play_templates(testbed: Testbed, days: Sequence[str], until: datetime) -> None:
    """Complaints accepted on these days, carried to `until` by the service's own operations."""
    with testbed.store.reading() as session:
        directory = load_rulebook(session).directory
    firsts = workload.new_tickets(directory, "T", len(days), until)
    messages = []
    for day, letter in zip(days, firsts, strict=True):
        letter["category"] = "complaint"
        messages += workload.handling_started(letter, workload.shanghai_time(f"{day}T10:00:00"))
    testbed.play(messages, lambda: until)


def measure_crossing(testbed: Testbed, crossing: int) -> float:
    """Seconds from the moment until all levels are recorded, in a store as after a quiet hour."""
    testbed.settle()
    return run_until_crossed(testbed, crossing)


def run_until_crossed(testbed: Testbed, crossing: int) -> float:
    """Seconds from the moment until all levels are recorded, by real processes."""
    now = testbed.start_before(MOMENT, DECIDING)
    try:
        return _wait(testbed, now, crossing)
    finally:
        testbed.stop()


def _wait(testbed: Testbed, now: Now, crossing: int) -> float:
    while (left := (MOMENT - now()).total_seconds()) > 0:
        sleep(min(left, 0.05))
    began = monotonic()
    bells = Bells(connect(str(testbed.settings.broker_url), testbed.store.cipher.store_id))
    # a ticket that has been rung for is due again half a minute later; one that is done, days later
    soon = MOMENT + timedelta(hours=1)
    waiting = select(BELL.c.row_id).where(BELL.c.queue == ESCALATION, BELL.c.ring_at < soon)

    def over() -> bool:
        # while bells wait it cannot be, and to ask the store took a twentieth of the machine
        return not bells.waiting()[ESCALATION] and _first(testbed, waiting.limit(1)) is None

    testbed.until(over, 600, "every level was recorded")
    seconds = monotonic() - began
    levels = select(func.count()).where(EVENT.c.name == "alert.raised", EVENT.c.moment == MOMENT)
    if (raised := _first(testbed, levels)) != crossing:
        raise BenchFailed(f"{crossing} levels should have been raised, not {raised}")
    return seconds


def _first(testbed: Testbed, question: Select[Any]) -> Any:
    with testbed.store.reading() as session:
        return session.scalar(question)


def save_storm_rows(testbed: Testbed, crossing: int) -> None:
    """Save the rows that the storm wrote, and undo it."""
    testbed.sql("DROP TABLE IF EXISTS bench.ticket, bench.event, bench.notice, bench.bell")
    among = "FROM {} AS t JOIN bench.before AS b ON b.id = t.ticket_id AND t.seq > b.seq"
    testbed.sql("CREATE TABLE bench.event AS SELECT t.* " + among.format("event"))
    testbed.sql("CREATE TABLE bench.notice AS SELECT t.* " + among.format("notice"))
    testbed.sql(
        "CREATE TABLE bench.ticket AS SELECT t.* FROM ticket t JOIN bench.before USING (id)"
    )
    testbed.sql("CREATE TABLE bench.bell AS SELECT t.* FROM bell t"
             " JOIN bench.bell_before b USING (row_id, queue)")  # fmt: skip
    undo_storm(testbed)
    if testbed.sql("SELECT count(*) FROM bench.event")[0][0] < crossing:
        raise BenchFailed("P4: fewer events than levels")


def undo_storm(testbed: Testbed) -> None:
    """Set the tickets back to their state before the moment."""
    for table in ("notice", "event"):
        testbed.sql(
            f"DELETE FROM {table} t USING bench.before b WHERE b.id = t.ticket_id AND t.seq > b.seq"
        )
    testbed.sql(_update(_changed(testbed), "bench.before"))
    testbed.sql("DELETE FROM bell t USING bench.bell_before b"
             " WHERE (t.row_id, t.queue) = (b.row_id, b.queue)")  # fmt: skip
    testbed.sql("INSERT INTO bell SELECT * FROM bench.bell_before")


def write_in_one_statement(testbed: Testbed) -> float:
    """Seconds that one statement on one connection takes to write what the storm wrote."""
    testbed.settle()
    statement = (
        "WITH e AS (INSERT INTO event SELECT * FROM bench.event),"
        " n AS (INSERT INTO notice SELECT * FROM bench.notice),"
        " u AS (UPDATE bell t SET due_at = b.due_at, ring_at = b.ring_at FROM bench.bell b"
        " WHERE (t.row_id, t.queue) = (b.row_id, b.queue)),"
        " d AS (DELETE FROM bell t USING bench.bell_before b WHERE (t.row_id, t.queue) ="
        " (b.row_id, b.queue) AND NOT EXISTS (SELECT 1 FROM bench.bell k"
        " WHERE (k.row_id, k.queue) = (t.row_id, t.queue))) "
        + _update(_changed(testbed), "bench.ticket")
    )
    return measure_seconds(lambda: testbed.sql(statement))


def _changed(testbed: Testbed) -> list[str]:
    """The columns of a ticket that are written when it is carried on."""
    rows = testbed.sql("SELECT attname FROM pg_attribute WHERE attrelid = 'bench.before'::regclass"
                    " AND attnum > 0 AND NOT attisdropped")  # fmt: skip
    fixed = {"id", "number", "title", "facts", "claimant"}
    return [name for (name,) in rows if name not in fixed]


def _update(columns: Sequence[str], source: str) -> str:
    sets = ", ".join(f'"{c}" = new."{c}"' for c in columns)
    return f"UPDATE ticket SET {sets} FROM {source} AS new WHERE new.id = ticket.id"
