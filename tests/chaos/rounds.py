"""A round: the known feed under faults, from the first letter until nothing is due any more."""

import itertools
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.database import Store
from models.store_errors import is_transient
from tests.chaos.cluster import Cluster
from tests.chaos.events_sent import add_event_channel, all_sent, compare_events
from tests.chaos.faults import Fault, disk_full, faults_for
from tests.chaos.known_feed import FeedLine, known_feed, reference_run
from tests.chaos.verdict import Verdict, compare_with_reference, is_quiet
from tests.workers.event_receiver import EventReceiver, event_receiver

LogLine = Callable[[str], None]

_LOOK_EVERY = 0.02
_QUIET_WITHIN = 180.0
"""Seconds after the last fault within which all work must be done.

A channel of events is free again 40 seconds after a worker that held it was killed, and rests for
30 after three answers on end were lost.
"""


@dataclass(frozen=True)
class Round:
    """A round's database, length in seconds, faults, and how often and how long they happen.

    Its `events` are also sent to a receiver, some of whose answers are lost.
    """

    kind: str
    seed: int
    seconds: float = 15.0
    copies: int = 4
    only: Sequence[Fault] | None = None
    every: tuple[float, float] = (0.3, 1.5)
    lasting: tuple[float, float] = (0.5, 2.5)
    events: bool = True


@dataclass
class RoundResult:
    """The result of a round."""

    verdict: Verdict
    faults: int = 0
    log: str = ""
    unresponsive: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Return whether the store is the reference run's and all processes stopped when asked."""
        return self.verdict.good and not self.unresponsive


def run_round(wanted: Round, folder: Path, log_line: LogLine) -> RoundResult:
    """Run a round and compare its store with the reference."""
    rng = random.Random(wanted.seed)
    lines = known_feed(wanted.copies, rng)
    reference = reference_run(folder / f"reference-{wanted.kind}-{wanted.seed}", lines)
    with event_receiver() as receiver:
        return _run(wanted, receiver, lines, reference, rng, log_line)


def _run(
    wanted: Round,
    receiver: EventReceiver,
    lines: list[FeedLine],
    reference: Store,
    rng: random.Random,
    log_line: LogLine,
) -> RoundResult:
    cluster = Cluster(wanted.kind, lines, wanted.seconds, rng)
    if wanted.events:
        add_event_channel(cluster.home, receiver, random.Random(wanted.seed))
    try:
        faults = _under_faults(cluster, wanted, rng, log_line)
        _wait_for_rest(cluster, wanted, log_line)
        unresponsive = cluster.end()
        verdict = compare_with_reference(
            cluster.store, reference, lines, cluster.home / "notices.jsonl"
        )
        if wanted.events:
            compare_events(cluster.store, receiver, verdict)
        return RoundResult(verdict, faults, cluster.log.read_text(errors="replace"), unresponsive)
    finally:
        cluster.close()
        reference.close()


def _under_faults(cluster: Cluster, wanted: Round, rng: random.Random, log_line: LogLine) -> int:
    wished = faults_for(cluster) if wanted.only is None else wanted.only
    possible = [fault for fault in wished if fault is not disk_full or cluster.disk]
    began = time.monotonic()
    breaking = itertools.cycle(rng.sample(possible, len(possible)) or [None])
    next_at = began + 2.0
    count = 0
    while (now := time.monotonic()) < began + wanted.seconds + 2.0:
        cluster.step()
        if now >= next_at and not cluster.has_faults and (fault := next(breaking)):
            seconds = rng.uniform(*wanted.lasting)
            count += 1
            log_line(f"{now - began:6.2f} {cluster.clock():%m-%d %H:%M} {fault.__name__}: "
                f"{fault(cluster, seconds)}")  # fmt: skip
            next_at = time.monotonic() + rng.uniform(*wanted.every)
        time.sleep(_LOOK_EVERY)
    cluster.undo_faults()
    return count


def _wait_for_rest(cluster: Cluster, wanted: Round, log_line: LogLine) -> None:
    until = time.monotonic() + _QUIET_WITHIN
    while not _at_rest(cluster.store, wanted) or not cluster.all_fed:
        cluster.step()
        if time.monotonic() > until:
            log_line(cluster.log.read_text(errors="replace")[-4000:])
            return
        time.sleep(0.1)


def _at_rest(store: Store, wanted: Round) -> bool:
    try:
        with store.reading() as session:
            return is_quiet(session) and (not wanted.events or all_sent(session))
    except Exception as error:
        if not is_transient(error):
            raise
        return False
