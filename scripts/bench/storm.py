"""P4: half past eight, and a tenth of all open tickets crosses a level."""

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
from scripts.bench.context import Bench
from scripts.bench.figures import Figure, Goal, Row, timed
from scripts.bench.peers.processes import PEERS, SWEEP, Peer, Running, chosen
from scripts.bench.testbed import DECIDING, BenchFailed, Site
from scripts.bench.ticket_copies import multiply
from workers.broker import Bells, connect

CLOCKS = 1_000_000
PEERS_CROSSING = 2_000
_ON_SQLITE = 5_000

# Complaints have seven working days; accepted on these, they cross at the storm's moment:
# their pre-warning, their yellow card, their red card. The others' pre-warnings come later.
MOMENT = workload.at("2026-03-18T08:30:00")
_BEFORE = MOMENT - timedelta(minutes=1)
_TEMPLATES = 300
_CROSSING_ACCEPTED = (("2026-03-10", 15), ("2026-03-06", 9), ("2026-03-05", 6))
CROSSING_SHARE = sum(share for _, share in _CROSSING_ACCEPTED) / _TEMPLATES
_LATER_ACCEPTED = ("2026-03-11", "2026-03-12", "2026-03-13", "2026-03-16", "2026-03-17")


def storm(bench: Bench) -> Row:
    """P4: from the moment until every level is recorded, against one statement of SQL."""
    site, clocks, crossing = open_tickets(bench)
    ours, limit = [], []
    for run in range(bench.runs):
        bench.tell(f"P4: run {run + 1}, {crossing:,} tickets cross a level")
        ours.append(weather(site, crossing))
        keep(site, crossing)
        limit.append(write_at_once(site))
        take_back(site)
    figures = [
        Figure("the storm: all levels recorded with their notices", "s", ours,
               "L: one SQL statement that writes the same rows", limit, Goal(least=0.5),
               f"{crossing:,} of {clocks:,} open tickets"),
        Figure("the storm, in all", "s", ours, "30 s", [30.0], Goal(most=1.0)),
    ]  # fmt: skip
    if not bench.quick:
        figures.append(_on_sqlite(bench))
    rate = Figure("tickets that cross a level, by peers", "tickets/s", [crossing / s for s in ours])
    peers, absent = chosen((SWEEP, *PEERS), quick=bench.quick)
    for peer in peers:
        bench.tell(f"P4: {peer.name}")
        found = _peer(bench, site, peer)
        goal = Goal(least=10) if peer is SWEEP else Goal()
        figures.append(rate.against_peer(peer.name, found, goal))
    return Row("P4", figures, absent)


def _on_sqlite(bench: Bench) -> Figure:
    """The same on SQLite, which has one writer: tickets a second, on a new store each time."""
    count, rates = bench.sized(_ON_SQLITE, 100), []
    days = [day for day, _ in _CROSSING_ACCEPTED]
    for run in range(bench.runs):
        bench.tell(f"P4: SQLite, run {run + 1}, {count:,} tickets cross a level")
        with bench.sqlite_site("P4") as site:
            play_templates(site, [days[n % len(days)] for n in range(count)], _BEFORE)
            rates.append(count / cross(site, count))
    return Figure("the storm on SQLite, synchronous=FULL", "tickets/s", rates,
                  note=f"{count:,} tickets cross a level")  # fmt: skip


def open_tickets(bench: Bench) -> tuple[Site, int, int]:
    """A store full of open tickets, made at the first call; how many, and how many will cross."""
    clocks = bench.sized(CLOCKS, 3_000)
    if "open" not in bench.kept:
        bench.tell(f"making {clocks:,} open tickets")
        site = bench.closing.enter_context(bench.site("open"))
        bench.kept["open"] = site, prepare_storm(site, clocks)
    site, crossing = bench.kept["open"]
    return site, clocks, crossing


def _peer(bench: Bench, site: Site, peer: Peer) -> list[float]:
    """Tickets a second that a peer raises the level of, one job and one transaction each."""
    count, rates = bench.sized(PEERS_CROSSING, 50), []
    file = site.settings.home / "crossing.jsonl"
    sample = "SELECT id, seq FROM bench.before ORDER BY id LIMIT %s"
    clocks = [{"id": number, "now": MOMENT.isoformat()} for number, _ in site.sql(sample, [count])]
    done = ("SELECT count(*) FROM ticket t JOIN bench.before b USING (id)"
            " WHERE t.id = ANY(%s) AND t.seq > b.seq")  # fmt: skip
    with Running(peer, site) as running:
        for part in (clocks[:20], *[clocks] * bench.runs):
            site.settle()
            workload.write_lines(file, part)
            numbers = [one["id"] for one in part]
            began = monotonic()
            running.hand_over("clocks", file)
            site.until(partial(_all, site, done, numbers), 120, peer.name)
            rates.append(len(part) / (monotonic() - began))
            take_back(site)
    # the first was for warming up: interpreters, pools, the rulebook
    return rates[1:]


def _all(site: Site, count: str, numbers: Sequence[int]) -> bool:
    return bool(site.sql(count, [numbers])[0][0] == len(numbers))


def prepare_storm(site: Site, clocks: int) -> int:
    """Fill a store with open tickets; returns how many cross a level at the moment."""
    first = site.sql("SELECT coalesce(max(id), 0) + 1 FROM ticket")[0][0]
    days = [day for day, share in _CROSSING_ACCEPTED for _ in range(share)]
    later = _TEMPLATES - len(days)
    days += [_LATER_ACCEPTED[n % len(_LATER_ACCEPTED)] for n in range(later)]
    play_templates(site, days, _BEFORE)
    multiply(site, first, clocks)
    site.sql("CREATE SCHEMA bench")
    bells = "SELECT * FROM bell WHERE queue = 'escalation' AND due_at = %s"
    site.sql("CREATE TABLE bench.bell_before AS " + bells, [MOMENT])
    site.sql("CREATE TABLE bench.before AS SELECT t.* FROM ticket t"
             " JOIN bench.bell_before b ON b.row_id = t.id")  # fmt: skip
    site.sql("ALTER TABLE bench.before ADD PRIMARY KEY (id)")
    early = site.sql("SELECT count(*) FROM bell WHERE due_at < %s", [MOMENT])[0][0]
    crossing = site.sql("SELECT count(*) FROM bench.before")[0][0]
    if early or not crossing:
        raise BenchFailed(f"P4: {crossing} tickets cross at the moment, {early} before")
    return int(crossing)


def play_templates(site: Site, days: Sequence[str], until: datetime) -> None:
    """Complaints accepted on these days, carried to `until` by the service's own operations."""
    with site.store.reading() as session:
        directory = load_rulebook(session).directory
    firsts = workload.received(directory, "T", len(days), until)
    messages = []
    for day, letter in zip(days, firsts, strict=True):
        letter["category"] = "complaint"
        messages += workload.handled(letter, workload.at(f"{day}T10:00:00"))
    site.play(messages, lambda: until)


def weather(site: Site, crossing: int) -> float:
    """Seconds from the moment until all levels are recorded, in a store as after a quiet hour."""
    site.settle()
    return cross(site, crossing)


def cross(site: Site, crossing: int) -> float:
    """Seconds from the moment until all levels are recorded, by real processes."""
    now = site.start_before(MOMENT, DECIDING)
    try:
        return _wait(site, now, crossing)
    finally:
        site.stop()


def _wait(site: Site, now: Now, crossing: int) -> float:
    while (left := (MOMENT - now()).total_seconds()) > 0:
        sleep(min(left, 0.05))
    began = monotonic()
    bells = Bells(connect(str(site.settings.broker_url)))
    # a ticket that has been rung for is due again half a minute later; one that is done, days later
    soon = MOMENT + timedelta(hours=1)
    waiting = select(BELL.c.row_id).where(BELL.c.queue == ESCALATION, BELL.c.ring_at < soon)

    def over() -> bool:
        # while bells wait it cannot be, and to ask the store took a twentieth of the machine
        return not bells.waiting()[ESCALATION] and _first(site, waiting.limit(1)) is None

    site.until(over, 600, "every level was recorded")
    seconds = monotonic() - began
    levels = select(func.count()).where(EVENT.c.name == "alert.raised", EVENT.c.moment == MOMENT)
    if (raised := _first(site, levels)) != crossing:
        raise BenchFailed(f"{crossing} levels should have been raised, not {raised}")
    return seconds


def _first(site: Site, question: Select[Any]) -> Any:
    with site.store.reading() as session:
        return session.scalar(question)


def keep(site: Site, crossing: int) -> None:
    """Remember the rows that the storm has written, and take them back."""
    site.sql("DROP TABLE IF EXISTS bench.ticket, bench.event, bench.notice, bench.bell")
    among = "FROM {} AS t JOIN bench.before AS b ON b.id = t.ticket_id AND t.seq > b.seq"
    site.sql("CREATE TABLE bench.event AS SELECT t.* " + among.format("event"))
    site.sql("CREATE TABLE bench.notice AS SELECT t.* " + among.format("notice"))
    site.sql("CREATE TABLE bench.ticket AS SELECT t.* FROM ticket t JOIN bench.before USING (id)")
    site.sql("CREATE TABLE bench.bell AS SELECT t.* FROM bell t"
             " JOIN bench.bell_before b USING (row_id, queue)")  # fmt: skip
    take_back(site)
    if site.sql("SELECT count(*) FROM bench.event")[0][0] < crossing:
        raise BenchFailed("P4: fewer events than levels")


def take_back(site: Site) -> None:
    """Have the tickets stand before the moment again."""
    for table in ("notice", "event"):
        site.sql(
            f"DELETE FROM {table} t USING bench.before b WHERE b.id = t.ticket_id AND t.seq > b.seq"
        )
    site.sql(_update(_changed(site), "bench.before"))
    site.sql("DELETE FROM bell t USING bench.bell_before b"
             " WHERE (t.row_id, t.queue) = (b.row_id, b.queue)")  # fmt: skip
    site.sql("INSERT INTO bell SELECT * FROM bench.bell_before")


def write_at_once(site: Site) -> float:
    """Seconds that one statement on one connection takes to write what the storm wrote."""
    site.settle()
    statement = (
        "WITH e AS (INSERT INTO event SELECT * FROM bench.event),"
        " n AS (INSERT INTO notice SELECT * FROM bench.notice),"
        " u AS (UPDATE bell t SET due_at = b.due_at, ring_at = b.ring_at FROM bench.bell b"
        " WHERE (t.row_id, t.queue) = (b.row_id, b.queue)),"
        " d AS (DELETE FROM bell t USING bench.bell_before b WHERE (t.row_id, t.queue) ="
        " (b.row_id, b.queue) AND NOT EXISTS (SELECT 1 FROM bench.bell k"
        " WHERE (k.row_id, k.queue) = (t.row_id, t.queue))) "
        + _update(_changed(site), "bench.ticket")
    )
    return timed(lambda: site.sql(statement))


def _changed(site: Site) -> list[str]:
    """The columns of a ticket that are written when it is carried on."""
    rows = site.sql("SELECT attname FROM pg_attribute WHERE attrelid = 'bench.before'::regclass"
                    " AND attnum > 0 AND NOT attisdropped")  # fmt: skip
    fixed = {"id", "number", "title", "facts", "claimant"}
    return [name for (name,) in rows if name not in fixed]


def _update(columns: Sequence[str], source: str) -> str:
    sets = ", ".join(f'"{c}" = new."{c}"' for c in columns)
    return f"UPDATE ticket SET {sets} FROM {source} AS new WHERE new.id = ticket.id"
