"""`make fuzz`: fuzzes every parser for a while; saves and prints the inputs that failed.

python -m tests.fuzz SECONDS [TARGET…]
"""

import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.fuzz.targets import TARGETS

KEPT = Path(".fuzz")


def fuzz(name: str, seconds: int) -> tuple[int, int, list[Path]]:
    """Run one target in a process of its own: inputs tried, points reached, failing inputs.

    The input of a process that hangs, takes too much memory or dies is saved as well.
    """
    folder = KEPT / name.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("fell-*"):
        old.unlink()
    with (folder / "log").open("wb") as log:
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.coverage_guided",
            name,
            str(folder),
            str(seconds),
        ]
        ended = subprocess.run(command, stderr=log, stdout=log, check=False).returncode
    text = (folder / "log").read_text(errors="replace")
    tried = re.findall(r"number_of_executed_units: (\d+)|^#(\d+)\t", text, re.M)
    points = re.findall(r"cov: (\d+)", text)
    fell = [path for path in sorted(folder.glob("fell-*")) if path.suffix != ".why"]
    if ended and not fell:
        raise SystemExit(f"{name}: the fuzzer ended with {ended}; see {folder / 'log'}")
    return max((int(a or b) for a, b in tried), default=0), max(map(int, points), default=0), fell


def main(seconds: int, names: list[str]) -> int:
    """Fuzz these targets (all, if none is named), one after another; 1 if any input failed."""
    count = 0
    for name in names:
        tried, points, fell = fuzz(name, seconds)
        print(f"{name}: {tried} inputs, {points} points reached, {len(fell)} failed", flush=True)
        for path in fell:
            why = path.with_suffix(".why")
            print(f"  {why.read_text() if why.exists() else 'see log'}\n    {path}", flush=True)
        count += len(fell)
    return 1 if count else 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main(int(sys.argv[1]), sys.argv[2:] or list(TARGETS)))
