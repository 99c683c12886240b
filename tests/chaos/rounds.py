"""A known feed played under faults, from the first letter until nothing is left to happen."""

import itertools
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.database import Store
from models.store_errors import is_transient
from tests.chaos.cluster import City
from tests.chaos.faults import Fault, disk_full, faults_for
from tests.chaos.known_feed import known_feed, reference_run
from tests.chaos.verdict import Verdict, compare_with_reference, is_quiet

Say = Callable[[str], None]

_LOOK_EVERY = 0.02
_QUIET_WITHIN = 90.0
"""Seconds after the last fault in which everything has to be done."""


@dataclass(frozen=True)
class Round:
    """One playing: on which database, for how many seconds, and what is broken how often."""

    kind: str
    seed: int
    seconds: float = 15.0
    copies: int = 4
    only: Sequence[Fault] | None = None
    every: tuple[float, float] = (0.3, 1.5)
    lasting: tuple[float, float] = (0.5, 2.5)


@dataclass
class Played:
    """What came of a round."""

    verdict: Verdict
    faults: int = 0
    log: str = ""
    stubborn: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether the end is that of the faultless run, and everybody ended when told to."""
        return self.verdict.good and not self.stubborn


def play(wanted: Round, folder: Path, say: Say) -> Played:
    """Play a round; raises AssertionError where it does not come to rest."""
    dice = random.Random(wanted.seed)
    lines = known_feed(wanted.copies, dice)
    reference = reference_run(folder / f"reference-{wanted.kind}-{wanted.seed}", lines)
    city = City(wanted.kind, lines, wanted.seconds, dice)
    try:
        faults = _under_faults(city, wanted, dice, say)
        _wait_for_rest(city, say)
        stubborn = city.end()
        verdict = compare_with_reference(city.store, reference, lines, city.home / "notices.jsonl")
        return Played(verdict, faults, city.log.read_text(errors="replace"), stubborn)
    finally:
        city.close()
        reference.close()


def _under_faults(city: City, wanted: Round, dice: random.Random, say: Say) -> int:
    wished = faults_for(city) if wanted.only is None else wanted.only
    possible = [fault for fault in wished if fault is not disk_full or city.disk]
    began = time.monotonic()
    breaking = itertools.cycle(dice.sample(possible, len(possible)) or [None])
    next_at = began + 2.0
    count = 0
    while (now := time.monotonic()) < began + wanted.seconds + 2.0:
        city.look()
        if now >= next_at and not city.broken and (fault := next(breaking)):
            seconds = dice.uniform(*wanted.lasting)
            count += 1
            say(f"{now - began:6.2f} {city.clock():%m-%d %H:%M} {fault.__name__}: "
                f"{fault(city, seconds)}")  # fmt: skip
            next_at = time.monotonic() + dice.uniform(*wanted.every)
        time.sleep(_LOOK_EVERY)
    city.put_together()
    return count


def _wait_for_rest(city: City, say: Say) -> None:
    until = time.monotonic() + _QUIET_WITHIN
    while not _at_rest(city.store) or not city.all_fed:
        city.look()
        if time.monotonic() > until:
            say(city.log.read_text(errors="replace")[-4000:])
            return
        time.sleep(0.1)


def _at_rest(store: Store) -> bool:
    try:
        with store.reading() as session:
            return is_quiet(session)
    except Exception as wrong:
        if not is_transient(wrong):
            raise
        return False
