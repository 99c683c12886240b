"""The long suite, `make chaos`: each fault alone, then all of them in random mixes.

    make chaos CHAOS_SEED=7 CHAOS_SECONDS=1800

Each round runs on SQLite and on PostgreSQL. New rounds start for `CHAOS_SECONDS` (default 1200);
`CHAOS_SEED` (default: a random one, which is printed) repeats the random choices of a run.
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
from tests.chaos.rounds import Round, RoundResult, run_round

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
    """Run rounds until the time is over; 0 if the faults changed nothing in any of them."""
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(1_000_000))
    until = time.monotonic() + float(os.environ.get("CHAOS_SECONDS") or 1200)
    log_line(f"CHAOS_SEED={seed}")
    faults = messages = lost = twice = 0
    good = True
    with tempfile.TemporaryDirectory(prefix="hotline-chaos-") as folder:
        for number, wanted in enumerate(rounds(seed), 1):
            if time.monotonic() > until:
                break
            names = "all" if wanted.only is None else ", ".join(f.__name__ for f in wanted.only)
            log_line(
                f"round {number}: {wanted.kind}, seed {wanted.seed}, faults: {names or 'none'}"
            )
            result = run_round(wanted, Path(folder), log_line)
            good &= result.good
            faults += result.faults
            messages += result.verdict.messages
            lost += len(result.verdict.lost)
            twice += len(result.verdict.twice)
            _print_result(result)
    log_line(f"faults {faults} messages {messages} lost {lost} twice {twice}")
    return 0 if good else 1


def _print_result(result: RoundResult) -> None:
    verdict = result.verdict
    log_line(
        f"  {verdict.messages} messages, {verdict.notices} notices, lost {len(verdict.lost)}, "
        f"twice {len(verdict.twice)}, different {len(verdict.different)}, "
        f"letters sent again under their id {verdict.sent_again}, "
        f"tickets out of order {verdict.out_of_order}, "
        f"events sent {verdict.events}, sent again under their id {verdict.events_again}"
    )
    for title in ("lost", "twice", "different"):
        for line in getattr(verdict, title)[:_SHOWN]:
            log_line(f"  {title}: {line}")
    if result.unresponsive:
        log_line(f"  did not end when told to: {', '.join(result.unresponsive)}")
    if not result.good:
        log_line(result.log[-20_000:])


def log_line(text: str) -> None:
    """Print a line of the run's log."""
    print(text, flush=True)


if __name__ == "__main__":
    # On SIGTERM it ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
