"""P5 and P6: the lateness of clocks, and the time from an emergency to its dispatch."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from statistics import median
from threading import Event
from time import sleep

from sqlalchemy import func, select

from models.clock import DemoClock, Now, monotonic, system_clock
from models.operations.inbox import add_messages
from models.rulebook import load_rulebook
from models.rules.queues import MESSAGE_QUEUES
from models.rules.vocabulary import EventName
from models.tables.core import BELL
from models.tables.ticket import named
from scripts.bench import workload
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row, percentile
from scripts.bench.intake import LETTERS, all_applied
from scripts.bench.peers.processes import PEERS, Peer, PeerProcesses, select_peers
from scripts.bench.storm import MOMENT, open_tickets
from scripts.bench.testbed import BenchFailed, Testbed

_EXPIRIES, _PEERS_EXPIRIES = 200, 50
_APART = timedelta(milliseconds=100)
_ON_SITE = timedelta(hours=2)
_CHUNK = 1_000
_ENDLESS = 10**8
_AHEAD = 20_000
"""Letters that are kept waiting while others come in: as many as in P3."""


def measure_lateness(bench: BenchContext) -> Row:
    """P5: the time from the moment of an expiry to the commit of its events."""
    empty = _memory_of_an_empty_one(bench)
    testbed, clocks, _crossing = open_tickets(bench)
    count = bench.scaled(_EXPIRIES, 20)
    bench.progress(f"P5: {count} expiries while {clocks:,} clocks are pending")
    idle, full = _watch(testbed, "I", MOMENT - timedelta(hours=20), count * bench.runs)
    bench.progress("P5: the same while letters come in")
    busy, _ = _watch(testbed, "B", MOMENT - timedelta(hours=16), count * bench.runs, load=True)
    figures = [
        Figure("lateness of an expiry, median", "ms", _parts(idle, bench.runs, 50), "50 ms", [50.0],
               Goal(most=1), f"{clocks:,} pending, nothing else to do"),
        Figure("99th percentile", "ms", _parts(idle, bench.runs, 99), "250 ms", [250.0],
               Goal(most=1)),
        Figure("99th percentile while letters come in", "ms", _parts(busy, bench.runs, 99),
               "1,000 ms", [1000.0], Goal(most=1)),
        Figure("memory of workers and timekeeper", "MB", [full], "with nothing pending", [empty],
               Goal(most=1.2)),
    ]  # fmt: skip
    peers, absent = select_peers([p for p in PEERS if p.later], quick=bench.quick)
    ours = Figure("median, by peers with nothing else pending", "ms", [figures[0].value])
    for peer in peers:
        bench.progress(f"P5: {peer.name}")
        late = _peer(bench, peer)
        figures.append(ours.against_peer(f"{peer.name}: {peer.later}", late, Goal()))
    return Row("P5", figures, absent)


def _memory_of_an_empty_one(bench: BenchContext) -> float:
    with bench.testbed("P5-empty") as testbed:
        testbed.start()
        sleep(1)
        return testbed.memory()


def _parts(late: Sequence[float], parts: int, percent: int) -> list[float]:
    """A percentile of each of some equal parts of what was seen, in order."""
    size = len(late) // parts
    chunks = [late[n * size : (n + 1) * size] for n in range(parts)]
    return [percentile(chunk, percent) for chunk in chunks]


def _watch(
    testbed: Testbed, prefix: str, first: datetime, count: int, *, load: bool = False
) -> tuple[list[float], float]:
    """Milliseconds that each of `count` expiries was late, a tenth of a second apart; and memory.

    Emergencies are dispatched beforehand, so that their two hours run out one after another.
    """
    with testbed.store.reading() as session:
        directory = load_rulebook(session).directory
    bodies = list(workload.new_tickets(directory, prefix, count, first))
    for number, body in enumerate(bodies):
        body["at"] = (first + number * _APART).isoformat(timespec="milliseconds")
        body["emergency"] = "utilities"
    testbed.play(bodies, lambda: first + count * _APART)
    testbed.settle()
    begins = first + _ON_SITE
    now = testbed.start_before(begins)
    try:
        # Before any work is done: only what is pending should count.
        memory = testbed.memory()
        with _coming_in(testbed, f"{prefix}L", now) if load else nullcontext():
            ends = begins + count * _APART
            why = f"{count} clocks ran out"
            while now() < ends:
                sleep(0.1)
            testbed.until(lambda: testbed.sql(_EXPIRED, [begins, ends])[0][0] >= count, 60, why)
    finally:
        testbed.stop()
    rows = testbed.sql(_COMMITTED, [begins, ends])
    # The other clocks of these tickets must not ring in the next measurement.
    testbed.sql("DELETE FROM bell WHERE row_id IN (SELECT id FROM ticket WHERE number LIKE %s)",
             [f"{prefix}%"])  # fmt: skip
    return [_real(now, at, moment) for at, moment in rows], memory


_EXPIRED = (
    "SELECT count(*) FROM event e JOIN ticket t ON t.id = e.ticket_id"
    f" WHERE t.emergency IS NOT NULL AND e.{named(EventName.CLOCK_EXPIRED)}"
    " AND e.moment >= %s AND e.moment < %s"
)
_COMMITTED = _EXPIRED.replace("count(*)", "pg_xact_commit_timestamp(e.xmin), e.moment") + (
    " ORDER BY e.moment"
)


def _real(now: DemoClock, committed: datetime, moment: datetime) -> float:
    """Milliseconds between a moment of the demo clock and a commit by the server's."""
    return ((committed - now.began) - (moment - now.start)).total_seconds() * 1000


@contextmanager
def _coming_in(testbed: Testbed, prefix: str, now: Now, count: int | None = None) -> Iterator[None]:
    """Feed `count` letters meanwhile, or without it so many that some always wait."""
    end = Event()

    def feed() -> None:
        with testbed.store.reading() as session:
            directory = load_rulebook(session).directory
        at = now() - timedelta(minutes=1)
        letters = workload.new_tickets(directory, prefix, count or _ENDLESS, at)
        while not end.is_set() and (chunk := list(islice(letters, _CHUNK))):
            while _waiting(testbed) > _AHEAD and not end.wait(0.02):
                pass
            with testbed.store.writing() as session:
                add_messages(session, "bench", chunk, now())

    with ThreadPoolExecutor(1) as feeder:
        fed = feeder.submit(feed)
        try:
            yield
            if count is None and not _waiting(testbed):
                raise BenchFailed("the letters were processed before the end")
        finally:
            if count is None:
                end.set()
        # A feeder that failed has put no load on the service: raise its error.
        fed.result()


def _waiting(testbed: Testbed) -> int:
    with testbed.store.reading() as session:
        statement = select(func.count()).where(BELL.c.queue.in_(MESSAGE_QUEUES))
        return session.scalar(statement) or 0


def _peer(bench: BenchContext, peer: Peer) -> list[float]:
    count = bench.scaled(_PEERS_EXPIRIES, 10)
    medians = []
    with bench.testbed("P5-peer") as testbed:
        testbed.sql("CREATE SCHEMA bench")
        testbed.sql("CREATE TABLE bench.run (due_at timestamptz, ran_at timestamptz)")
        file = testbed.settings.home / "later.jsonl"
        with PeerProcesses(peer, testbed) as running:
            for run in range(bench.runs + 1):
                first = system_clock() + timedelta(seconds=3)
                times = [(first + n * _APART).isoformat() for n in range(count if run else 3)]
                workload.write_lines(file, [{"due": due} for due in times])
                testbed.sql("TRUNCATE bench.run")
                running.enqueue_file("later", file)
                testbed.until(partial(_all_ran, testbed, len(times)), 60, peer.name)
                late = testbed.sql(
                    "SELECT extract(epoch FROM ran_at - due_at) * 1000 FROM bench.run"
                )
                medians.append(median(float(value) for (value,) in late))
    return medians[1:]


def _all_ran(testbed: Testbed, count: int) -> bool:
    return bool(testbed.sql("SELECT count(*) FROM bench.run")[0][0] == count)


def measure_emergencies(bench: BenchContext) -> Row:
    """P6: emergencies that come in while a file of letters is processed."""
    urgent, ordinary = [], []
    with bench.testbed("P6") as testbed:
        testbed.start()
        for run in range(bench.runs):
            bench.progress(f"P6: run {run + 1}")
            testbed.settle()
            delays = _among_letters(testbed, f"R{run}", bench.scaled(LETTERS, 2_000))
            urgent.append(percentile(delays["E"], 99))
            ordinary.append(percentile(delays["N"], 99))
    return Row("P6", [
        Figure("emergency from feed to dispatched under load, 99th percentile", "ms", urgent,
               "1,000 ms", [1000.0], Goal(most=1)),
        Figure("emergency from feed to dispatched under load", "ms", urgent,
               "the same letters without priority", ordinary),
    ])  # fmt: skip


def _among_letters(testbed: Testbed, prefix: str, count: int) -> dict[str, list[float]]:
    """Milliseconds to dispatch of emergencies (E) and of ordinary letters (N) sent beside them."""
    sent: dict[str, datetime] = {}
    with _coming_in(testbed, f"{prefix}L", system_clock, count):
        with testbed.store.reading() as session:
            directory = load_rulebook(session).directory
        end = monotonic() + 600
        while (not sent or not all_applied(testbed)) and monotonic() < end:
            for kind in ("E", "N"):
                name = f"{prefix}{kind}{len(sent):05}-"
                body = next(workload.new_tickets(directory, name, 1, system_clock()))
                if kind == "E":
                    body["emergency"] = "utilities"
                sent[body["ticket"]] = system_clock()
                with testbed.store.writing() as session:
                    add_messages(session, "bench", [body], system_clock())
            sleep(0.1)
    testbed.until(lambda: all_applied(testbed), 600, "all letters were applied")
    rows = testbed.sql(
        "SELECT t.number, pg_xact_commit_timestamp(e.xmin) FROM event e"
        " JOIN ticket t ON t.id = e.ticket_id"
        f" WHERE e.{named(EventName.TICKET_DISPATCHED)} AND t.number = ANY(%s)", [list(sent)]
    )  # fmt: skip
    if len(rows) != len(sent):
        raise BenchFailed(f"P6: {len(sent)} were sent, {len(rows)} dispatched")
    delays: dict[str, list[float]] = {"E": [], "N": []}
    for number, at in rows:
        late = (at - sent[number]).total_seconds() * 1000
        delays[number[len(prefix)]].append(late)
    return delays
