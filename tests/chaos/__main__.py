"""The long suite, `make chaos`: each fault alone, then all of them in random mixes.

    make chaos CHAOS_SEED=7 CHAOS_SECONDS=1800

Each round is played on SQLite and on PostgreSQL. `CHAOS_SECONDS` (default 1200) is how long new
rounds are begun; `CHAOS_SEED` (default: of the moment, and printed) makes the same dice fall again.
"""

import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from tests.chaos.faults import ANYWHERE, ON_POSTGRESQL, disk_full, frozen
from tests.chaos.rounds import Played, Round, play

_KINDS = ("sqlite", "postgresql")
_LONGEST_LEASE = 15.0
_SHOWN = 20


def rounds(seed: int) -> Iterator[Round]:
    """One without faults, each fault alone, one frozen beyond the broker's lease, then mixes."""
    seeds = count(seed)
    alone = (*ANYWHERE, *ON_POSTGRESQL, disk_full)
    for kind in _KINDS:
        yield Round(kind, next(seeds), only=())
    for fault in alone:
        for kind in _KINDS if fault not in ON_POSTGRESQL else _KINDS[1:]:
            yield Round(kind, next(seeds), only=(fault,))
    for kind in _KINDS:
        lasting = (_LONGEST_LEASE + 2, _LONGEST_LEASE + 3)
        yield Round(kind, next(seeds), seconds=25, only=(frozen,), lasting=lasting)
    while True:
        for kind in _KINDS:
            yield Round(kind, next(seeds), seconds=30, copies=12)


def main() -> int:
    """Play rounds until the time is over; 0 if all of them ended as if nothing had happened."""
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(1_000_000))
    until = time.monotonic() + float(os.environ.get("CHAOS_SECONDS") or 1200)
    say(f"CHAOS_SEED={seed}")
    faults = messages = lost = twice = 0
    good = True
    with tempfile.TemporaryDirectory(prefix="hotline-chaos-") as folder:
        for number, wanted in enumerate(rounds(seed), 1):
            if time.monotonic() > until:
                break
            names = "all" if wanted.only is None else ", ".join(f.__name__ for f in wanted.only)
            say(f"round {number}: {wanted.kind}, seed {wanted.seed}, faults: {names or 'none'}")
            played = play(wanted, Path(folder), say)
            good &= played.good
            faults += played.faults
            messages += played.verdict.messages
            lost += len(played.verdict.lost)
            twice += len(played.verdict.twice)
            _tell(played)
    say(f"faults {faults} messages {messages} lost {lost} twice {twice}")
    return 0 if good else 1


def _tell(played: Played) -> None:
    verdict = played.verdict
    say(
        f"  {verdict.messages} messages, {verdict.notices} notices, lost {len(verdict.lost)}, "
        f"twice {len(verdict.twice)}, different {len(verdict.different)}, "
        f"letters sent again under their id {verdict.sent_again}"
    )
    for title in ("lost", "twice", "different"):
        for line in getattr(verdict, title)[:_SHOWN]:
            say(f"  {title}: {line}")
    if played.stubborn:
        say(f"  did not end when told to: {', '.join(played.stubborn)}")
    if not played.good:
        say(played.log[-20_000:])


def say(text: str) -> None:
    """A line of the run's own log."""
    print(text, flush=True)


if __name__ == "__main__":
    # told to end, it ends what it has started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
