"""`make fuzz`: every parser for a while, on nearly right inputs; what fell out is kept and told.

python -m tests.fuzz.run SECONDS [TARGET…]
"""

import itertools
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from random import Random

from models.errors import told_safely
from tests.fuzz.making import nearly_right
from tests.fuzz.targets import TARGETS, Target

KEPT = Path(".fuzz")


def falls_out(target: Target, data: bytes) -> str | None:
    """How the target fell over this input, or None where it read or refused it."""
    try:
        target.run(data)
    except target.allowed:
        return None
    except Exception as wrong:
        return told_safely(wrong, 3)
    return None


def fuzz(name: str, seconds: float) -> tuple[str, int, dict[str, bytes]]:
    """Run one target; returns how many inputs were tried, and what fell out: how, by which."""
    target, dice, tried = TARGETS[name], Random(), 0
    fell: dict[str, bytes] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = nearly_right(dice, target.seeds)
        tried += 1
        # the shortest of each kind is kept; the run goes on for others
        if (how := falls_out(target, data)) and len(data) < len(fell.get(how, data + b"+")):
            fell[how] = data
    return name, tried, fell


def main(seconds: float, names: list[str]) -> int:
    """Fuzz these targets (all, if none is named), as many at once as there are processors."""
    count = 0
    with ProcessPoolExecutor() as pool:
        for name, tried, fell in pool.map(fuzz, names, itertools.repeat(seconds)):
            print(f"{name}: {tried} inputs, {len(fell)} fell out", flush=True)
            for how, data in fell.items():
                count += 1
                KEPT.mkdir(exist_ok=True)
                path = KEPT / f"{name.replace(' ', '-')}-{sha256(data).hexdigest()[:12]}"
                path.write_bytes(data)
                print(f"  {how}\n    {path}")
    return 1 if count else 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main(float(sys.argv[1]), sys.argv[2:] or list(TARGETS)))
