"""Real processes of the service, started and ended by the tests."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from models.security.encryption import load_cipher
from tests.store.factories import KEY_LINE

ROLE = tuple[str, ...]


def environment(home: Path, store_url: str, broker_url: str, **more: str) -> dict[str, str]:
    """Return the environment of a test's processes; the developer's own settings are left out."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    home.mkdir(parents=True, exist_ok=True)
    key = home / "hotline.key"
    if not key.exists():
        key.write_text(KEY_LINE)
    load_cipher(key)
    settings = {"HOME": str(home), "DATABASE_URL": store_url, "BROKER_URL": broker_url}
    return kept | {f"HOTLINE_{k}": v for k, v in (settings | more).items()}


@contextmanager
def process(*role: str, env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process of the `hotline` command; at the end it is killed if it still runs."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            [sys.executable, "-P", "-m", "scripts", *role], env=env, stdout=output, stderr=output
        )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.wait()


def wait_until(condition: Callable[[], bool], seconds: float, why: str) -> None:
    """Wait until `condition` is true; fails with `why` when it is not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {why}")
        time.sleep(0.05)
